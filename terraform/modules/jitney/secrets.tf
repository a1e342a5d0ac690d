# SPDX-License-Identifier: Apache-2.0
# Secrets of GitHub, under a key of their own. Values given in var.secrets are written through
# write-only arguments: they stand neither in the state nor in a plan file.
locals {
  # "acme/webhook_secret" => the entry and the kind. Kinds by what an entry of var.github says of itself.
  wanted_secrets = merge([
    for name, g in var.github : merge(
      g.webhook_secret_arn == null ? { "${name}/webhook_secret" = { github = name, kind = "webhook_secret" } } : {},
      g.installation_id != null && g.private_key_arn == null ? { "${name}/private_key" = { github = name, kind = "private_key" } } : {},
      g.installation_id == null && g.token_arn == null ? { "${name}/token" = { github = name, kind = "token" } } : {},
    )
  ]...)

  secret_arns = {
    for name, g in var.github : name => {
      webhook_secret = coalesce(g.webhook_secret_arn, try(aws_secretsmanager_secret.this["${name}/webhook_secret"].arn, null))
      private_key    = g.installation_id == null ? null : coalesce(g.private_key_arn, try(aws_secretsmanager_secret.this["${name}/private_key"].arn, null))
      token          = g.installation_id != null ? null : coalesce(g.token_arn, try(aws_secretsmanager_secret.this["${name}/token"].arn, null))
    }
  }
  webhook_secret_arns = [for s in values(local.secret_arns) : s.webhook_secret]
  forge_secret_arns   = [for s in values(local.secret_arns) : coalesce(s.private_key, s.token)]

  # Secrets that exist and are under no key of yours are decrypted by Secrets Manager itself.
  own_key     = var.kms_key_arn == null && length(local.wanted_secrets) > 0
  kms_key_arn = local.own_key ? aws_kms_key.secrets[0].arn : var.kms_key_arn
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:GitHub cannot rotate its own keys through Lambda; docs/security.md says how it is done
  for_each = local.wanted_secrets

  name                    = "${var.name}/github/${each.key}"
  description             = "Jitney: ${replace(each.value.kind, "_", " ")} for ${var.github[each.value.github].url}"
  kms_key_id              = local.kms_key_arn
  recovery_window_in_days = 7
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = local.wanted_secrets

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.secrets[each.value.github][each.value.kind]
  secret_string_wo_version = var.secrets_version
}

resource "aws_kms_key" "secrets" {
  count = local.own_key ? 1 : 0

  description             = "Jitney ${var.name}: secrets of GitHub"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # The account's own policies decide, as for every key; among them those of the functions' roles.
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        # Whatever policy somebody attaches to the machines' role one day.
        Sid       = "NeverMachines"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { ArnEquals = { "aws:PrincipalArn" = aws_iam_role.machine.arn } }
      },
    ]
  })
}

resource "aws_kms_alias" "secrets" {
  count = local.own_key ? 1 : 0

  name          = "alias/${var.name}-secrets"
  target_key_id = aws_kms_key.secrets[0].key_id
}
