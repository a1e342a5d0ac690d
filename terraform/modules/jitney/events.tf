# SPDX-License-Identifier: Apache-2.0
# What EventBridge tells of machines goes to queues, never straight to a function, whose retries
# would end. EC2's events cannot be filtered by tag: those of other people's machines arrive too,
# and the functions drop them.
locals {
  rules = {
    running = {
      queue   = "create"
      about   = "A machine runs: its runner may be started sooner"
      pattern = { source = ["aws.ec2"], detail-type = ["EC2 Instance State-change Notification"], detail = { state = ["running"] } }
    }
    ended = {
      queue = "stop"
      about = "A machine is going or gone"
      pattern = {
        source = ["aws.ec2"], detail-type = ["EC2 Instance State-change Notification"],
        detail = { state = ["stopping", "stopped", "shutting-down", "terminated"] }
      }
    }
    interruption = {
      queue   = "stop"
      about   = "Spot takes a machine back in two minutes"
      pattern = { source = ["aws.ec2"], detail-type = ["EC2 Spot Instance Interruption Warning"] }
    }
    command = {
      queue = "stop"
      about = "The command that ran a runner has ended"
      pattern = {
        source = ["aws.ssm"], detail-type = ["EC2 Command Invocation Status-change Notification"],
        detail = {
          document-name = ["AWS-RunRemoteScript"]
          # No other end of a command says anything of the runner, which lives in a unit of its own.
          status = ["Success", "Failed"]
        }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "machine" {
  for_each = local.rules

  name          = "${var.name}-${each.key}"
  description   = each.value.about
  event_pattern = jsonencode(each.value.pattern)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "machine" {
  for_each = local.rules

  rule = aws_cloudwatch_event_rule.machine[each.key].name
  arn  = aws_sqs_queue.this[each.value.queue].arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
  retry_policy {
    maximum_event_age_in_seconds = 3600 # the sweep has found out by then
    maximum_retry_attempts       = 185
  }

  # Otherwise the first events are refused.
  depends_on = [aws_sqs_queue_policy.this]
}
