# SPDX-License-Identifier: Apache-2.0
# The least: one organisation with a GitHub App, one pool in the default VPC, everything else as it comes.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "jitney" {
  source  = "../../modules/jitney"
  package = "../../../build/package/jitney-lambda-x86_64.zip"

  github = {
    acme = {
      url             = "https://github.com/acme"
      client_id       = "Iv23liExampleExample"
      installation_id = 12345678
    }
  }
  secrets = var.secrets
  pools   = [{ name = "template_cpu" }]
}

variable "secrets" {
  type = map(object({
    webhook_secret = optional(string)
    private_key    = optional(string)
    token          = optional(string)
  }))
  sensitive = true
  ephemeral = true
}

output "webhook_url" {
  value = module.jitney.webhook_url
}

output "labels" {
  value = module.jitney.labels
}
