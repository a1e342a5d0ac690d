# SPDX-License-Identifier: Apache-2.0
# Several kinds of machines. Order matters: a job goes to the first pool that has all its labels, so the special ones do not
# bear labels of the ordinary ones beyond self-hosted and their own.

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

  pools = [
    {
      name   = "template_cpu"
      labels = ["self-hosted", "linux", "x64"]
      max    = 50
      warm   = 1
      instance_types = [
        "m7i.xlarge", "m7a.xlarge", "m6i.xlarge", "m6a.xlarge", "m5.xlarge", "m5a.xlarge",
      ]
      image    = "ubuntu-24.04"
      settings = { JITNEY_SUDO = "yes" } # a machine of its own for each job
    },
    {
      name           = "template_arm64"
      labels         = ["self-hosted", "linux", "arm64"]
      arch           = "arm64"
      max            = 20
      instance_types = ["m8g.xlarge", "m7g.xlarge", "m6g.xlarge", "c7g.xlarge"]
    },
    {
      # GPU quotas begin at zero: ask for "All G and VT Spot Instance Requests" first. The image must bring the driver.
      name           = "template_gpu"
      labels         = ["self-hosted", "linux", "gpu"]
      max            = 2
      image          = var.gpu_image
      instance_types = ["g6.xlarge", "g5.xlarge", "g4dn.xlarge"]
      volume_gb      = 150
      on_demand      = "never"
      deadlines      = { boot = "15m", max_job_time = "24h" }
    },
  ]
  image_owners = ["self", "amazon", "099720109477"]
}

variable "gpu_image" {
  description = "An AMI with the NVIDIA driver, such as AWS's Deep Learning Base AMI."
  type        = string
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
