# SPDX-License-Identifier: Apache-2.0
# cp jitney.example.tfvars jitney.auto.tfvars; modules/jitney/variables.tf has everything else.
region  = "eu-central-1"
package = "../build/package/jitney-lambda-x86_64.zip"
# Of the functions: "arm64" where script/package ran on such a machine, whose zip is named so.
architecture = "x86_64"

github = {
  acme = {
    url             = "https://github.com/acme"
    client_id       = "Iv23liExampleExample" # of the GitHub App
    installation_id = 12345678
  }
}

pools = [
  {
    name           = "template_cpu" # runs-on: [self-hosted, template_cpu]
    max            = 10
    instance_types = ["m7i.large", "m6i.large", "m6a.large", "m5.large"]
  },
]
