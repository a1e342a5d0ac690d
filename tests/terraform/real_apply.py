# SPDX-License-Identifier: Apache-2.0
"""Applies examples/token to moto with the real AWS provider, runs a job on what stands then, and takes it down again.

usage: real_apply.py RC, OpenTofu's configuration that names the provider; with the Python of script/venv, and a built `bootstrap`.
"""
import contextlib
import os
import pathlib
import re
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
# What moto cannot play: it never shows the first, reads denials without their conditions, does not speak CloudWatch's new protocol,
# and does not know the last.
WITHOUT = [f"-exclude=module.jitney.{name}" for name in (
    "aws_sqs_queue_redrive_allow_policy.dead", "aws_s3_bucket_policy.this", "aws_cloudwatch_metric_alarm.this",
    "aws_cloudwatch_dashboard.this", "aws_lambda_function_recursion_config.this")]

NOT_REPEATED = {"aws_lambda_function", "aws_launch_template", "aws_sqs_queue"}


@contextlib.contextmanager
def in_our_hands(moto):
    """moto itself runs functions in Docker, and takes a schedule for a rule that every event matches: off for the time of the chain."""
    functions, events = moto.boto("lambda"), moto.boto("events")
    mappings = [one["UUID"] for one in functions.list_event_source_mappings()["EventSourceMappings"]]
    schedules = {rule["Name"]: events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
                 for rule in events.list_rules()["Rules"] if "ScheduleExpression" in rule}
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    for name, targets in schedules.items():
        events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
    yield
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    for name, targets in schedules.items():
        events.put_targets(Rule=name, Targets=targets)


def run_chain(moto):
    class OnWhatWasApplied(applied_test.AppliedTest):
        moto_of_apply = moto

    with in_our_hands(moto):
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(OnWhatWasApplied)
        if not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful():
            sys.exit(1)


def check_second(plan):
    """A second apply makes and removes nothing, and changes just what moto does not repeat."""
    changed = set(re.findall(r"^  # \S+?\.(aws_\w+)\.\S+ (?:will|must) be", plan, re.MULTILINE))
    if changed - NOT_REPEATED or not re.search("Plan: 0 to add, [0-9]+ to change, 0 to destroy|No changes", plan):
        sys.exit(f"a second apply would change {sorted(changed)}:\n{plan}")
    print(f"a second apply changes {sorted(changed)}, where moto leaves out what it was told")


def main():
    with Moto(region=REGION, log=ROOT / "build/terraform/moto.log") as moto:
        secrets = moto.boto("secretsmanager")
        variables = {
            "token_arn": secrets.create_secret(Name="token", SecretString=TOKEN)["ARN"],
            "webhook_secret_arn": secrets.create_secret(Name="webhook", SecretString=SECRET)["ARN"],
            "kms_key_arn": moto.boto("kms").create_key()["KeyMetadata"]["Arn"]}
        # S3 Control is called at <account>.127.0.0.1, which no resolver knows.
        environment = {**moto.environment(), "HTTP_PROXY": moto.url}
        with Workspace("examples/token", variables, rc=sys.argv[1], environment=environment, limit=LIMIT) as workspace:
            with zipfile.ZipFile(workspace.home / "jitney.zip", "w") as package:
                package.writestr("bootstrap", "#!/bin/sh\n")
            (workspace.folder / "moto_override.tf").write_text(PROVIDER)
            workspace.tofu("apply", "-auto-approve", "-input=false", *WITHOUT)
            print("applied")
            run_chain(moto)
            check_second(workspace.tofu("plan", "-input=false", *WITHOUT))
            workspace.tofu("destroy", "-auto-approve")
            left = [queue for queue in moto.boto("sqs").list_queues().get("QueueUrls", [])]
            left += [function["FunctionName"] for function in moto.boto("lambda").list_functions()["Functions"]]
            if left:
                sys.exit(f"left after destroy: {left}")
            print("destroyed")


if __name__ == "__main__":
    main()
