# SPDX-License-Identifier: Apache-2.0
"""What a job could do that got hold of its machine's role."""
import json
import unittest

from iam import actions, allows
from state import EVERY, deployed

ROLE = "jitney-machine"
OTHER = "arn:aws:s3:::jitney-jit-123456789012-eu-central-1"
# What the agent, the runner script and nothing else of the machine calls.
SCRIPT = {"s3:GetObject", "s3:DeleteObject"}
AGENT = {
    "s3:GetObject", "s3:ListBucket",  # fetches the script
    "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents",
    "ssm:UpdateInstanceInformation", "ssm:ListAssociations", "ssm:ListInstanceAssociations",
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel", "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage",
    "ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply",
}


class MachineRole(unittest.TestCase):
    def setUp(self):
        self.state = deployed("minimal")
        self.policies = self.state.policies(ROLE)
        self.assertEqual(len(self.policies), 1)
        self.role_id = self.state.one("aws_iam_role", "machine")["unique_id"]
        self.me = {"aws:userid": f"{self.role_id}:i-0aaaaaaaaaaaaaaaa"}

    def may(self, action, resource):
        return allows(self.policies, action, resource, keys=self.me)

    def test_a_machine_reads_and_removes_its_own_jit_configuration(self):
        own = f"{OTHER}/jit/{self.role_id}:i-0aaaaaaaaaaaaaaaa/config"
        self.assertTrue(self.may("s3:GetObject", own))
        self.assertTrue(self.may("s3:DeleteObject", own))
        self.assertFalse(self.may("s3:PutObject", own))

    def test_a_machine_cannot_touch_what_was_laid_down_for_another(self):
        for key in (f"jit/{self.role_id}:i-0bbbbbbbbbbbbbbbb/config", f"jit/{self.role_id}:i-0aaaaaaaaaaaaaaaabbb/config",
                    f"jit/{self.role_id}:*/config", "jit/config", f"{self.role_id}:i-0aaaaaaaaaaaaaaaa/config",
                    f"jit/AROAOTHERDEPLOYMENT:i-0aaaaaaaaaaaaaaaa/config"):
            for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject", "s3:PutObject"):
                self.assertFalse(self.may(action, f"{OTHER}/{key}"), f"{action} {key}")

    def test_nobody_but_machines_reads_jit_configurations_whatever_they_may_otherwise(self):
        generous = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        bucket = json.loads(self.state.of("aws_s3_bucket_policy")["jit"]["policy"])
        own = f"{OTHER}/jit/{self.role_id}:i-0aaaaaaaaaaaaaaaa/config"
        tls = {"aws:SecureTransport": "true"}
        machine = {"aws:PrincipalArn": self.state.one("aws_iam_role", "machine")["arn"], **tls, **self.me}
        self.assertTrue(allows([*self.policies, bucket], "s3:GetObject", own, keys=machine))
        for role in ("arn:aws:iam::123456789012:role/admin", self.state.of("aws_iam_role", "function")["create_runner"]["arn"]):
            self.assertFalse(allows([generous, bucket], "s3:GetObject", own, keys={"aws:PrincipalArn": role, **tls}))
            self.assertTrue(allows([generous, bucket], "s3:PutObject", own, keys={"aws:PrincipalArn": role, **tls}))

    def test_a_machine_cannot_even_see_whose_jit_configurations_there_are(self):
        self.assertFalse(self.may("s3:ListBucket", OTHER))

    def test_a_machine_cannot_read_any_secret(self):
        secrets = [s["arn"] for s in self.state.of("aws_secretsmanager_secret").values()]
        self.assertEqual(len(secrets), 2)
        parameters = ["arn:aws:ssm:eu-central-1:123456789012:parameter/prod/password", "*"]
        for action in ("secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"):
            for arn in secrets + ["*"]:
                self.assertFalse(self.may(action, arn))
        for action in ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory", "ssm:DescribeParameters"):
            for arn in parameters:
                self.assertFalse(self.may(action, arn))
        self.assertFalse(self.may("kms:Decrypt", self.state.one("aws_kms_key")["arn"]))

    def test_even_a_policy_that_somebody_attaches_does_not_open_the_key(self):
        key = self.state.one("aws_kms_key")
        generous = [{"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}, json.loads(key["policy"])]
        role = self.state.one("aws_iam_role", "machine")["arn"]
        self.assertFalse(allows(generous, "kms:Decrypt", key["arn"], keys={"aws:PrincipalArn": role}))
        function = self.state.of("aws_iam_role", "function")["create_runner"]["arn"]
        self.assertTrue(allows(generous, "kms:Decrypt", key["arn"], keys={"aws:PrincipalArn": function}))

    def test_a_machine_may_do_nothing_beyond_its_list(self):
        for name in EVERY:
            prefix = "ci-two" if name == "root" else "jitney"
            granted = actions(deployed(name).policies(f"{prefix}-machine"))
            self.assertEqual([a for a in granted if "*" in a or "?" in a], [])
            self.assertEqual(granted, SCRIPT | AGENT)
            self.assertEqual(deployed(name).of("aws_iam_role_policy_attachment"), {})

    def test_only_ec2_can_take_the_role(self):
        trust = json.loads(self.state.one("aws_iam_role", "machine")["assume_role_policy"])
        self.assertEqual([s["Principal"] for s in trust["Statement"]], [{"Service": "ec2.amazonaws.com"}])


if __name__ == "__main__":
    unittest.main()
