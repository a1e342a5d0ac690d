# SPDX-License-Identifier: Apache-2.0
# cp secrets.example.tfvars secrets.tfvars, which git ignores; chmod 600 secrets.tfvars
# terraform apply -var-file=secrets.tfvars
secrets = {
  acme = {
    webhook_secret = "" # openssl rand -hex 32

    # The App's private key, whole.
    private_key = <<-PEM
    -----BEGIN RSA PRIVATE KEY-----
    -----END RSA PRIVATE KEY-----
    PEM

    # Or, without an App, a token instead of private_key:
    # token = "github_pat_..."
  }
}
