# SPDX-License-Identifier: Apache-2.0
data "aws_caller_identity" "this" {}
data "aws_region" "this" {}
data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.region
  partition = data.aws_partition.this.partition
  domain    = data.aws_partition.this.dns_suffix

  # Bucket names are one world for all accounts.
  bucket_suffix = "${local.account}-${local.region}"

  pools = { for pool in var.pools : pool.name => pool }

  # Whatever bears this tag is ours; the functions' policies and the sweep go by it.
  machine_tags = merge(var.tags, { "jitney:deployment" = var.name })

  functions = {
    autoscaler = {
      about   = "Records webhooks of GitHub and wakes create_runner"
      memory  = 256
      timeout = 10 # GitHub waits no longer
      secrets = local.webhook_secret_arns
      grants  = ["ledger", "wake"]
    }
    create_runner = {
      about   = "Plans, claims and launches machines, and starts runners on them"
      memory  = 256
      timeout = 120
      secrets = local.forge_secret_arns
      grants  = ["ledger", "wake", "receive_create", "look", "launch", "start", "stop"]
    }
    stop_runner = {
      about   = "Deregisters runners that ended and stops their machines"
      memory  = 256
      timeout = 120
      secrets = local.forge_secret_arns
      grants  = ["ledger", "wake", "receive_stop", "look", "stop"]
    }
    move_jobs = {
      about   = "Redrives dead letters whose job GitHub still calls queued"
      memory  = 256
      timeout = 120
      secrets = local.forge_secret_arns
      grants  = ["ledger", "wake", "dead_letters"]
    }
    sweep = {
      about   = "Compares ledger, machines and GitHub, and mends what differs"
      memory  = 256
      timeout = 120
      secrets = local.forge_secret_arns
      grants  = ["ledger", "wake", "look", "stop"]
    }
  }
  timeouts = { for name, f in local.functions : name => lookup(var.functions.timeout, name, f.timeout) }
}
