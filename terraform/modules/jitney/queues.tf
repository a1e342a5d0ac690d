# SPDX-License-Identifier: Apache-2.0
# Messages only wake functions; what is true stands in the ledger. So a queue may repeat, reorder
# and even lose, and the dead letters are few and worth reading.
locals {
  queues = {
    create = { function = "create_runner" }
    stop   = { function = "stop_runner" }
  }
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                      = "${var.name}-${each.key}"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 4 * 24 * 3600
  # Six times the function's limit, as Lambda's documentation advises: a message must not come
  # again while its batch is still being worked on.
  visibility_timeout_seconds = 6 * local.timeouts[each.value.function]
  tags                       = var.tags

  # High, because the ledger counts failures. What arrives dead from here killed its function.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 20
  })
}

resource "aws_sqs_queue" "dead" {
  name                       = "${var.name}-dead"
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = 6 * local.timeouts["move_jobs"]
  tags                       = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [for queue in aws_sqs_queue.this : queue.arn]
  })
}

locals {
  # EventBridge alone writes to queues from outside, and each rule to its own; what it cannot deliver
  # goes to the dead letters.
  queue_policies = {
    for name, queue in merge(aws_sqs_queue.this, { dead = aws_sqs_queue.dead }) : name => jsonencode({
      Version                                           = "2012-10-17"
      Statement = [
        {
          Sid       = "EventBridge"
          Effect    = "Allow"
          Principal = { Service = "events.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = queue.arn
          Condition = {
            ArnEquals = {
              "aws:SourceArn" = [
                for key, rule in aws_cloudwatch_event_rule.machine : rule.arn
                if name == "dead" || local.rules[key].queue == name
              ]
            }
          }
        },
        {
          Sid       = "OnlyEncrypted"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = queue.arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    })
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = aws_sqs_queue.this[each.key].id
  policy    = local.queue_policies[each.key]
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy    = local.queue_policies["dead"]
}
