# SPDX-License-Identifier: Apache-2.0
# Passed on as they are: modules/jitney/variables.tf describes and checks them, so they are `any` here.
variable "region" {
  description = "Where everything stands, such as eu-central-1."
  type        = string
}

variable "name" {
  description = "Begins every name. Two deployments in one account need two, in whatever regions."
  type        = string
  default     = "jitney"
}

variable "package" {
  description = "The zip that script/package made."
  type        = string
}

variable "architecture" {
  description = "Of the functions: that of the machine on which script/package ran."
  type        = string
  default     = "x86_64"
}

variable "github" {
  description = "Organisations and repositories, by a name of yours."
  type        = any
}

variable "secrets" {
  description = "Their secrets, by the same names. Kept out of the state: put them into secrets.tfvars, which git ignores."
  type = map(object({
    webhook_secret = optional(string)
    private_key    = optional(string)
    token          = optional(string)
  }))
  default   = {}
  sensitive = true
  ephemeral = true
}

variable "secrets_version" {
  description = "Raise it by one after a secret has changed."
  type        = number
  default     = 1
}

variable "pools" {
  description = "Kinds of runners, in the order in which they are offered jobs."
  type        = any
}

variable "network" {
  description = "Without it: the account's default VPC."
  type        = any
  default     = {}
}

variable "alarms" {
  description = "alarms = { topic_arn = \"arn:aws:sns:...\" }"
  type        = any
  default     = {}
}

variable "tags" {
  description = "On everything."
  type        = map(string)
  default     = {}
}
