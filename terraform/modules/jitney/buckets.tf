# SPDX-License-Identifier: Apache-2.0
# Two buckets: the script that machines run, with its history; and JIT configurations, each for one
# machine and for seconds, without any.
resource "aws_s3_bucket" "runner" {
  #checkov:skip=CKV_AWS_18:Who read a public script is not worth a log bucket
  #checkov:skip=CKV_AWS_144:The script is in the repository, too
  #checkov:skip=CKV_AWS_145:The script is public; S3 encrypts it with its own key
  #checkov:skip=CKV2_AWS_62:Nobody waits for a new script
  bucket        = "${var.name}-runner-${local.bucket_suffix}"
  force_destroy = true
  tags          = var.tags
}

resource "aws_s3_bucket" "jit" {
  #checkov:skip=CKV_AWS_18:Reads and writes are in CloudTrail's data events for who records them
  #checkov:skip=CKV_AWS_21:A version would outlive the deletion on reading
  #checkov:skip=CKV_AWS_144:A copy would outlive the deletion on reading
  #checkov:skip=CKV_AWS_145:An own key would have to be usable by machines, where the secrets' key must not be
  #checkov:skip=CKV2_AWS_62:Nobody waits for these
  bucket        = "${var.name}-jit-${local.bucket_suffix}"
  force_destroy = true
  tags          = var.tags
}

locals {
  # Not the whole buckets: OpenTofu warns of each deprecated attribute in them.
  buckets = {
    runner = { id = aws_s3_bucket.runner.id, arn = aws_s3_bucket.runner.arn }
    jit    = { id = aws_s3_bucket.jit.id, arn = aws_s3_bucket.jit.arn }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = each.value.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [each.value.arn, "${each.value.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      # Whoever may read all buckets of the account may not read these objects; of the machines, each
      # reads its own.
      each.key != "jit" ? [] : [{
        Sid       = "OnlyMachinesRead"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = "${each.value.arn}/*"
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = aws_iam_role.machine.arn } }
      }],
    )
  })
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_versioning" "runner" {
  bucket = aws_s3_bucket.runner.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "runner" {
  bucket = aws_s3_bucket.runner.id
  rule {
    id     = "old-scripts"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
  depends_on = [aws_s3_bucket_versioning.runner]
}

# Reading deletes them; this is for machines that died before.
resource "aws_s3_bucket_lifecycle_configuration" "jit" {
  bucket = aws_s3_bucket.jit.id
  rule {
    id     = "unread"
    status = "Enabled"
    filter {}
    expiration {
      days = 1
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_object" "runner" {
  bucket       = aws_s3_bucket.runner.id
  key          = "jitney-runner"
  source       = local.runner_script
  source_hash  = filemd5(local.runner_script)
  content_type = "text/x-shellscript"
  tags         = var.tags
  depends_on   = [aws_s3_bucket_versioning.runner]
}
