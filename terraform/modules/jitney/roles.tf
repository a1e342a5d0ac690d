# SPDX-License-Identifier: Apache-2.0
# One role a function. What each may do is a list of grants (grants.tf); tests/terraform compares
# it with the calls that the code can make, so that a role neither lacks nor keeps anything.
resource "aws_iam_role" "function" {
  for_each = local.functions

  name                 = "${var.name}-${replace(each.key, "_", "-")}"
  description          = "Jitney ${var.name}: ${each.value.about}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "jitney"
  role = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "OwnLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.function[each.key].arn}:*"
        },
        {
          Sid      = "Secrets"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = each.value.secrets
        },
      ],
      [
        for key in compact([local.kms_key_arn]) : {
          Sid       = "SecretsKey"
          Effect    = "Allow"
          Action    = "kms:Decrypt"
          Resource  = key
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.${local.domain}" } }
        }
      ],
      flatten([for grant in each.value.grants : local.grants[grant]]),
    )
  })
}
