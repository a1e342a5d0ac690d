# SPDX-License-Identifier: Apache-2.0
# What a machine may do. Root on the machine has this role, and so has every job where
# JITNEY_METADATA is allow: think of it as public. The managed policy AmazonSSMManagedInstanceCore
# is not used because it allows ssm:GetParameter on everything.
resource "aws_iam_role" "machine" {
  name                 = "${var.name}-machine"
  description          = "Jitney ${var.name}: machines that run jobs"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_instance_profile" "machine" {
  name = "${var.name}-machine"
  role = aws_iam_role.machine.name
  tags = var.tags
}

resource "aws_iam_role_policy" "machine" {
  name = "jitney"
  role = aws_iam_role.machine.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # A machine's session is called ROLE-ID:INSTANCE-ID, and EC2 alone makes such sessions: no
          # machine can read what was laid down for another.
          Sid      = "OwnJitConfiguration"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:DeleteObject"]
          Resource = "${aws_s3_bucket.jit.arn}/jit/$${aws:userid}/*"
        },
        {
          Sid      = "RunnerScript"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = "${aws_s3_bucket.runner.arn}/*"
        },
        {
          # The agent looks whether the script's path is a folder. The bucket holds the script alone.
          Sid      = "FindRunnerScript"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = aws_s3_bucket.runner.arn
        },
        {
          # Commands reach a machine by these. None of them takes a resource, or names other machines.
          Sid    = "Agent"
          Effect = "Allow"
          Action = [
            "ssm:UpdateInstanceInformation",
            "ssm:ListAssociations",
            "ssm:ListInstanceAssociations",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
            "ec2messages:AcknowledgeMessage",
            "ec2messages:DeleteMessage",
            "ec2messages:FailMessage",
            "ec2messages:GetEndpoint",
            "ec2messages:GetMessages",
            "ec2messages:SendReply",
          ]
          Resource = "*"
        },
        {
          Sid      = "OwnOutput"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.runner.arn}:*"
        },
        {
          Sid      = "FindOutput"
          Effect   = "Allow"
          Action   = "logs:DescribeLogGroups"
          Resource = "*"
        },
      ],
      # A mirror of the runner's archives, when it is a bucket.
      var.runner.mirror == null ? [] : !startswith(var.runner.mirror, "s3://") ? [] : [{
        Sid      = "Mirror"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:${local.partition}:s3:::${trimsuffix(trimprefix(var.runner.mirror, "s3://"), "/")}/*"
      }],
    )
  })
}

resource "aws_iam_role_policy_attachment" "machine" {
  for_each = toset(var.machine_policy_arns)

  role       = aws_iam_role.machine.name
  policy_arn = each.value
}
