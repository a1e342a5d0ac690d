# SPDX-License-Identifier: Apache-2.0
# Where machines stand. Nothing reaches them from outside: they call out, to Systems Manager and to
# GitHub.
data "aws_vpc" "default" {
  count   = var.network.vpc_id == null ? 1 : 0
  default = true
}

data "aws_subnets" "default" {
  count = var.network.vpc_id == null ? 1 : 0
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default[0].id]
  }
}

locals {
  vpc_id     = var.network.vpc_id != null ? var.network.vpc_id : data.aws_vpc.default[0].id
  subnet_ids = var.network.subnet_ids != null ? var.network.subnet_ids : sort(data.aws_subnets.default[0].ids)

  all_subnet_ids = distinct(concat(local.subnet_ids, flatten([for pool in var.pools : coalesce(pool.subnet_ids, [])])))

  security_group_ids = var.network.security_group_ids != null ? var.network.security_group_ids : [aws_security_group.machine[0].id]
}

resource "aws_security_group" "machine" {
  #checkov:skip=CKV_AWS_382:Jobs fetch from wherever they like; network.security_group_ids takes a narrower group
  #checkov:skip=CKV2_AWS_5:The launch templates use it
  count = var.network.security_group_ids == null ? 1 : 0

  name        = "${var.name}-machine"
  description = "Jitney ${var.name}: machines that run jobs; nothing comes in"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-machine" })

  egress {
    description      = "To GitHub, Systems Manager, and whatever jobs need"
    from_port        = 0
    to_port          = 0
    protocol         = "-1"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}
