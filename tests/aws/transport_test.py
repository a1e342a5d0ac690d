# SPDX-License-Identifier: Apache-2.0
"""Our client against moto, with and without its signature and policy checks.

By hand: AWS_PROBE=build/dev/tests/aws/aws_probe build/venv/bin/python3 tests/aws/transport_test.py
"""
import json
import os
import subprocess
import unittest

from emulator import Moto

PROBE = os.environ["AWS_PROBE"]
ROLE_TRUST = {"Version": "2012-10-17",
              "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
QUEUES_ONLY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}


def call(environment, *calls):
    lines = "".join(json.dumps({"service": s, "operation": o, "input": i}) + "\n" for s, o, i in calls)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    done = subprocess.run([PROBE, "call"], input=lines, capture_output=True, text=True, timeout=60, check=True,
                          env={**clean, **environment})
    return [json.loads(line) for line in done.stdout.splitlines()]


class Transport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto(checks_signatures=True)
        cls.addClassCleanup(cls.moto.close)

    def setUp(self):
        self.moto.stop_checking()
        self.moto.reset()

    def test_every_protocol(self):
        self.moto.boto("s3").create_bucket(Bucket="jit")
        self.moto.boto("secretsmanager").create_secret(Name="pat", SecretString="s3cr3t")
        answers = call(
            self.moto.environment(),
            ("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"VisibilityTimeout": "7"}}),
            ("dynamodb", "ListTables", {}),
            ("ssm", "PutParameter", {"Name": "/a/b", "Value": "v", "Type": "SecureString"}),
            ("secretsmanager", "GetSecretValue", {"SecretId": "pat"}),
            ("ec2", "DescribeInstances", {"Filter.1.Name": "tag:jitney", "Filter.1.Value.1": "a b/é"}),
            ("sts", "GetCallerIdentity", {}),
            ("s3", "PUT", {"bucket": "jit", "key": "a b/é+1", "body": "bytes"}),
            ("s3", "GET", {"bucket": "jit", "key": "a b/é+1"}),
        )
        for answer in answers:
            self.assertNotIn("fault", answer)
        queue = answers[0]["output"]["QueueUrl"]
        attributes = self.moto.boto("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
        self.assertEqual(attributes["Attributes"]["VisibilityTimeout"], "7")
        self.assertEqual(answers[3]["output"]["SecretString"], "s3cr3t")
        self.assertIn("reservationSet", answers[4]["output"])
        self.assertIn("<Arn>", answers[5]["output"])
        self.assertEqual(answers[7]["output"], "bytes")
        stored = self.moto.boto("s3").get_object(Bucket="jit", Key="a b/é+1")["Body"].read()
        self.assertEqual(stored, b"bytes")

    def test_vendor_errors_become_faults(self):
        answers = call(
            self.moto.environment(),
            ("sqs", "GetQueueUrl", {"QueueName": "none"}),
            ("dynamodb", "GetItem", {"TableName": "none", "Key": {"pk": {"S": "a"}}}),
            ("ssm", "GetParameter", {"Name": "/none"}),
            ("secretsmanager", "GetSecretValue", {"SecretId": "none"}),
            ("ec2", "DescribeInstances", {"InstanceId.1": "i-0123456789abcdef0"}),
            ("s3", "GET", {"bucket": "none", "key": "k"}),
        )
        self.assertEqual([a.get("fault") for a in answers],
                         ["invalid", "invalid", "not_found", "not_found", "not_found", "invalid"], answers)
        self.assertIn("QueueDoesNotExist", answers[0]["what"])
        self.assertIn("InvalidInstanceID.NotFound", answers[4]["what"])

    def identity(self, policy):
        """A user with a key of its own, and temporary credentials of a role, both under the policy."""
        iam = self.moto.boto("iam")
        iam.create_user(UserName="jitney")
        iam.put_user_policy(UserName="jitney", PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="jitney")["AccessKey"]
        role = iam.create_role(RoleName="jitney", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST))["Role"]
        iam.put_role_policy(RoleName="jitney", PolicyName="p", PolicyDocument=json.dumps(policy))
        session = self.moto.boto("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        return (key["AccessKeyId"], key["SecretAccessKey"]), session

    def test_signatures_are_accepted_where_they_are_checked(self):
        self.moto.boto("s3").create_bucket(Bucket="jit")
        keys, session = self.identity(EVERYTHING)
        self.moto.begin_checking()
        temporary = self.moto.environment((session["AccessKeyId"], session["SecretAccessKey"]), session["SessionToken"])
        for environment in (self.moto.environment(keys), temporary):
            answers = call(
                environment,
                ("sqs", "ListQueues", {}), ("dynamodb", "ListTables", {}),
                ("ec2", "DescribeInstances", {"Filter.1.Name": "tag:a", "Filter.1.Value.1": "b c"}),
                ("ssm", "DescribeParameters", {}), ("secretsmanager", "ListSecrets", {}),
                # Without ":", whose signature moto gets wrong.
                ("s3", "PUT", {"bucket": "jit", "key": "a b/é+1~x", "body": "bytes"}),
                ("s3", "GET", {"bucket": "jit", "key": "a b/é+1~x"}),
            )
            for answer in answers:
                self.assertNotIn("fault", answer)

    def test_wrong_keys_and_tokens_are_unauthorized(self):
        keys, session = self.identity(EVERYTHING)
        temporary = (session["AccessKeyId"], session["SecretAccessKey"])
        self.moto.begin_checking()
        for environment in (
            self.moto.environment((keys[0], "wrong")), self.moto.environment(("AKIAXXXXXXXXXXXXXXXX", keys[1])),
            self.moto.environment(temporary), self.moto.environment(temporary, "another token"),
        ):
            for answer in call(environment, ("sqs", "ListQueues", {}), ("ec2", "DescribeInstances", {})):
                self.assertEqual(answer.get("fault"), "unauthorized", answer)

    def test_a_denied_action_is_unauthorized_and_says_which(self):
        keys, _ = self.identity(QUEUES_ONLY)
        self.moto.begin_checking()
        answers = call(self.moto.environment(keys), ("sqs", "ListQueues", {}), ("ec2", "DescribeInstances", {}))
        self.assertNotIn("fault", answers[0])
        self.assertEqual(answers[1]["fault"], "unauthorized")
        self.assertIn("ec2 DescribeInstances: AccessDenied", answers[1]["what"])
        self.assertIn("ec2:DescribeInstances", answers[1]["what"])

    def test_without_credentials_it_says_where_it_looked(self):
        environment = self.moto.environment()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del environment[name]
        environment["HOME"] = "/nonexistent"
        answer = call(environment, ("sqs", "ListQueues", {}))[0]
        self.assertEqual(answer["fault"], "unauthorized")
        for place in ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "profile default", "metadata"):
            self.assertIn(place, answer["what"])


if __name__ == "__main__":
    unittest.main()
