# SPDX-License-Identifier: Apache-2.0
output "webhook_url" {
  description = "The URL for GitHub's webhook: content type application/json, events Workflow jobs and Workflow runs."
  value       = "${aws_apigatewayv2_api.this.api_endpoint}/webhook"
}

output "labels" {
  description = "What a workflow writes after runs-on to get each pool."
  value       = { for pool in var.pools : pool.name => distinct(concat(pool.labels, [pool.name])) }
}

output "function_names" {
  description = "Lambda's names of the five functions."
  value       = { for name, f in aws_lambda_function.this : name => f.function_name }
}

output "queue_urls" {
  description = "The queues, and the dead letters."
  value       = merge({ for name, queue in aws_sqs_queue.this : name => queue.url }, { dead = aws_sqs_queue.dead.url })
}

output "table_name" {
  description = "The ledger, for jitney jobs, runners, pools, explain and dead."
  value       = aws_dynamodb_table.ledger.name
}

output "launch_templates" {
  description = "The launch template of each pool."
  value       = { for name, template in aws_launch_template.pool : name => template.name }
}

output "secret_arns" {
  description = "Where GitHub's secrets are kept."
  value       = local.secret_arns
}

output "machine_role_arn" {
  description = "The role of the machines, for policies of yours. Root on a machine has it."
  value       = aws_iam_role.machine.arn
}

output "security_group_ids" {
  description = "Of the machines; let your databases accept them, if jobs need those."
  value       = local.security_group_ids
}

output "config" {
  description = "The functions' jitney.toml. The command line reads it, too: terraform output -raw config > jitney.toml"
  value       = local.config
}
