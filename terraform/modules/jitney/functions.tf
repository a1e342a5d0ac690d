# SPDX-License-Identifier: Apache-2.0
# Five functions from one zip: the executable picks its part by _HANDLER.
resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:Reserved concurrency is taken from the account's pool, which new accounts have ten of; the event source mappings bound what matters
  #checkov:skip=CKV_AWS_116:Queue-driven functions have the queues' dead letters; schedules come again by themselves
  #checkov:skip=CKV_AWS_117:Nothing in a VPC is called; a VPC would add a NAT's cost and its failures
  #checkov:skip=CKV_AWS_173:The environment holds names and ARNs, no secret
  #checkov:skip=CKV_AWS_272:The zip is built by who applies this; there is no signer between the two
  for_each = local.functions

  function_name    = "${var.name}-${replace(each.key, "_", "-")}"
  description      = each.value.about
  role             = aws_iam_role.function[each.key].arn
  runtime          = "provided.al2023"
  handler          = each.key
  architectures    = [var.architecture]
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  memory_size      = lookup(var.functions.memory, each.key, each.value.memory)
  timeout          = local.timeouts[each.key]
  tags             = var.tags

  environment {
    variables = local.environment
  }

  tracing_config {
    mode = "PassThrough"
  }

  logging_config {
    log_format = "Text" # the lines are JSON of our own
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  # New processes read the new secrets, not the old ones.
  depends_on = [aws_secretsmanager_secret_version.this]

  lifecycle {
    precondition {
      condition     = var.config_in_package || length(local.config) <= 3000
      error_message = "The configuration has ${length(local.config)} characters, more than an environment variable bears beside the others. Put it into the zip: terraform output -raw config > jitney.toml, script/package --config jitney.toml, and config_in_package = true."
    }
  }
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:Logs hold no secret; CloudWatch encrypts them with its own key
  #checkov:skip=CKV_AWS_338:How long logs are kept is var.log_days
  for_each = local.functions

  name              = "/aws/lambda/${var.name}-${replace(each.key, "_", "-")}"
  retention_in_days = var.log_days
  tags              = var.tags
}

# Standard output of the runner script, and the runners' diagnostics.
resource "aws_cloudwatch_log_group" "runner" {
  #checkov:skip=CKV_AWS_158:Logs hold no secret; CloudWatch encrypts them with its own key
  #checkov:skip=CKV_AWS_338:How long logs are kept is var.log_days
  name              = "/${var.name}/runners"
  retention_in_days = var.log_days
  tags              = var.tags
}

# --- what wakes them ----------------------------------------------------------------------------

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.queues

  function_name           = aws_lambda_function.this[each.value.function].arn
  event_source_arn        = aws_sqs_queue.this[each.key].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  # Functions meet in the ledger, so many at once only make rivals of them.
  scaling_config {
    maximum_concurrency = var.functions.concurrency
  }

  # Lambda refuses a mapping whose function may not receive yet.
  depends_on = [aws_iam_role_policy.function]
}

# A wake-up that must wait is sent to the queue that it came from, on purpose and bounded by the
# ledger. Lambda would take that for a loop, and stop it, once it sees the thread of it.
resource "aws_lambda_function_recursion_config" "this" {
  for_each = local.queues

  function_name  = aws_lambda_function.this[each.value.function].function_name
  recursive_loop = "Allow"
}

resource "aws_cloudwatch_event_rule" "schedule" {
  for_each = var.schedules

  name                = "${var.name}-${replace(each.key, "_", "-")}"
  description         = "Wakes ${each.key}"
  schedule_expression = each.value == 1 ? "rate(1 minute)" : "rate(${each.value} minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "schedule" {
  for_each = var.schedules

  rule = aws_cloudwatch_event_rule.schedule[each.key].name
  arn  = aws_lambda_function.this[each.key].arn
}

resource "aws_lambda_permission" "schedule" {
  for_each = var.schedules

  statement_id  = "schedule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.key].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule[each.key].arn
}
