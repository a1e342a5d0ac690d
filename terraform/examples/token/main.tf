# SPDX-License-Identifier: Apache-2.0
# A token instead of a GitHub App, for one repository; and secrets that are in Secrets Manager already, so that Terraform never
# sees them. The token: fine-grained, with Administration: read and write on this repository.

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

variable "token_arn" {
  type = string
}

variable "webhook_secret_arn" {
  type = string
}

variable "kms_key_arn" {
  description = "The key under which both are encrypted. The functions may decrypt with it."
  type        = string
}

module "jitney" {
  source  = "../../modules/jitney"
  package = "../../../build/package/jitney-lambda-x86_64.zip"

  github = {
    shop = {
      url                = "https://github.com/acme/shop"
      token_arn          = var.token_arn
      webhook_secret_arn = var.webhook_secret_arn
    }
  }
  kms_key_arn = var.kms_key_arn
  pools       = [{ name = "template_cpu", max = 4 }]

  # Cheaper to stand still, for a repository whose jobs may wait some minutes after a mishap.
  schedules    = { sweep = 5 }
  extra_config = <<-EOT
    [sweep]
    check_after = "20m"
  EOT
}

output "webhook_url" {
  value = module.jitney.webhook_url
}

output "labels" {
  value = module.jitney.labels
}
