# SPDX-License-Identifier: Apache-2.0

# --- what is served -----------------------------------------------------------------------------

variable "github" {
  description = <<-EOT
    Where runners register, by a name of yours: an organisation, a repository or an enterprise. Each has either a GitHub App
    (client_id or app_id, and installation_id) or a token. Secrets are given in var.secrets under the same name, or as the ARN of a
    Secrets Manager secret that exists.
  EOT
  type = map(object({
    url                = string
    client_id          = optional(string)
    app_id             = optional(number)
    installation_id    = optional(number)
    webhook_secret_arn = optional(string)
    private_key_arn    = optional(string)
    token_arn          = optional(string)
  }))

  validation {
    condition     = length(var.github) > 0
    error_message = "Name at least one organisation or repository in github."
  }
  validation {
    condition     = alltrue([for name in keys(var.github) : can(regex("^[a-z0-9][a-z0-9-]{0,30}$", name))])
    error_message = "A name in github has 1 to 31 of a-z, 0-9 and -; it becomes part of the names of its secrets."
  }
  validation {
    condition     = alltrue([for g in values(var.github) : can(regex("^https://[^/]+/[^/ ]+(/[^/ ]+)?$", g.url))])
    error_message = "A url in github looks like https://github.com/acme or https://github.com/acme/widgets, without a slash at its end."
  }
  validation {
    condition = alltrue([
      for g in values(var.github) :
      (g.client_id != null || g.app_id != null) == (g.installation_id != null)
    ])
    error_message = "A GitHub App needs client_id (or app_id) and installation_id; a token needs neither."
  }
  validation {
    condition = alltrue([
      for g in values(var.github) : g.token_arn == null || (g.installation_id == null && g.private_key_arn == null)
    ])
    error_message = "An entry of github has either an App or a token, not both."
  }
  validation {
    condition = alltrue(flatten([
      for g in values(var.github) : [
        for arn in compact([g.webhook_secret_arn, g.private_key_arn, g.token_arn]) :
        can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+$", arn))
      ]
    ]))
    error_message = "An ARN in github must be that of a Secrets Manager secret."
  }
}

variable "secrets" {
  description = <<-EOT
    webhook_secret, and private_key (the App's PEM text) or token, under the names of var.github; leave out what is given as an ARN
    there. They are written to Secrets Manager and stand neither in the state nor in a plan file. Raise secrets_version to write
    them again.
  EOT
  type = map(object({
    webhook_secret = optional(string)
    private_key    = optional(string)
    token          = optional(string)
  }))
  default   = {}
  sensitive = true
  ephemeral = true

  validation {
    condition = alltrue([
      for s in values(var.secrets) : s.webhook_secret == null ? true : length(s.webhook_secret) >= 16
    ])
    error_message = "A webhook_secret needs at least 16 characters: openssl rand -hex 32."
  }
  validation {
    condition = alltrue([
      for s in values(var.secrets) : s.private_key == null ? true : startswith(s.private_key, "-----BEGIN")
    ])
    error_message = "private_key is the text of the App's .pem file, from -----BEGIN on, not its path."
  }
  validation {
    condition     = length(setsubtract(keys(var.secrets), keys(var.github))) == 0
    error_message = "An entry of secrets has a name that github does not have."
  }
  validation {
    condition = alltrue([
      for name, g in var.github :
      (g.webhook_secret_arn != null || try(var.secrets[name].webhook_secret, null) != null) &&
      (g.installation_id != null
        ? g.private_key_arn != null || try(var.secrets[name].private_key, null) != null
      : g.token_arn != null || try(var.secrets[name].token, null) != null)
    ])
    error_message = "Each entry of github needs a webhook_secret, and a private_key (App) or token, in secrets under the same name or as an ARN."
  }
}

variable "secrets_version" {
  description = "Raise it by one after a secret has changed, wherever it stands: what is never stored cannot be compared, and the functions read secrets once a process, which an apply then replaces."
  type        = number
  default     = 1
}

variable "pools" {
  description = <<-EOT
    Kinds of runners, in the order in which they are offered jobs: the first one whose labels cover a job gets it. The name is one of
    the labels. image is al2023, ubuntu-22.04, ubuntu-24.04, debian-12 or an AMI's id. settings are those of runner/README.md.
    user_data becomes a part of a #!/bin/sh script that runs under set -u, as root, at the first boot; it is no script of its own: no
    other interpreter, no exit, and write $${NAME:-} where a variable may be unset. The runner is started only when cloud-init has
    ended, so what takes minutes needs deadlines = { online = "10m" }, or an image that has it already.
  EOT
  type = list(object({
    name             = string
    labels           = optional(list(string), ["self-hosted"])
    github           = optional(string)
    runner_group     = optional(number, 1)
    repositories     = optional(list(string), [])
    max              = optional(number, 10)
    warm             = optional(number, 0)
    image            = optional(string, "al2023")
    arch             = optional(string, "x86_64")
    instance_types   = optional(list(string), ["m7i.large", "m6i.large", "m6a.large", "m5.large"])
    other_types      = optional(list(string), [])
    on_demand        = optional(string, "fallback")
    deadlines        = optional(map(string), {})
    subnet_ids       = optional(list(string))
    volume_gb        = optional(number, 50)
    volume_iops      = optional(number, 3000)
    volume_mb_second = optional(number, 250)
    settings         = optional(map(string), {})
    user_data        = optional(string, "")
  }))

  validation {
    condition     = length(var.pools) > 0
    error_message = "Name at least one pool."
  }
  validation {
    condition     = length(distinct([for p in var.pools : p.name])) == length(var.pools)
    error_message = "Two pools have the same name."
  }
  validation {
    condition     = alltrue([for p in var.pools : can(regex("^[a-z0-9_-]{1,40}$", p.name))])
    error_message = "A pool's name has 1 to 40 of a-z, 0-9, _ and -."
  }
  validation {
    condition     = alltrue([for p in var.pools : p.max >= 0 && p.max <= 10000 && p.warm >= 0 && p.warm <= p.max])
    error_message = "A pool's max lies between 0 (no launches) and 10000, and warm between 0 and max."
  }
  validation {
    condition     = alltrue([for p in var.pools : contains(["x86_64", "arm64"], p.arch)])
    error_message = "A pool's arch is x86_64 or arm64."
  }
  validation {
    condition = alltrue([
      for p in var.pools :
      contains(["al2023", "ubuntu-22.04", "ubuntu-24.04", "debian-12"], p.image) || can(regex("^ami-[0-9a-f]{8,17}$", p.image))
    ])
    error_message = "A pool's image is al2023, ubuntu-22.04, ubuntu-24.04, debian-12 or an AMI's id such as ami-0123456789abcdef0."
  }
  validation {
    condition     = alltrue([for p in var.pools : length(p.instance_types) > 0])
    error_message = "A pool needs at least one instance type; several of them find spot capacity sooner."
  }
  validation {
    condition     = alltrue([for p in var.pools : contains(["never", "fallback", "only"], p.on_demand)])
    error_message = "A pool's on_demand is never (spot alone), fallback (when there is no spot) or only."
  }
  validation {
    condition     = alltrue([for p in var.pools : p.github == null ? length(var.github) == 1 : contains(keys(var.github), p.github)])
    error_message = "With more than one entry in github, each pool says which it serves: github = \"name\"."
  }
  validation {
    condition = alltrue(flatten([
      for p in var.pools : [for name, value in p.settings : can(regex("^JITNEY_[A-Z0-9_]+$", name)) && !can(regex("['\n]", value))]
    ]))
    error_message = "A pool's settings are names such as JITNEY_SUDO (runner/README.md) with values without quotes and line breaks."
  }
}

# --- where it stands ----------------------------------------------------------------------------

variable "name" {
  description = "The deployment. Begins the name of every resource and runner, and is the tag that tells its machines from others'. Two deployments of one account need two names, also in two regions: roles are the account's."
  type        = string
  default     = "jitney"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name))
    error_message = "name has 2 to 20 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "package" {
  description = "The zip that script/package made."
  type        = string

  validation {
    condition     = endswith(var.package, ".zip")
    error_message = "package is the path of the zip that script/package made."
  }
  validation {
    condition     = fileexists(var.package)
    error_message = "There is no file ${var.package}: run script/package, which says where it put the zip."
  }
}

variable "architecture" {
  description = "Of the functions, and so of the machine on which script/package ran: x86_64 or arm64. Pools choose their own."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "network" {
  description = <<-EOT
    Where machines run. Without vpc_id the account's default VPC and all its subnets. Private subnets need a way out to GitHub (NAT)
    and to S3, SSM and CloudWatch Logs (NAT, or a gateway endpoint for s3 and interface endpoints for ssm, ssmmessages,
    ec2messages and logs); set public_ip to false there.
  EOT
  type = object({
    vpc_id             = optional(string)
    subnet_ids         = optional(list(string))
    security_group_ids = optional(list(string))
    public_ip          = optional(bool, true)
  })
  default = {}

  validation {
    condition     = (var.network.vpc_id == null) == (var.network.subnet_ids == null)
    error_message = "Give vpc_id and subnet_ids together, or neither for the default VPC."
  }
}

variable "tags" {
  description = "On everything, machines and volumes included."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds every role made here."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "A key for the secrets. Without it one is made; the functions that read secrets may decrypt with it, machines never."
  type        = string
  default     = null
}

# --- how it behaves -----------------------------------------------------------------------------

variable "functions" {
  description = <<-EOT
    Memory in MB and time limit in seconds, by function, where the defaults do not do; the log level; and how many invocations each
    queue may cause at once: an account whose limit is low needs some for webhooks.
  EOT
  type = object({
    memory      = optional(map(number), {})
    timeout     = optional(map(number), {})
    log_level   = optional(string, "info")
    concurrency = optional(number, 5)
  })
  default = {}

  validation {
    condition = alltrue([
      for name in concat(keys(var.functions.memory), keys(var.functions.timeout)) :
      contains(["autoscaler", "create_runner", "stop_runner", "move_jobs", "sweep"], name)
    ])
    error_message = "The functions are autoscaler, create_runner, stop_runner, move_jobs and sweep."
  }
  validation {
    condition     = contains(["debug", "info", "warning", "error"], var.functions.log_level)
    error_message = "log_level is debug, info, warning or error."
  }
  validation {
    condition     = var.functions.concurrency >= 2 && var.functions.concurrency <= 1000
    error_message = "concurrency lies between 2 and 1000, Lambda's bounds."
  }
}

variable "schedules" {
  description = <<-EOT
    Minutes between two runs of sweep, and of move_jobs. The sweep is told the same number: it trusts its clock, and so judges
    deadlines, only while it runs as often as it expects. A missed webhook costs at least one sweep.
  EOT
  type = object({
    sweep     = optional(number, 1)
    move_jobs = optional(number, 60)
  })
  default = {}

  validation {
    condition     = var.schedules.sweep == floor(var.schedules.sweep) && var.schedules.sweep >= 1 && var.schedules.sweep <= 10
    error_message = "schedules.sweep is a whole number of minutes from 1 to 10: what a boot or an interruption may take is judged by the sweep."
  }
  validation {
    condition     = var.schedules.move_jobs == floor(var.schedules.move_jobs) && var.schedules.move_jobs >= 5 && var.schedules.move_jobs <= 1440
    error_message = "schedules.move_jobs is a whole number of minutes from 5 to 1440, a day."
  }
}

variable "api" {
  description = "Requests a second that reach the webhook function, and a burst. GitHub sends what is refused again only when the sweep asks for it."
  type = object({
    rate  = optional(number, 500)
    burst = optional(number, 1000)
  })
  default = {}
}

variable "extra_config" {
  description = "More of jitney.toml, for the keys of docs/configuration.md that have no variable here, such as [retry]."
  type        = string
  default     = ""

  validation {
    condition     = !can(regex("(?m)^\\s*\\[\\s*sweep\\s*\\][^\\[]*^\\s*interval\\s*=", var.extra_config))
    error_message = "The sweep's interval is schedules.sweep, in minutes: its schedule and what it expects of its clock are one number."
  }
}

variable "config_in_package" {
  description = "true: the zip holds jitney.toml (output config has its text). Needed when it has outgrown an environment variable."
  type        = bool
  default     = false
}

# --- machines -----------------------------------------------------------------------------------

variable "runner" {
  description = <<-EOT
    The actions runner on machines whose image has none: another version with its SHA-256 (for each architecture of the pools), and
    a mirror, s3://bucket/prefix or an https address. settings are those of runner/README.md, for all pools.
  EOT
  type = object({
    version  = optional(string)
    sha256   = optional(map(string), {})
    mirror   = optional(string)
    settings = optional(map(string), {})
  })
  default = {}

  validation {
    condition     = (var.runner.version == null) == (length(var.runner.sha256) == 0)
    error_message = "Another runner version needs its checksums, and a checksum is that of one version: version = \"2.337.0\", sha256 = { x86_64 = \"...\", arm64 = \"...\" }."
  }
  validation {
    condition     = length(setsubtract(keys(var.runner.sha256), ["x86_64", "arm64"])) == 0
    error_message = "The keys of sha256 are x86_64 and arm64."
  }
  validation {
    condition     = var.runner.version == null || length(setsubtract([for p in var.pools : p.arch], keys(var.runner.sha256))) == 0
    error_message = "sha256 lacks the checksum of an architecture that a pool has: its machines would refuse to start runners."
  }
  validation {
    condition     = !contains(keys(var.runner.settings), "JITNEY_RUNNER_SHA256") || length(distinct([for p in var.pools : p.arch])) <= 1
    error_message = "JITNEY_RUNNER_SHA256 in settings is one checksum for all pools, and they have two architectures: use runner.sha256."
  }
  validation {
    condition     = alltrue([for sum in values(var.runner.sha256) : can(regex("^[0-9a-f]{64}$", sum))])
    error_message = "A sha256 has 64 digits of 0-9 and a-f."
  }
  validation {
    condition     = var.runner.mirror == null || can(regex("^(s3|https)://[^' ]+$", coalesce(var.runner.mirror, "x")))
    error_message = "mirror is s3://bucket/prefix or an https address."
  }
  validation {
    condition = alltrue([
      for name, value in var.runner.settings : can(regex("^JITNEY_[A-Z0-9_]+$", name)) && !can(regex("['\n]", value))
    ])
    error_message = "settings are names such as JITNEY_SUDO (runner/README.md) with values without quotes and line breaks."
  }
}

variable "machine_policy_arns" {
  description = "More policies for the machines' role. What they allow, root on a machine may do, and with JITNEY_METADATA=allow every job."
  type        = list(string)
  default     = []

  validation {
    condition     = !anytrue([for arn in var.machine_policy_arns : endswith(arn, "/AmazonSSMManagedInstanceCore")])
    error_message = "AmazonSSMManagedInstanceCore lets every job read Parameter Store. The machines' role has what the agent needs already."
  }
}

variable "image_owners" {
  description = "Whose images may be launched: account ids and amazon. A foreign image with a familiar name is not taken."
  type        = list(string)
  default     = ["self", "amazon", "099720109477", "136693071363"] # the last two: Canonical and Debian
}

# --- watching -----------------------------------------------------------------------------------

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653], var.log_days)
    error_message = "log_days is one of the numbers that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, ..."
  }
}

variable "alarms" {
  description = "topic_arn is told of alarms and of their end. oldest_seconds: how long a message may wait."
  type = object({
    enabled        = optional(bool, true)
    topic_arn      = optional(string)
    oldest_seconds = optional(number, 900)
    errors         = optional(number, 5)
  })
  default = {}
}

variable "dashboard" {
  description = "Whether to make a CloudWatch dashboard (three are free, the next cost 3 USD a month)."
  type        = bool
  default     = true
}

variable "protect" {
  description = "true: the ledger's table refuses to be deleted until this is false."
  type        = bool
  default     = false
}
