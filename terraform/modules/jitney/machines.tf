# SPDX-License-Identifier: Apache-2.0
# How a pool's machines look: one launch template a pool, found by its name. Which type, subnet and
# market a machine gets is said at launch; whatever else it is, it is from here.
locals {
  runner_files  = "${path.module}/../../../runner"
  runner_script = "${local.runner_files}/jitney-runner"

  # Where AWS and the distributors publish the newest image; by pool.arch where the words differ.
  debian_arch = { x86_64 = "amd64", arm64 = "arm64" }
  image_parameters = {
    for name, pool in local.pools : name => lookup({
      "al2023"       = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${pool.arch}"
      "ubuntu-22.04" = "/aws/service/canonical/ubuntu/server/22.04/stable/current/${local.debian_arch[pool.arch]}/hvm/ebs-gp2/ami-id"
      "ubuntu-24.04" = "/aws/service/canonical/ubuntu/server/24.04/stable/current/${local.debian_arch[pool.arch]}/hvm/ebs-gp3/ami-id"
      "debian-12"    = "/aws/service/debian/release/12/latest/${local.debian_arch[pool.arch]}"
    }, pool.image, null) if !startswith(pool.image, "ami-")
  }
  images = {
    for name, pool in local.pools : name =>
    startswith(pool.image, "ami-") ? pool.image : nonsensitive(data.aws_ssm_parameter.image[name].value)
  }

  # runner/README.md, "Settings". A pool's own word counts last.
  runner_version = var.runner.version == null ? {} : { JITNEY_RUNNER_VERSION = var.runner.version }
  runner_mirror  = var.runner.mirror == null ? {} : { JITNEY_MIRROR = var.runner.mirror }
  settings = {
    for name, pool in local.pools : name => merge(
      local.runner_version,
      local.runner_mirror,
      contains(keys(var.runner.sha256), pool.arch) ? { JITNEY_RUNNER_SHA256 = var.runner.sha256[pool.arch] } : {},
      var.runner.settings,
      pool.settings,
    )
  }
  user_data = {
    for name, pool in local.pools : name => replace(replace(replace(replace(
      file("${local.runner_files}/user-data"),
      "%SETTINGS%", join("\n", [for key, value in local.settings[name] : "${key}='${value}'"])),
      "%REGION%", local.region),
      "%DOMAIN%", local.domain),
      "# %EXTRA%", pool.user_data
    )
  }
}

data "aws_ssm_parameter" "image" {
  for_each = local.image_parameters
  name     = each.value
}

# For the name of the root device, without which the volume below would be a second one.
data "aws_ami" "this" {
  for_each = local.pools

  most_recent = true
  owners      = var.image_owners
  filter {
    name   = "image-id"
    values = [local.images[each.key]]
  }
}

resource "aws_launch_template" "pool" {
  for_each = local.pools

  name                                 = "${var.name}-${each.key}"
  description                          = "Jitney ${var.name}: machines of pool ${each.key}"
  update_default_version               = true
  image_id                             = local.images[each.key]
  instance_initiated_shutdown_behavior = "terminate" # the last resort of a machine that nobody stops
  user_data                            = base64encode(local.user_data[each.key])
  tags                                 = local.machine_tags

  iam_instance_profile {
    name = aws_iam_instance_profile.machine.name
  }

  # A hop limit of 1 keeps containers from the role of their machine.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  network_interfaces {
    associate_public_ip_address = var.network.public_ip
    delete_on_termination       = true
    security_groups             = local.security_group_ids
  }

  block_device_mappings {
    device_name = data.aws_ami.this[each.key].root_device_name
    ebs {
      encrypted             = true
      delete_on_termination = true
      volume_type           = "gp3"
      volume_size           = each.value.volume_gb
      iops                  = each.value.volume_iops
      throughput            = each.value.volume_mb_second
    }
  }

  # All of them, because the functions may create nothing without the deployment's tag.
  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface", "spot-instances-request"]
    content {
      resource_type = tag_specifications.value
      tags          = merge(local.machine_tags, { Name = "${var.name}-${each.key}", "jitney:pool" = each.key })
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.user_data[each.key]) <= 16384
      error_message = "The user data of pool ${each.key} has ${length(local.user_data[each.key])} bytes, EC2 takes 16384: let user_data fetch the rest from S3, or bake an image."
    }
    precondition {
      condition     = data.aws_ami.this[each.key].architecture == each.value.arch
      error_message = "Pool ${each.key} has arch ${each.value.arch}, and its image ${local.images[each.key]} is for ${data.aws_ami.this[each.key].architecture}."
    }
  }
}
