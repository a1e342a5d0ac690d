# SPDX-License-Identifier: Apache-2.0
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }

  # The state holds no secret, but it is worth keeping: see docs/aws.md.
  # backend "s3" {}
}
