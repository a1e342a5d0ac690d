# SPDX-License-Identifier: Apache-2.0
# A deployment to begin with; docs/aws.md leads through it. What has no variable here is set in the
# call below, or in a root module of your own (examples/).
provider "aws" {
  region = var.region
}

module "jitney" {
  source = "./modules/jitney"

  name            = var.name
  package         = var.package
  architecture    = var.architecture
  github          = var.github
  secrets         = var.secrets
  secrets_version = var.secrets_version
  pools           = var.pools
  network         = var.network
  alarms          = var.alarms
  tags            = var.tags
}
