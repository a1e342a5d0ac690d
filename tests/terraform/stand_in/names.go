// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	account = "123456789012"
	region  = "eu-central-1"
)

// Begins the id of every image whose parameter names the architecture, so that the image can be asked for it.
const armImage = "ami-0a64"

func speaksOfArm(config string) bool {
	return strings.Contains(config, "arm64") || strings.Contains(config, armImage)
}

// What AWS would say of a new resource, as far as anything refers to it: by type, then attribute. {x} is the
// argument x, {#} some hexadecimal digits of its own.
var answers = map[string]map[string]string{
	"aws_apigatewayv2_api": {
		"id": "{#}", "api_endpoint": "https://{#}.execute-api.REGION.amazonaws.com",
		"execution_arn": "arn:aws:execute-api:REGION:ACCOUNT:{#}"},
	"aws_apigatewayv2_integration": {"id": "{#}"},
	"aws_cloudwatch_event_rule":    {"id": "{name}", "arn": "arn:aws:events:REGION:ACCOUNT:rule/{name}"},
	"aws_cloudwatch_log_group":     {"id": "{name}", "arn": "arn:aws:logs:REGION:ACCOUNT:log-group:{name}"},
	"aws_dynamodb_table":           {"id": "{name}", "arn": "arn:aws:dynamodb:REGION:ACCOUNT:table/{name}"},
	"aws_iam_instance_profile":     {"id": "{name}", "arn": "arn:aws:iam::ACCOUNT:instance-profile/{name}"},
	"aws_iam_role":                 {"id": "{name}", "arn": "arn:aws:iam::ACCOUNT:role/{name}", "unique_id": "AROA{#}"},
	"aws_kms_key":                  {"id": "{#}", "key_id": "{#}", "arn": "arn:aws:kms:REGION:ACCOUNT:key/{#}"},
	"aws_lambda_function": {
		"id": "{function_name}", "arn": "arn:aws:lambda:REGION:ACCOUNT:function:{function_name}",
		"invoke_arn": "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/" +
			"arn:aws:lambda:REGION:ACCOUNT:function:{function_name}/invocations"},
	"aws_launch_template": {
		"id": "lt-0{#}", "arn": "arn:aws:ec2:REGION:ACCOUNT:launch-template/lt-0{#}"},
	"aws_s3_bucket":             {"id": "{bucket}", "arn": "arn:aws:s3:::{bucket}"},
	"aws_s3_object":             {"id": "{key}"},
	"aws_secretsmanager_secret": {"id": "arn:aws:secretsmanager:REGION:ACCOUNT:secret:{name}-AbCdEf", "arn": "arn:aws:secretsmanager:REGION:ACCOUNT:secret:{name}-AbCdEf"},
	"aws_security_group":        {"id": "sg-0{#}", "arn": "arn:aws:ec2:REGION:ACCOUNT:security-group/sg-0{#}"},
	"aws_sqs_queue": {
		"id": "https://sqs.REGION.amazonaws.com/ACCOUNT/{name}", "url": "https://sqs.REGION.amazonaws.com/ACCOUNT/{name}",
		"arn": "arn:aws:sqs:REGION:ACCOUNT:{name}"},

	"data.aws_ami":                 {"id": "ami-0{#}", "architecture": "x86_64", "root_device_name": "/dev/xvda"},
	"data.aws_ami.arm64":           {"id": "ami-0{#}", "architecture": "arm64", "root_device_name": "/dev/xvda"},
	"data.aws_caller_identity":     {"account_id": account},
	"data.aws_partition":           {"partition": "aws", "dns_suffix": "amazonaws.com"},
	"data.aws_region":              {"region": region, "name": region},
	"data.aws_ssm_parameter":       {"value": "ami-0{#}"},
	"data.aws_ssm_parameter.arm64": {"value": armImage + "{#}"},
	"data.aws_subnets":             {"ids": "subnet-0aaaaaaaaaaaaaaaa subnet-0bbbbbbbbbbbbbbbb"},
	"data.aws_vpc":                 {"id": "vpc-0{#}"},
}

// The answer for one attribute; false where nothing is known.
func answer(kind, attribute string, arguments map[string]string) (string, bool) {
	text, known := answers[kind][attribute]
	if attribute == "region" {
		text, known = region, true
	}
	if !known {
		return "", false
	}
	seed := kind
	for _, name := range sorted(arguments) {
		seed += "\x00" + name + "\x00" + arguments[name]
		text = strings.ReplaceAll(text, "{"+name+"}", arguments[name])
	}
	sum := sha256.Sum256([]byte(seed))
	text = strings.ReplaceAll(text, "{#}", hex.EncodeToString(sum[:])[:16])
	return strings.NewReplacer("REGION", region, "ACCOUNT", account).Replace(text), true
}
