# SPDX-License-Identifier: Apache-2.0
# What is refused before anything is made. Each run changes one variable of a deployment that is otherwise fine.
mock_provider "aws" {
  override_data {
    target = data.aws_caller_identity.this
    values = { account_id = "123456789012" }
  }
  override_data {
    target = data.aws_region.this
    values = { region = "eu-central-1" }
  }
  override_data {
    target = data.aws_partition.this
    values = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  override_data {
    target = data.aws_ami.this
    values = { architecture = "x86_64", root_device_name = "/dev/xvda" }
  }
  # The real provider refuses what is no ARN.
  mock_resource "aws_apigatewayv2_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:mocked" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/mocked" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked" }
  }
  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/mocked" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/mocked" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/mocked" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:mocked" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mocked" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mocked" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:mocked" }
  }
}

variables {
  package = "tests/none.zip" # script/test-terraform lays it down
  github  = { acme = { url = "https://github.com/acme", client_id = "Iv1", installation_id = 7 } }
  secrets = { acme = { webhook_secret = "0123456789abcdef", private_key = "-----BEGIN RSA PRIVATE KEY-----" } }
  pools   = [{ name = "linux" }]
}

run "no_github" {
  command = plan
  variables { github = {} }
  expect_failures = [var.github]
}

run "app_without_installation" {
  command = plan
  variables { github = { acme = { url = "https://github.com/acme", client_id = "Iv1" } } }
  expect_failures = [var.github]
}

run "app_and_token" {
  command = plan
  variables {
    github = {
      acme = {
        url       = "https://github.com/acme", client_id = "Iv1", installation_id = 7
        token_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:t"
      }
    }
  }
  expect_failures = [var.github]
}

run "url_of_a_page" {
  command = plan
  variables { github = { acme = { url = "https://github.com/acme/web/settings", client_id = "Iv1", installation_id = 7 } } }
  expect_failures = [var.github]
}

run "short_webhook_secret" {
  command = plan
  variables { secrets = { acme = { webhook_secret = "short", private_key = "-----BEGIN RSA PRIVATE KEY-----" } } }
  expect_failures = [var.secrets]
}

run "path_instead_of_key" {
  command = plan
  variables { secrets = { acme = { webhook_secret = "0123456789abcdef", private_key = "app.pem" } } }
  expect_failures = [var.secrets]
}

run "secret_missing" {
  command = plan
  variables { secrets = { acme = { webhook_secret = "0123456789abcdef" } } }
  expect_failures = [var.secrets]
}

run "secret_for_nobody" {
  command = plan
  variables {
    secrets = {
      acme  = { webhook_secret = "0123456789abcdef", private_key = "-----BEGIN RSA PRIVATE KEY-----" }
      other = { webhook_secret = "0123456789abcdef" }
    }
  }
  expect_failures = [var.secrets]
}

run "no_pool" {
  command = plan
  variables { pools = [] }
  expect_failures = [var.pools]
}

run "same_pool_twice" {
  command = plan
  variables { pools = [{ name = "linux" }, { name = "linux" }] }
  expect_failures = [var.pools]
}

run "upper_case_pool" {
  command = plan
  variables { pools = [{ name = "Linux" }] }
  expect_failures = [var.pools]
}

run "warm_above_max" {
  command = plan
  variables { pools = [{ name = "linux", max = 2, warm = 3 }] }
  expect_failures = [var.pools]
}

run "unknown_image" {
  command = plan
  variables { pools = [{ name = "linux", image = "ubuntu" }] }
  expect_failures = [var.pools]
}

run "unknown_architecture" {
  command = plan
  variables { pools = [{ name = "linux", arch = "amd64" }] }
  expect_failures = [var.pools]
}

run "no_instance_type" {
  command = plan
  variables { pools = [{ name = "linux", instance_types = [] }] }
  expect_failures = [var.pools]
}

run "setting_that_breaks_out_of_its_quotes" {
  command = plan
  variables { pools = [{ name = "linux", settings = { JITNEY_USER = "x'; reboot; '" } }] }
  expect_failures = [var.pools]
}

run "pool_of_nobody" {
  command = plan
  variables { pools = [{ name = "linux", github = "other" }] }
  expect_failures = [var.pools]
}

run "long_name" {
  command = plan
  variables { name = "a-name-that-is-much-too-long" }
  expect_failures = [var.name]
}

run "vpc_without_subnets" {
  command = plan
  variables { network = { vpc_id = "vpc-0" } }
  expect_failures = [var.network]
}

run "managed_policy_that_reads_parameters" {
  command = plan
  variables { machine_policy_arns = ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"] }
  expect_failures = [var.machine_policy_arns]
}

run "runner_version_without_checksum" {
  command = plan
  variables { runner = { version = "2.400.0" } }
  expect_failures = [var.runner]
}

run "checksum_of_no_version" {
  command = plan
  variables { runner = { sha256 = { x86_64 = "70920811a4f8ad4328818682bca5c6469c1c942fab52448868071d0063816613" } } }
  expect_failures = [var.runner]
}

run "version_without_the_checksum_of_a_pool" {
  command = plan
  variables {
    pools = [{ name = "linux" }, { name = "arm", arch = "arm64" }]
    runner = {
      version = "2.400.0"
      sha256  = { x86_64 = "70920811a4f8ad4328818682bca5c6469c1c942fab52448868071d0063816613" }
    }
  }
  expect_failures = [var.runner]
}

run "checksum_of_an_unknown_architecture" {
  command = plan
  variables {
    runner = {
      version = "2.400.0"
      sha256 = {
        x86_64 = "70920811a4f8ad4328818682bca5c6469c1c942fab52448868071d0063816613"
        x64    = "70920811a4f8ad4328818682bca5c6469c1c942fab52448868071d0063816613"
      }
    }
  }
  expect_failures = [var.runner]
}

run "one_checksum_for_two_architectures" {
  command = plan
  variables {
    pools  = [{ name = "linux" }, { name = "arm", arch = "arm64" }]
    runner = { settings = { JITNEY_RUNNER_SHA256 = "70920811a4f8ad4328818682bca5c6469c1c942fab52448868071d0063816613" } }
  }
  expect_failures = [var.runner]
}

run "package_that_is_not_there" {
  command = plan
  variables { package = "tests/nowhere.zip" }
  expect_failures = [var.package]
}

run "unknown_function" {
  command = plan
  variables { functions = { memory = { scaler = 512 } } }
  expect_failures = [var.functions]
}

run "concurrency_of_one" {
  command = plan
  variables { functions = { concurrency = 1 } }
  expect_failures = [var.functions]
}

run "sweep_so_seldom_that_nothing_is_judged" {
  command = plan
  variables { schedules = { sweep = 60 } }
  expect_failures = [var.schedules]
}

run "sweep_at_half_minutes" {
  command = plan
  variables { schedules = { sweep = 2.5 } }
  expect_failures = [var.schedules]
}

run "dead_letters_looked_at_all_the_time" {
  command = plan
  variables { schedules = { move_jobs = 1 } }
  expect_failures = [var.schedules]
}

run "interval_of_the_sweep_beside_its_schedule" {
  command = plan
  variables { extra_config = "[sweep]\nsettle = \"20s\"\ninterval = \"5m\"" }
  expect_failures = [var.extra_config]
}

run "interval_of_the_poll" {
  command = plan
  variables { extra_config = "[sweep]\nsettle = \"20s\"\n[poll]\ninterval = \"5m\"" }
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables { log_days = 31 }
  expect_failures = [var.log_days]
}
