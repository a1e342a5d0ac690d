# SPDX-License-Identifier: Apache-2.0
# The ledger: docs/formats.md, "DynamoDB table".
resource "aws_dynamodb_table" "ledger" {
  #checkov:skip=CKV_AWS_119:The ledger holds no secret; DynamoDB encrypts it with its own key
  #checkov:skip=CKV2_AWS_16:On demand has nothing to scale
  name                        = "${var.name}-ledger"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.protect
  tags                        = var.tags

  dynamic "attribute" {
    for_each = ["pk", "sk", "list", "list_at"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  global_secondary_index {
    name            = "lists"
    hash_key        = "list"
    range_key       = "list_at"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }
}
