# SPDX-License-Identifier: Apache-2.0
"""Applies examples/token to moto with the real AWS provider, runs a job on what stands then, and takes it down again.

usage: real_apply.py RC, OpenTofu's configuration that names the provider; with the Python of script/venv, and a built `bootstrap`.
"""
import contextlib
import os
import pathlib
import sys
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("JITNEY_BUILD", str(ROOT / "build/dev"))
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/aws")]

import applied_test  # noqa: E402
from emulated import REGION  # noqa: E402
from emulator import Moto  # noqa: E402
from workspace import Workspace  # noqa: E402
from world import SECRET, TOKEN  # noqa: E402

# For the endpoint on loopback: nothing of it changes what is made.
PROVIDER = """
provider "aws" {
  s3_use_path_style           = true
  skip_metadata_api_check     = true
  skip_credentials_validation = true
}
"""
LIMIT = 600  # seconds; the provider waits for what AWS takes long to show


@contextlib.contextmanager
def in_our_hands(moto):
    """moto itself runs functions in Docker, takes a schedule for a rule that every event matches, and reads a bucket policy's denials
    without their conditions. For the time of the chain these are off."""
    functions, events, s3 = (moto.boto(name) for name in ("lambda", "events", "s3"))
    mappings = [one["UUID"] for one in functions.list_event_source_mappings()["EventSourceMappings"]]
    schedules = [rule["Name"] for rule in events.list_rules()["Rules"] if "ScheduleExpression" in rule]
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    policies = {name: s3.get_bucket_policy(Bucket=name)["Policy"] for name in buckets}
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    for name in schedules:
        events.disable_rule(Name=name)
    for name in policies:
        s3.delete_bucket_policy(Bucket=name)
    yield
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    for name in schedules:
        events.enable_rule(Name=name)
    for name, policy in policies.items():
        s3.put_bucket_policy(Bucket=name, Policy=policy)


def run_chain(moto):
    class OnWhatWasApplied(applied_test.AppliedTest):
        moto_of_apply = moto

    with in_our_hands(moto):
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(OnWhatWasApplied)
        if not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful():
            sys.exit(1)


def main():
    with Moto(region=REGION, log=ROOT / "build/terraform/moto.log") as moto:
        secrets = moto.boto("secretsmanager")
        variables = {
            "token_arn": secrets.create_secret(Name="token", SecretString=TOKEN)["ARN"],
            "webhook_secret_arn": secrets.create_secret(Name="webhook", SecretString=SECRET)["ARN"],
            "kms_key_arn": moto.boto("kms").create_key()["KeyMetadata"]["Arn"]}
        with Workspace("examples/token", variables, rc=sys.argv[1], environment=moto.environment(), limit=LIMIT) as workspace:
            with zipfile.ZipFile(workspace.home / "jitney.zip", "w") as package:
                package.writestr("bootstrap", "#!/bin/sh\n")
            (workspace.folder / "moto_override.tf").write_text(PROVIDER)
            workspace.tofu("apply", "-auto-approve", "-input=false")
            print("applied")
            run_chain(moto)
            workspace.tofu("plan", "-detailed-exitcode")  # fails when a second apply would change anything
            print("a second apply changes nothing")
            workspace.tofu("destroy", "-auto-approve")
            left = [queue for queue in moto.boto("sqs").list_queues().get("QueueUrls", [])]
            left += [function["FunctionName"] for function in moto.boto("lambda").list_functions()["Functions"]]
            if left:
                sys.exit(f"left after destroy: {left}")
            print("destroyed")


if __name__ == "__main__":
    main()
