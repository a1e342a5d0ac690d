# SPDX-License-Identifier: Apache-2.0
output "webhook_url" {
  description = "For GitHub's webhook."
  value       = module.jitney.webhook_url
}

output "labels" {
  description = "What a workflow writes after runs-on."
  value       = module.jitney.labels
}

output "function_names" {
  description = "Lambda's names of the functions."
  value       = module.jitney.function_names
}

output "queue_urls" {
  description = "The queues, and the dead letters."
  value       = module.jitney.queue_urls
}

output "config" {
  description = "The functions' jitney.toml, which the command line reads too."
  value       = module.jitney.config
}
