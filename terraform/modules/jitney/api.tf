# SPDX-License-Identifier: Apache-2.0
# The one door that is open to the world: POST /webhook, and POST /webhook/NAME when several
# organisations have a secret each. The function checks the signature before anything else.
resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Webhooks of GitHub"
  protocol_type = "HTTP"
  tags          = var.tags
}

resource "aws_apigatewayv2_integration" "autoscaler" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this["autoscaler"].invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = local.timeouts["autoscaler"] * 1000
}

resource "aws_apigatewayv2_route" "webhook" {
  #checkov:skip=CKV_AWS_309:GitHub cannot sign in to AWS; the function verifies the HMAC of every request
  for_each = toset(["POST /webhook", "POST /webhook/{name}"])

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.autoscaler.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  default_route_settings {
    throttling_rate_limit  = var.api.rate
    throttling_burst_limit = var.api.burst
  }

  # GitHub's delivery id is not among what API Gateway can log; the function logs it.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      time      = "$context.requestTimeEpoch"
      requestId = "$context.requestId"
      source    = "$context.identity.sourceIp"
      route     = "$context.routeKey"
      status    = "$context.status"
      latency   = "$context.responseLatency"
      error     = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_cloudwatch_log_group" "api" {
  #checkov:skip=CKV_AWS_158:Logs hold no secret; CloudWatch encrypts them with its own key
  #checkov:skip=CKV_AWS_338:How long logs are kept is var.log_days
  name              = "/${var.name}/api"
  retention_in_days = var.log_days
  tags              = var.tags
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["autoscaler"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/$default/POST/webhook*"
}
