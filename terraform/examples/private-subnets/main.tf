# SPDX-License-Identifier: Apache-2.0
# An existing VPC whose subnets have no public addresses. Machines need a way to GitHub, which is on the internet: NAT. That
# way serves AWS's own services, too; with endpoints their traffic, SSM's polls and the logs stay off it. Without
# any endpoint this works as well; without NAT it does not, unless GitHub is a server in your network.

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

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "Private ones, in several zones: more zones, more spot capacity."
  type        = list(string)
}

variable "route_table_ids" {
  type = list(string)
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

  network = {
    vpc_id     = var.vpc_id
    subnet_ids = var.subnet_ids
    public_ip  = false
  }
}

# Free of charge, and where the runner's script and JIT configurations come from.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.eu-central-1.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
}

# Each of these costs by the hour and zone; leave them out where NAT is wide enough.
resource "aws_vpc_endpoint" "agent" {
  for_each = toset(["ssm", "ssmmessages", "ec2messages", "logs"])

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.eu-central-1.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
}

resource "aws_security_group" "endpoints" {
  name        = "jitney-endpoints"
  description = "AWS services, from the machines of Jitney"
  vpc_id      = var.vpc_id

  ingress {
    description     = "HTTPS from machines"
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    security_groups = module.jitney.security_group_ids
  }
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
