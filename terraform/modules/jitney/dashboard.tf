# SPDX-License-Identifier: Apache-2.0
locals {
  function_names = { for name, f in aws_lambda_function.this : name => f.function_name }

  widgets = [
    {
      title   = "Invocations"
      stat    = "Sum"
      metrics = [for name, f in local.function_names : ["AWS/Lambda", "Invocations", "FunctionName", f, { label = name }]]
    },
    {
      title   = "Errors and throttles"
      stat    = "Sum"
      metrics = concat([for name, f in local.function_names : [for m in ["Errors", "Throttles"] : ["AWS/Lambda", m, "FunctionName", f, { label = "${name} ${m}" }]]]...)
    },
    {
      title   = "Duration, p99 (ms)"
      stat    = "p99"
      metrics = [for name, f in local.function_names : ["AWS/Lambda", "Duration", "FunctionName", f, { label = name }]]
    },
    {
      title   = "Oldest message (s)"
      stat    = "Maximum"
      metrics = [for name, q in aws_sqs_queue.this : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", q.name, { label = name }]]
    },
    {
      title = "Messages waiting"
      stat  = "Maximum"
      metrics = [
        for name, q in merge(aws_sqs_queue.this, { dead = aws_sqs_queue.dead }) :
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", q.name, { label = name }]
      ]
    },
    {
      title   = "Webhooks"
      stat    = "Sum"
      metrics = [for m in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", m, "ApiId", aws_apigatewayv2_api.this.id]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for i, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (i % 2)
        y      = 6 * floor(i / 2)
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = local.region
          view    = "timeSeries"
          stat    = widget.stat
          period  = 60
          metrics = widget.metrics
        }
      }
    ]
  })
}
