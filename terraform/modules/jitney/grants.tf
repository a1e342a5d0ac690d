# SPDX-License-Identifier: Apache-2.0
# What functions are allowed, by purpose. locals.tf says which function has which.
locals {
  arn_ec2 = "arn:${local.partition}:ec2:${local.region}"

  # Only what bears the deployment's tag may be stopped, sent commands to, or made.
  is_ours      = { StringEquals = { "aws:ResourceTag/jitney:deployment" = var.name } }
  becomes_ours = { StringEquals = { "aws:RequestTag/jitney:deployment" = var.name } }

  grants = {
    # The ledger: rows and transactions. Nothing here can change the table itself.
    ledger = [{
      Sid    = "Ledger"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      Resource = [aws_dynamodb_table.ledger.arn, "${aws_dynamodb_table.ledger.arn}/index/*"]
    }]

    # Whoever changes demand or supply wakes others, and a retry is a new, delayed message.
    wake = [{
      Sid      = "Wake"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = [for queue in aws_sqs_queue.this : queue.arn]
    }]

    # What the event source mapping does with a function's role; and what failed is hidden for a moment
    # while its delayed successor is sent.
    receive_create = [local.receive["create"]]
    receive_stop   = [local.receive["stop"]]

    # Machines from our launch templates, in our subnets and security groups, born with our tag.
    launch = [
      {
        Sid      = "LaunchTemplates"
        Effect   = "Allow"
        Action   = ["ec2:CreateFleet", "ec2:RunInstances"]
        Resource = [for template in aws_launch_template.pool : template.arn]
      },
      {
        Sid    = "LaunchInto"
        Effect = "Allow"
        Action = ["ec2:CreateFleet", "ec2:RunInstances"]
        Resource = concat(
          ["${local.arn_ec2}::image/*", "${local.arn_ec2}::snapshot/*", "${local.arn_ec2}:${local.account}:fleet/*"],
          [for id in local.all_subnet_ids : "${local.arn_ec2}:${local.account}:subnet/${id}"],
          [for id in local.security_group_ids : "${local.arn_ec2}:${local.account}:security-group/${id}"],
        )
      },
      {
        Sid    = "LaunchTagged"
        Effect = "Allow"
        Action = ["ec2:CreateFleet", "ec2:RunInstances"]
        Resource = [
          for kind in ["instance", "network-interface", "spot-instances-request", "volume"] :
          "${local.arn_ec2}:${local.account}:${kind}/*"
        ]
        Condition = local.becomes_ours
      },
      {
        Sid    = "TagAtLaunch"
        Effect = "Allow"
        Action = "ec2:CreateTags"
        Resource = [
          for kind in ["fleet", "instance", "network-interface", "spot-instances-request", "volume"] :
          "${local.arn_ec2}:${local.account}:${kind}/*"
        ]
        Condition = {
          StringEquals = {
            "aws:RequestTag/jitney:deployment" = var.name
            "ec2:CreateAction"                 = ["CreateFleet", "RunInstances"]
          }
        }
      },
      {
        Sid       = "GiveMachinesTheirRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = aws_iam_role.machine.arn
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        # The exact version, and the zones of subnets. These calls take no resource.
        Sid      = "LookBeforeLaunch"
        Effect   = "Allow"
        Action   = ["ec2:DescribeLaunchTemplates", "ec2:DescribeSubnets"]
        Resource = "*"
      },
    ]

    # JIT configurations: laid down for one machine, and the command that fetches it.
    start = [
      {
        # Which agents answer takes no resource.
        Sid      = "FindAgents"
        Effect   = "Allow"
        Action   = "ssm:DescribeInstanceInformation"
        Resource = "*"
      },
      {
        Sid      = "JitConfigurations"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = "${aws_s3_bucket.jit.arn}/jit/*"
      },
      {
        Sid      = "RunScript"
        Effect   = "Allow"
        Action   = "ssm:SendCommand"
        Resource = "arn:${local.partition}:ssm:${local.region}::document/AWS-RunRemoteScript"
      },
      {
        Sid       = "OnOurMachines"
        Effect    = "Allow"
        Action    = "ssm:SendCommand"
        Resource  = "${local.arn_ec2}:${local.account}:instance/*"
        Condition = { StringEquals = { "ssm:resourceTag/jitney:deployment" = var.name } }
      },
    ]

    # Machines, and what became of commands on them. These calls take no resource.
    look = [{
      Sid      = "Look"
      Effect   = "Allow"
      Action   = ["ec2:DescribeInstances", "ssm:ListCommandInvocations"]
      Resource = "*"
    }]

    stop = [
      {
        Sid       = "StopOurMachines"
        Effect    = "Allow"
        Action    = "ec2:TerminateInstances"
        Resource  = "${local.arn_ec2}:${local.account}:instance/*"
        Condition = local.is_ours
      },
      {
        # A spot request outlives its machine otherwise. Finding them takes no resource.
        Sid      = "FindRequests"
        Effect   = "Allow"
        Action   = "ec2:DescribeSpotInstanceRequests"
        Resource = "*"
      },
      {
        Sid       = "CancelOurRequests"
        Effect    = "Allow"
        Action    = "ec2:CancelSpotInstanceRequests"
        Resource  = "${local.arn_ec2}:${local.account}:spot-instances-request/*"
        Condition = local.is_ours
      },
    ]

    # What SQS gave up is looked at, to be told as a dead letter; it is moved by people.
    dead_letters = [{
      Sid      = "DeadLetters"
      Effect   = "Allow"
      Action   = "sqs:ReceiveMessage"
      Resource = aws_sqs_queue.dead.arn
    }]
  }

  receive = {
    for name, queue in aws_sqs_queue.this : name => {
      Sid      = "Receive"
      Effect   = "Allow"
      Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      Resource = queue.arn
    }
  }
}
