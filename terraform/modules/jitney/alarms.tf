# SPDX-License-Identifier: Apache-2.0
# What a person should look at; docs/operations.md says what each one means and what to do.
locals {
  alarms = !var.alarms.enabled ? {} : merge(
    {
      dead-letters = {
        about      = "Jobs or wake-ups were given up: jitney dead list says which and why"
        namespace  = "Jitney" # told by every sweep
        metric     = "DeadLetters"
        dimensions = { deployment = var.name }
        statistic  = "Maximum"
        comparison = "GreaterThanThreshold"
        threshold  = 0
        minutes    = 5
        periods    = 1
        missing    = "notBreaching" # sweep-silent is about that
      }
      dead-messages = {
        about      = "A message killed its function, or EventBridge could not deliver one"
        namespace  = "AWS/SQS"
        metric     = "ApproximateNumberOfMessagesVisible"
        dimensions = { QueueName = aws_sqs_queue.dead.name }
        statistic  = "Maximum"
        comparison = "GreaterThanThreshold"
        threshold  = 0
        minutes    = 5
        periods    = 1
        missing    = "notBreaching"
      }
      sweep-silent = {
        about      = "Nothing compares machines with GitHub: machines may outlive their jobs"
        namespace  = "AWS/Lambda"
        metric     = "Invocations"
        dimensions = { FunctionName = aws_lambda_function.this["sweep"].function_name }
        statistic  = "Sum"
        comparison = "LessThanThreshold"
        threshold  = 1
        minutes    = 5
        periods    = 3
        missing    = "breaching"
      }
      webhook-5xx = {
        about      = "Webhooks were not stored; the sweep asks GitHub for them again"
        namespace  = "AWS/ApiGateway"
        metric     = "5xx"
        dimensions = { ApiId = aws_apigatewayv2_api.this.id }
        statistic  = "Sum"
        comparison = "GreaterThanThreshold"
        threshold  = 0
        minutes    = 5
        periods    = 1
        missing    = "notBreaching"
      }
    },
    {
      for name in keys(local.functions) : "errors-${replace(name, "_", "-")}" => {
        about      = "${name} fails: its log says why"
        namespace  = "AWS/Lambda"
        metric     = "Errors"
        dimensions = { FunctionName = aws_lambda_function.this[name].function_name }
        statistic  = "Sum"
        comparison = "GreaterThanOrEqualToThreshold"
        threshold  = var.alarms.errors
        minutes    = 5
        periods    = 1
        missing    = "notBreaching"
      }
    },
    {
      for name in keys(local.queues) : "oldest-${name}" => {
        about      = "Messages for ${local.queues[name].function} wait too long: it is throttled, or fails"
        namespace  = "AWS/SQS"
        metric     = "ApproximateAgeOfOldestMessage"
        dimensions = { QueueName = aws_sqs_queue.this[name].name }
        statistic  = "Maximum"
        comparison = "GreaterThanThreshold"
        threshold  = var.alarms.oldest_seconds
        minutes    = 5
        periods    = 2
        missing    = "notBreaching"
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.about
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.minutes * 60
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarms.topic_arn == null ? [] : [var.alarms.topic_arn]
  ok_actions          = var.alarms.topic_arn == null ? [] : [var.alarms.topic_arn]
  tags                = var.tags
}
