# SPDX-License-Identifier: Apache-2.0
"""The whole chain on what Terraform makes: its functions' configuration, queues, rules, table, buckets and templates.

What an apply of examples/token makes is made in moto by tests/terraform/emulated.py; tests/terraform/real_apply.py runs the same on what
the real provider made there. Events of machines take their way through EventBridge's rules.
"""
import json
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/terraform"), str(ROOT / "tests/aws")]

from aws_cloud import Agents, Cloud  # noqa: E402
from emulated import REGION, Emulated  # noqa: E402
from emulator import Moto  # noqa: E402
from lambda_checks import check_all_is_over  # noqa: E402
from lambda_world import LambdaWorld  # noqa: E402
from world import BUILD, SECRET, TOKEN  # noqa: E402


class Applied(Cloud):
    """What stands after an apply. `ids`: what to replace in the functions' configuration."""

    def __init__(self, directory, moto, ids, own):
        self.directory, self.moto, self._own = directory, moto, moto if own else None
        self.sqs, self.ec2, self.s3 = (moto.boto(name) for name in ("sqs", "ec2", "s3"))
        self.create, self.stop, self.dead = (self.sqs.get_queue_url(QueueName=f"jitney-{name}")["QueueUrl"]
                                             for name in ("create", "stop", "dead"))
        text = self.function("create_runner")["Environment"]["Variables"]["JITNEY_CONFIG_TEXT"]
        for old, new in ids.items():
            text = text.replace(old, new)
        self.text = text
        self.jit_bucket = re.search(r'jit_bucket = "(.+)"', text)[1]
        self.agents = Agents(self, BUILD / "runner-package")

    def function(self, name):
        return self.moto.boto("lambda").get_function_configuration(FunctionName=f"jitney-{name.replace('_', '-')}")

    def config(self):
        raise NotImplementedError("Terraform wrote it")


def emulated(moto):
    """Makes it all, as rendered; what moto named otherwise."""
    made = Emulated("token", moto.boto)
    secrets = moto.boto("secretsmanager")
    ids = dict(made.ids)
    for name, value in (("token", TOKEN), ("webhook", SECRET)):
        arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}-AbCdEf"
        ids[arn] = secrets.create_secret(Name=name, SecretString=value)["ARN"]
    subnets = [subnet["SubnetId"] for subnet in moto.boto("ec2").describe_subnets()["Subnets"]]
    ids |= dict(zip(("subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"), subnets))
    return ids


class AppliedWorld(LambdaWorld):
    deployment = "jitney"
    repository = "shop"

    def _cloud(self, moto):
        if moto:
            return Applied(self.path, moto, {}, own=False)
        moto = Moto(log=self.path / "moto.log", region=REGION)
        return Applied(self.path, moto, emulated(moto), own=True)

    def _config(self, api):
        return self.cloud.text.replace("[[github]]\n", f'[[github]]\napi_url = "{api}"\n')

    def tell(self, _, body):
        """To EventBridge: its rules know the queue."""
        event = json.loads(body)
        sent = self.cloud.moto.boto("events").put_events(Entries=[{
            "Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"]),
            "Resources": event["resources"]}])
        if sent["FailedEntryCount"]:
            raise AssertionError(sent)
        for queue in self.mappings:
            self._sent(queue, 0)


class AppliedTest(unittest.TestCase):
    moto_of_apply = None

    def test_a_job_runs_on_what_terraform_makes_and_nothing_is_left(self):
        with AppliedWorld(moto=self.moto_of_apply) as world:
            for name in world.functions:
                self.assertEqual(world.cloud.function(name)["Handler"], name)
            world.queue([("template_cpu", "exit 0")])
            world.wait_completed(1, 120)
            check_all_is_over(self, world, 1)
            self.assertEqual(len(world.cloud.instances()), 1)
            (machine,) = world.cloud.machines()
            tags = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
            self.assertEqual((tags["jitney:deployment"], tags["jitney:pool"]), ("jitney", "template_cpu"))
            self.assertEqual(world.failures, [])


if __name__ == "__main__":
    unittest.main()
