# SPDX-License-Identifier: Apache-2.0
# The functions' jitney.toml: docs/configuration.md. Rendered here, because Terraform alone knows
# the names of what it made; handed over in an environment variable, or in the zip when too long.
locals {
  # One number for the schedule and for what the sweep expects of its clock. TOML knows a table once,
  # so where extra_config has [sweep] the line goes there.
  sweep_table = "[sweep]\ninterval = \"${var.schedules.sweep}m\""
  own_sweep   = "/(?m)^[ \t]*\\[[ \t]*sweep[ \t]*\\]/"
  extra_config = (can(regex(trim(local.own_sweep, "/"), var.extra_config))
    ? replace(var.extra_config, local.own_sweep, local.sweep_table)
    : trimspace("${local.sweep_table}\n\n${var.extra_config}")
  )

  config = templatefile("${path.module}/jitney.toml.tftpl", {
    deployment    = var.name
    region        = local.region
    log_level     = var.functions.log_level
    table         = aws_dynamodb_table.ledger.name
    queues        = { for name, queue in aws_sqs_queue.this : name => queue.url }
    dead_queue    = aws_sqs_queue.dead.url
    jit_bucket    = aws_s3_bucket.jit.bucket
    machine_role  = aws_iam_role.machine.unique_id
    runner_script = "s3://${aws_s3_bucket.runner.bucket}/${aws_s3_object.runner.key}"
    log_group     = aws_cloudwatch_log_group.runner.name
    webhook_url   = "${aws_apigatewayv2_api.this.api_endpoint}/webhook"
    github        = var.github
    secrets       = local.secret_arns
    pools         = var.pools
    subnet_ids    = local.subnet_ids
    templates     = { for name, template in aws_launch_template.pool : name => template.name }
    extra         = local.extra_config
  })

  # A function reads secrets once a process, and any change here replaces its processes.
  environment = merge(
    { JITNEY_SECRETS_VERSION = tostring(var.secrets_version) },
    var.config_in_package ? {} : { JITNEY_CONFIG_TEXT = local.config },
  )
}
