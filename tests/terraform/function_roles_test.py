# SPDX-License-Identifier: Apache-2.0
"""Each function's role against the calls that its code can make: it lacks none, and has none for nothing."""
import json
import pathlib
import re
import unittest

import calls
from iam import actions, allows, as_list
from state import EVERY, deployed

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCOUNT = "eu-central-1:123456789012"
# Where a call is allowed by other words than its own, or needs more than one.
PERMISSIONS = {
    ("ec2", "CreateFleet"): {"ec2:CreateFleet", "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"},
    ("s3", "PUT"): {"s3:PutObject"},
    ("s3", "GET"): {"s3:GetObject"},
    ("s3", "DELETE"): {"s3:DeleteObject"},
    ("sqs", "SendMessageBatch"): {"sqs:SendMessage"},
    ("sqs", "DeleteMessageBatch"): {"sqs:DeleteMessage"},
    ("secretsmanager", "GetSecretValue"): {"secretsmanager:GetSecretValue", "kms:Decrypt"},
}
TRANSACTION = {"Put": "dynamodb:PutItem", "Delete": "dynamodb:DeleteItem", "Update": "dynamodb:UpdateItem",
               "ConditionCheck": "dynamodb:ConditionCheckItem"}
# What Lambda itself does in a function's name: writes its log, and takes messages for it.
LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents"}
EVENT_SOURCE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
QUEUES = {"create_runner": "create", "stop_runner": "stop"}


def in_transactions():
    text = "".join(p.read_text() for p in (ROOT / "aws").glob("dynamo_*.cpp") if "_test" not in p.name)
    return {action for kind, action in TRANSACTION.items() if re.search(rf'\{{"{kind}", ', text)}


def needed(function, made):
    all_of = set(LAMBDA) | (EVENT_SOURCE if function in QUEUES else set())
    for pair in made:
        if pair == ("dynamodb", "TransactWriteItems"):
            all_of |= in_transactions()
        else:
            all_of |= PERMISSIONS.get(pair, {f"{pair[0]}:{pair[1]}"})
    return all_of


class FunctionRoles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.calls = calls.calls(ROOT)
        cls.state = deployed("minimal")

    def policies(self, function):
        found = self.state.policies(f"jitney-{function.replace('_', '-')}")
        self.assertEqual(len(found), 1)
        return found

    def may(self, function, action, resource, **keys):
        return allows(self.policies(function), action, resource, keys=keys)

    def test_the_sources_are_read_as_a_person_would_read_them(self):
        self.assertIn(("ec2", "CreateFleet"), self.calls["create_runner"])
        self.assertNotIn(("ec2", "CreateFleet"), self.calls["sweep"])
        self.assertIn(("ec2", "TerminateInstances"), self.calls["stop_runner"])
        self.assertEqual({s for s, _ in self.calls["autoscaler"]}, {"dynamodb", "sqs", "secretsmanager"})

    def test_the_shell_around_the_core_calls_no_port_that_was_forgotten(self):
        shell = [p.read_text() for folder in ("apps/lambda", "apps/host") for p in (ROOT / folder).glob("*.cpp") if "_test" not in p.name]
        used = {pair for text in shell for pair in calls.PORT.findall(text)}
        self.assertTrue(used)
        self.assertLessEqual(used, set().union(*calls.SHELL.values()))

    def test_who_takes_messages_may_do_all_that_becomes_of_one_that_failed(self):
        settled = set(calls.PORT.findall((ROOT / "apps/host/settle.cpp").read_text()))
        self.assertIn(("queue", "retry"), settled)
        for function, queue in QUEUES.items():
            self.assertLessEqual(settled, calls.SHELL[function])
            own, others = (f"arn:aws:sqs:{ACCOUNT}:jitney-{name}" for name in (queue, *set(QUEUES.values()) - {queue}))
            self.assertTrue(self.may(function, "sqs:ChangeMessageVisibility", own))
            self.assertFalse(self.may(function, "sqs:ChangeMessageVisibility", others))

    def test_every_policy_fits_into_its_role(self):
        for name in EVERY:
            for policy in deployed(name).of("aws_iam_role_policy").values():
                self.assertLess(len(policy["policy"]), 10240)  # IAM's bound for all inline policies of a role

    def test_every_call_of_the_adapters_is_somebodys(self):
        spare = calls.all_operations(ROOT) - set().union(*self.calls.values())
        # Those of the command line, which has the credentials of a person; and of a server that takes its own messages.
        self.assertEqual(spare, {
            ("sqs", "StartMessageMoveTask"), ("sqs", "ListMessageMoveTasks"), ("sqs", "SendMessageBatch"), ("sqs", "DeleteMessageBatch"),
            ("sqs", "GetQueueAttributes"), ("sts", "AssumeRoleWithWebIdentity"),
            # jitney doctor
            ("cloudwatch", "GetMetricData"), ("dynamodb", "DescribeTable"), ("ec2", "DescribeImages"),
            ("ec2", "DescribeInstanceTypeOfferings"), ("ec2", "DescribeInstanceTypes"), ("ec2", "DescribeLaunchTemplateVersions"),
            ("iam", "GetRole"), ("servicequotas", "GetServiceQuota"), ("sts", "GetCallerIdentity")})

    def test_a_role_lacks_nothing_and_has_nothing_for_nothing(self):
        for function, made in self.calls.items():
            with self.subTest(function):
                granted, wanted = actions(self.policies(function)), needed(function, made)
                self.assertEqual((granted - wanted, wanted - granted), (set(), set()), "(never used, missing)")

    def test_no_statement_has_a_wildcard_for_an_action(self):
        for function in self.calls:
            self.assertEqual([a for a in actions(self.policies(function)) if "*" in a], [])

    # Calls that AWS lets nobody narrow to a resource.
    WITHOUT_RESOURCE = {"ec2:DescribeInstances", "ec2:DescribeLaunchTemplates", "ec2:DescribeSpotInstanceRequests", "ec2:DescribeSubnets",
                        "ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations"}

    def test_everything_that_can_name_its_resource_does(self):
        for function in self.calls:
            for statement in self.policies(function)[0]["Statement"]:
                if "*" in as_list(statement["Resource"]):
                    self.assertLessEqual(set(as_list(statement["Action"])), self.WITHOUT_RESOURCE, statement["Sid"])

    def test_only_our_machines_can_be_stopped_or_sent_commands(self):
        machine = f"arn:aws:ec2:{ACCOUNT}:instance/i-0aaaaaaaaaaaaaaaa"
        for function in ("create_runner", "stop_runner", "sweep"):
            self.assertTrue(self.may(function, "ec2:TerminateInstances", machine, **{"aws:ResourceTag/jitney:deployment": "jitney"}))
            self.assertFalse(self.may(function, "ec2:TerminateInstances", machine, **{"aws:ResourceTag/jitney:deployment": "other"}))
            self.assertFalse(self.may(function, "ec2:TerminateInstances", machine))
        self.assertTrue(self.may("create_runner", "ssm:SendCommand", machine, **{"ssm:resourceTag/jitney:deployment": "jitney"}))
        self.assertFalse(self.may("create_runner", "ssm:SendCommand", machine, **{"ssm:resourceTag/jitney:deployment": "other"}))

    def test_only_the_script_that_fetches_from_our_bucket_can_be_sent(self):
        document = "arn:aws:ssm:eu-central-1::document/"
        self.assertTrue(self.may("create_runner", "ssm:SendCommand", document + "AWS-RunRemoteScript"))
        self.assertFalse(self.may("create_runner", "ssm:SendCommand", document + "AWS-RunShellScript"))

    def test_only_our_templates_are_launched_with_our_tag_our_role_and_in_our_subnets(self):
        template = self.state.of("aws_launch_template")["template_cpu"]["arn"]
        tagged = {"aws:RequestTag/jitney:deployment": "jitney"}
        for action in ("ec2:CreateFleet", "ec2:RunInstances"):
            self.assertTrue(self.may("create_runner", action, template))
            self.assertFalse(self.may("create_runner", action, f"arn:aws:ec2:{ACCOUNT}:launch-template/lt-0other"))
            self.assertFalse(self.may("create_runner", action, f"arn:aws:ec2:{ACCOUNT}:subnet/subnet-0other"))
            for kind in ("instance", "volume", "network-interface", "spot-instances-request"):
                self.assertTrue(self.may("create_runner", action, f"arn:aws:ec2:{ACCOUNT}:{kind}/*", **tagged), kind)
                self.assertFalse(self.may("create_runner", action, f"arn:aws:ec2:{ACCOUNT}:{kind}/*"), kind)
        role = self.state.one("aws_iam_role", "machine")["arn"]
        ec2 = {"iam:PassedToService": "ec2.amazonaws.com"}
        self.assertTrue(self.may("create_runner", "iam:PassRole", role, **ec2))
        self.assertFalse(self.may("create_runner", "iam:PassRole", role, **{"iam:PassedToService": "lambda.amazonaws.com"}))
        self.assertFalse(self.may("create_runner", "iam:PassRole", "arn:aws:iam::123456789012:role/admin", **ec2))

    def test_tags_are_given_at_launch_and_never_later(self):
        machine = f"arn:aws:ec2:{ACCOUNT}:instance/i-0aaaaaaaaaaaaaaaa"
        tag = {"aws:RequestTag/jitney:deployment": "jitney"}
        self.assertTrue(self.may("create_runner", "ec2:CreateTags", machine, **tag, **{"ec2:CreateAction": "CreateFleet"}))
        self.assertFalse(self.may("create_runner", "ec2:CreateTags", machine, **tag))

    def test_the_function_that_the_world_reaches_holds_no_credentials_of_github(self):
        secrets = {key: s["arn"] for key, s in self.state.of("aws_secretsmanager_secret").items()}
        for key, reads in (("acme/webhook_secret", {"autoscaler"}),
                           ("acme/private_key", {"create_runner", "stop_runner", "move_jobs", "sweep"})):
            able = {f for f in self.calls if self.may(f, "secretsmanager:GetSecretValue", secrets[key])}
            self.assertEqual(able, reads, key)

    def test_functions_write_jit_configurations_and_cannot_read_them(self):
        jit = "arn:aws:s3:::jitney-jit-123456789012-eu-central-1/jit/AROAX:i-0aaaaaaaaaaaaaaaa/config"
        self.assertTrue(self.may("create_runner", "s3:PutObject", jit))
        for function in self.calls:
            self.assertFalse(self.may(function, "s3:GetObject", jit))

    def test_nobody_but_lambda_takes_these_roles(self):
        for role in self.state.of("aws_iam_role", "function").values():
            trust = json.loads(role["assume_role_policy"])["Statement"]
            self.assertEqual(len(trust), 1)
            self.assertEqual(trust[0]["Principal"], {"Service": "lambda.amazonaws.com"})


if __name__ == "__main__":
    unittest.main()
