# SPDX-License-Identifier: Apache-2.0
# An image of your own with the runner unpacked in /opt/actions-runner (runner/README.md) and your tools: nothing is
# downloaded or installed before a job.

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

variable "image" {
  description = "The AMI, in this account and region."
  type        = string
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

  pools = [{
    name      = "template_baked"
    image     = var.image
    volume_gb = 80
    settings  = { JITNEY_DIAGNOSTICS = "all" }
  }]
  image_owners = ["self"]
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
