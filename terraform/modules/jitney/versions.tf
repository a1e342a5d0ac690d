# SPDX-License-Identifier: Apache-2.0
terraform {
  # 1.11 has write-only arguments and ephemeral variables: secrets stand neither in plan nor state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}
