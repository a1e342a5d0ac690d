# SPDX-License-Identifier: Apache-2.0
"""The module, as OpenTofu made it, against what the functions and the machines need."""
import base64
import json
import pathlib
import re
import tomllib
import unittest

import inputs
from iam import allows
from machine_events import EVENTS
from state import EVERY, deployed

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTIONS = {"autoscaler", "create_runner", "stop_runner", "move_jobs", "sweep"}
ACCOUNT = "arn:aws:sqs:eu-central-1:123456789012:"


def config(state):
    return tomllib.loads(state.of("aws_lambda_function")["sweep"]["environment"][0]["variables"]["JITNEY_CONFIG_TEXT"])


class Sources(unittest.TestCase):
    def test_rendered_files_were_made_from_these_sources(self):
        for name in EVERY:
            self.assertEqual(deployed(name).made_from, inputs.digest(ROOT),
                             f"rendered/{name}.json is old: run script/test-terraform --render")

    def test_every_variable_and_output_says_what_it_is(self):
        for name in ("variables.tf", "outputs.tf"):
            text = (ROOT / "terraform/modules/jitney" / name).read_text()
            blocks = re.findall(r'^(?:variable|output) "(\w+)" \{\n  (\w+)', text, re.MULTILINE)
            self.assertGreater(len(blocks), 5)
            self.assertEqual([block for block, first in blocks if first != "description"], [])

    def test_every_skipped_check_gives_a_reason(self):
        skips = [line for path in (ROOT / "terraform").rglob("*.tf") for line in path.read_text().splitlines() if "checkov:skip" in line]
        self.assertTrue(skips)
        for line in skips:
            self.assertRegex(line, r"#checkov:skip=CKV2?_AWS_\d+:\S.{15,}")


class Functions(unittest.TestCase):
    def test_five_functions_from_one_executable_each_with_its_own_part_and_role(self):
        for name in EVERY:
            functions = deployed(name).of("aws_lambda_function")
            self.assertEqual(set(functions), FUNCTIONS)
            for part, f in functions.items():
                self.assertEqual((f["handler"], f["runtime"], f["filename"]), (part, "provided.al2023", "HOME/jitney.zip"))
            self.assertEqual(len({f["role"] for f in functions.values()}), 5)

    def test_each_log_group_ends_its_lines_one_day(self):
        groups = deployed("minimal").of("aws_cloudwatch_log_group")
        self.assertEqual({g["retention_in_days"] for g in groups.values()}, {30})
        for f in deployed("minimal").of("aws_lambda_function").values():
            self.assertIn(f["logging_config"][0]["log_group"], {g["name"] for g in groups.values()})

    def test_no_secret_stands_in_the_environment(self):
        for name in EVERY:
            for f in deployed(name).of("aws_lambda_function").values():
                text = json.dumps(f["environment"])
                self.assertNotIn("never-in-the-state", text)
                self.assertNotIn("webhook-secret", text)

    def test_a_new_version_of_the_secrets_replaces_processes_that_read_the_old_ones(self):
        for name, version in (("minimal", "1"), ("root", "3")):
            for f in deployed(name).of("aws_lambda_function").values():
                self.assertEqual(f["environment"][0]["variables"]["JITNEY_SECRETS_VERSION"], version)
        text = (ROOT / "terraform/modules/jitney/functions.tf").read_text()
        function = re.search(r'^resource "aws_lambda_function" "this".*?^}', text, re.MULTILINE | re.DOTALL)[0]
        self.assertRegex(function, r"depends_on = \[aws_secretsmanager_secret_version\.this\]")

    def test_the_environment_fits_into_lambda(self):
        for name in EVERY:
            for f in deployed(name).of("aws_lambda_function").values():
                variables = f["environment"][0]["variables"]
                self.assertLess(sum(len(k) + len(v) for k, v in variables.items()), 4096)

    def test_the_webhook_function_answers_before_github_gives_up(self):
        self.assertEqual(deployed("minimal").of("aws_lambda_function")["autoscaler"]["timeout"], 10)
        self.assertEqual(deployed("minimal").one("aws_apigatewayv2_integration")["timeout_milliseconds"], 10000)

    def test_the_configuration_names_what_was_made(self):
        for name in EVERY:
            state = deployed(name)
            read = config(state)
            aws = read["aws"]
            self.assertEqual(aws["table"], state.one("aws_dynamodb_table")["name"])
            queues = state.of("aws_sqs_queue")
            self.assertEqual((aws["queue_url"], aws["stop_queue_url"], aws["dead_letter_queue_url"]),
                             (queues["create"]["url"], queues["stop"]["url"], queues["dead"]["url"]))
            templates = {t["name"] for t in state.of("aws_launch_template").values()}
            self.assertEqual({p["ec2"]["launch_template"] for p in read["pool"]}, templates)
            self.assertEqual(state.outputs["webhook_url"], read["github"][0]["webhook_url"])

    def test_the_configuration_speaks_of_secrets_by_arn_alone(self):
        read = config(deployed("root"))
        by_name = {g["name"]: g for g in read["github"]}
        self.assertEqual(set(by_name["acme"]) & {"token", "private_key"}, {"private_key"})
        self.assertEqual(set(by_name["shop"]) & {"token", "private_key"}, {"token"})
        for g in by_name.values():
            for secret in (g.get("token"), g.get("private_key"), g["webhook_secret"]):
                if secret is not None:
                    self.assertRegex(list(secret.values())[0], r"^arn:aws:secretsmanager:")

    def test_output_labels_are_those_of_the_pools(self):
        self.assertEqual(deployed("templates").outputs["labels"]["template_gpu"], ["self-hosted", "linux", "gpu", "template_gpu"])


class Wiring(unittest.TestCase):
    def test_only_post_to_the_webhook_reaches_a_function(self):
        state = deployed("minimal")
        self.assertEqual(set(state.of("aws_apigatewayv2_route")), {"POST /webhook", "POST /webhook/{name}"})
        permission = state.one("aws_lambda_permission", "api")
        self.assertEqual(permission["function_name"], "jitney-autoscaler")
        self.assertTrue(permission["source_arn"].endswith("/$default/POST/webhook*"))

    def test_queues_wake_their_function_and_report_single_failures(self):
        state = deployed("minimal")
        mappings = state.of("aws_lambda_event_source_mapping")
        woken = {m["event_source_arn"].removeprefix(ACCOUNT): m["function_name"].rsplit(":", 1)[1] for m in mappings.values()}
        self.assertEqual(woken, {"jitney-create": "jitney-create-runner", "jitney-stop": "jitney-stop-runner"})
        for m in mappings.values():
            self.assertEqual(m["function_response_types"], ["ReportBatchItemFailures"])

    def test_a_message_stays_hidden_for_six_times_its_functions_limit(self):
        state = deployed("minimal")
        for m in state.of("aws_lambda_event_source_mapping").values():
            queue = next(q for q in state.of("aws_sqs_queue").values() if q["arn"] == m["event_source_arn"])
            function = next(f for f in state.of("aws_lambda_function").values() if f["arn"] == m["function_name"])
            self.assertEqual(queue["visibility_timeout_seconds"], 6 * function["timeout"])

    def test_messages_die_into_one_queue_that_keeps_them_longest(self):
        queues = deployed("minimal").of("aws_sqs_queue")
        for name in ("create", "stop"):
            redrive = json.loads(queues[name]["redrive_policy"])
            self.assertEqual(redrive["deadLetterTargetArn"], queues["dead"]["arn"])
            self.assertGreaterEqual(redrive["maxReceiveCount"], 10)
            self.assertGreater(queues["dead"]["message_retention_seconds"], queues[name]["message_retention_seconds"])

    def test_each_event_of_a_machine_reaches_one_queue_and_others_none(self):
        state = deployed("minimal")
        targets = state.of("aws_cloudwatch_event_target", "machine")
        rules = state.of("aws_cloudwatch_event_rule", "machine")
        self.assertEqual(set(rules), set(targets))
        for queue, event in EVENTS:
            reached = [targets[k]["arn"] for k, rule in rules.items() if pattern_matches(json.loads(rule["event_pattern"]), event)]
            self.assertEqual(reached, [] if queue is None else [f"{ACCOUNT}jitney-{queue}"], event)

    def test_what_eventbridge_cannot_deliver_is_kept(self):
        state = deployed("minimal")
        for target in state.of("aws_cloudwatch_event_target", "machine").values():
            self.assertEqual(target["dead_letter_config"][0]["arn"], state.of("aws_sqs_queue")["dead"]["arn"])

    def test_schedules_wake_sweep_and_move_jobs_and_may(self):
        state = deployed("minimal")
        targets = {k: t["arn"].rsplit(":", 1)[1] for k, t in state.of("aws_cloudwatch_event_target", "schedule").items()}
        self.assertEqual(targets, {"sweep": "jitney-sweep", "move_jobs": "jitney-move-jobs"})
        for key, permission in state.of("aws_lambda_permission", "schedule").items():
            self.assertEqual(permission["source_arn"], state.of("aws_cloudwatch_event_rule", "schedule")[key]["arn"])
            self.assertEqual(permission["function_name"], targets[key])

    def test_the_sweep_expects_the_schedule_that_wakes_it(self):
        told = set()
        for name in EVERY:
            state = deployed(name)
            rate = state.of("aws_cloudwatch_event_rule", "schedule")["sweep"]["schedule_expression"]
            minutes = re.fullmatch(r"rate\((1 minute|\d+ minutes)\)", rate)[1].split()[0]
            self.assertEqual(config(state)["sweep"]["interval"], f"{minutes}m", name)
            told.add(minutes)
        self.assertEqual(told, {"1", "5"})
        # Beside what a person wrote about the sweep.
        self.assertEqual(config(deployed("token"))["sweep"]["check_after"], "20m")

    def test_functions_may_receive_before_lambda_is_told_to_send_them_messages(self):
        text = (ROOT / "terraform/modules/jitney/functions.tf").read_text()
        mapping = re.search(r'^resource "aws_lambda_event_source_mapping".*?^}', text, re.MULTILINE | re.DOTALL)[0]
        self.assertRegex(mapping, r"depends_on = \[aws_iam_role_policy\.function\]")

    def test_the_table_is_the_one_of_formats_md(self):
        text = (ROOT / "docs/formats.md").read_text()
        wanted = json.loads(re.search(r"```json\n(\{\"TableName\":.*?)\n```", text, re.DOTALL)[1])
        table = deployed("minimal").one("aws_dynamodb_table")
        keys = {k["KeyType"]: k["AttributeName"] for k in wanted["KeySchema"]}
        self.assertEqual((table["name"], table["hash_key"], table["range_key"], table["billing_mode"]),
                         (wanted["TableName"], keys["HASH"], keys["RANGE"], wanted["BillingMode"]))
        self.assertEqual({(a["name"], a["type"]) for a in table["attribute"]},
                         {(a["AttributeName"], a["AttributeType"]) for a in wanted["AttributeDefinitions"]})
        index, wanted_index = table["global_secondary_index"][0], wanted["GlobalSecondaryIndexes"][0]
        self.assertEqual((index["name"], index["hash_key"], index["range_key"], index["projection_type"]),
                         (wanted_index["IndexName"], *(k["AttributeName"] for k in wanted_index["KeySchema"]),
                          wanted_index["Projection"]["ProjectionType"]))
        self.assertEqual(table["ttl"], [{"attribute_name": "ttl", "enabled": True}])
        self.assertTrue(table["point_in_time_recovery"][0]["enabled"])


def pattern_matches(pattern, event):
    """EventBridge's rule for patterns of lists and objects, which is all that ours have."""
    return all(name in event and (pattern_matches(wanted, event[name]) if isinstance(wanted, dict) else event[name] in wanted)
               for name, wanted in pattern.items())


class Machines(unittest.TestCase):
    def test_every_template_asks_for_signed_metadata_and_encrypted_disks_and_ends_when_powered_off(self):
        for name in EVERY:
            for template in deployed(name).of("aws_launch_template").values():
                metadata = template["metadata_options"][0]
                self.assertEqual((metadata["http_tokens"], metadata["http_put_response_hop_limit"]), ("required", 1))
                self.assertEqual(template["instance_initiated_shutdown_behavior"], "terminate")
                for disk in template["block_device_mappings"]:
                    self.assertTrue(disk["ebs"][0]["encrypted"] and disk["ebs"][0]["delete_on_termination"])
                self.assertNotIn("key_name", template)

    def test_everything_that_a_launch_makes_bears_the_deployment(self):
        for template in deployed("root").of("aws_launch_template").values():
            kinds = {s["resource_type"]: s["tags"]["jitney:deployment"] for s in template["tag_specifications"]}
            self.assertEqual(kinds, dict.fromkeys(["instance", "volume", "network-interface", "spot-instances-request"], "ci-two"))

    def test_nothing_reaches_a_machine_from_outside(self):
        for name in EVERY:
            for group in deployed(name).of("aws_security_group", "machine").values():
                self.assertNotIn("ingress", group)
            self.assertNotIn("aws_vpc_security_group_ingress_rule", deployed(name).kinds())

    def test_user_data_is_whole_and_has_its_settings(self):
        for name in EVERY:
            for template in deployed(name).of("aws_launch_template").values():
                text = base64.b64decode(template["user_data"]).decode()
                self.assertTrue(text.startswith("#!/bin/sh\n"))
                self.assertIsNone(re.search(r"%[A-Z]+%", text), "a placeholder was left")
        root = deployed("root").of("aws_launch_template")
        cpu = base64.b64decode(root["cpu"]["user_data"]).decode()
        self.assertIn("JITNEY_SUDO='yes'", cpu)
        self.assertIn("\necho prepared\n", cpu + "\n")
        self.assertNotIn("JITNEY_SUDO", base64.b64decode(root["web"]["user_data"]).decode())

    def test_machines_fetch_the_script_of_this_repository(self):
        script = deployed("minimal").one("aws_s3_object")
        self.assertTrue(script["source"].endswith("runner/jitney-runner"))
        self.assertEqual(deployed("minimal").one("aws_s3_bucket_versioning")["bucket"], script["bucket"])


class Safety(unittest.TestCase):
    def test_two_deployments_of_one_account_share_no_name(self):
        one, other = deployed("minimal").names(), deployed("root").names()
        self.assertGreater(len(one), 40)
        self.assertEqual(one & other, set())

    def test_buckets_are_private_and_jit_configurations_are_neither_kept_nor_versioned(self):
        state = deployed("minimal")
        for block in state.of("aws_s3_bucket_public_access_block").values():
            self.assertEqual({block[k] for k in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")}, {True})
        jit = state.one("aws_s3_bucket", "jit")["bucket"]
        self.assertNotIn(jit, [v["bucket"] for v in state.of("aws_s3_bucket_versioning").values()])
        rule = state.one("aws_s3_bucket_lifecycle_configuration", "jit")["rule"][0]
        self.assertEqual((rule["status"], rule["expiration"][0]["days"]), ("Enabled", 1))

    def test_buckets_refuse_requests_in_clear(self):
        for policy in deployed("minimal").of("aws_s3_bucket_policy").values():
            open_to_all = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
            both = [open_to_all, json.loads(policy["policy"])]
            key = f"arn:aws:s3:::{policy['bucket']}/jitney-runner"
            self.assertFalse(allows(both, "s3:PutObject", key, keys={"aws:SecureTransport": "false"}))
            self.assertTrue(allows(both, "s3:PutObject", key, keys={"aws:SecureTransport": "true"}))

    def test_secrets_of_ours_are_under_a_key_of_their_own(self):
        state = deployed("minimal")
        key = state.one("aws_kms_key")["arn"]
        secrets = state.of("aws_secretsmanager_secret")
        self.assertEqual(set(secrets), {"acme/webhook_secret", "acme/private_key"})
        self.assertEqual({s["kms_key_id"] for s in secrets.values()}, {key})
        for version in state.of("aws_secretsmanager_secret_version").values():
            self.assertEqual(set(version) & {"secret_string", "secret_binary", "secret_string_wo"}, set())

    def test_wake_ups_may_come_back_to_their_queue(self):
        loops = deployed("minimal").of("aws_lambda_function_recursion_config")
        self.assertEqual({c["function_name"] for c in loops.values()}, {"jitney-create-runner", "jitney-stop-runner"})
        self.assertEqual({c["recursive_loop"] for c in loops.values()}, {"Allow"})

    def test_existing_secrets_are_only_pointed_at(self):
        self.assertEqual(deployed("token").kinds() & {"aws_secretsmanager_secret", "aws_kms_key"}, set())

    def test_alarms_are_on_by_default_and_tell_the_topic(self):
        wanted = {"dead-letters", "dead-messages", "sweep-silent", "webhook-5xx", "oldest-create", "oldest-stop"}
        wanted |= {f"errors-{f.replace('_', '-')}" for f in FUNCTIONS}
        self.assertEqual(set(deployed("minimal").of("aws_cloudwatch_metric_alarm")), wanted)
        for alarm in deployed("root").of("aws_cloudwatch_metric_alarm").values():
            self.assertEqual(alarm["alarm_actions"], ["arn:aws:sns:eu-central-1:123456789012:oncall"])
        self.assertEqual(deployed("minimal").of("aws_cloudwatch_metric_alarm")["sweep-silent"]["treat_missing_data"], "breaching")

    def test_every_alarm_watches_something_that_exists(self):
        state = deployed("minimal")
        known = {f["function_name"] for f in state.of("aws_lambda_function").values()}
        known |= {q["name"] for q in state.of("aws_sqs_queue").values()} | {state.one("aws_apigatewayv2_api")["id"]}
        alarms = dict(state.of("aws_cloudwatch_metric_alarm"))
        # A metric of ours, written by apps/lambda/embedded_metrics.cpp.
        own = alarms.pop("dead-letters")
        self.assertEqual((own["namespace"], own["dimensions"]), ("Jitney", {"deployment": config(state)["deployment"]}))
        source = (ROOT / "apps/lambda/embedded_metrics.cpp").read_text()
        self.assertIn('kNamespace = "Jitney"', source)
        self.assertIn(f'"{own["metric_name"]}"', source)
        for alarm in alarms.values():
            self.assertLessEqual(set(alarm["dimensions"].values()), known)


class Documentation(unittest.TestCase):
    maxDiff = None

    def test_aws_md_counts_what_the_smallest_deployment_has(self):
        text = (ROOT / "docs/aws.md").read_text()
        table = text[text.index("| resource | how many |"):].split("\n\n")[0]
        told = {}
        for row in table.splitlines()[2:]:
            names, numbers, _ = (cell.strip() for cell in row.strip("|").split("|"))
            whole = ""
            for name, number in zip(re.findall(r"`(\w+)`", names), re.findall(r"\d+", numbers), strict=True):
                whole = whole if name.startswith("_") else name
                told[whole + name if name.startswith("_") else name] = int(number)
        state = deployed("minimal")
        self.assertEqual(told, {kind: state.count(kind) for kind in state.kinds()})

    def test_the_picture_has_every_function_queue_and_bucket(self):
        picture = (ROOT / "docs/aws.svg").read_text()
        state = deployed("minimal")
        for name in FUNCTIONS:
            self.assertIn(name, picture)
        for name in state.of("aws_sqs_queue"):
            self.assertIn(f"SQS {name}", picture)
        for name in state.of("aws_s3_bucket"):
            self.assertIn(f"S3 {name}", picture)
        # What EventBridge tells, and where to.
        for rule, queue in (("machine runs", "create"), ("machine ends", "stop"), ("spot interruption", "stop"), ("command ended", "stop")):
            self.assertIn(rule, picture)
            self.assertIn(queue, {t["arn"].rsplit("-", 1)[1] for t in state.of("aws_cloudwatch_event_target", "machine").values()})
        self.assertEqual(len(state.of("aws_cloudwatch_event_rule", "machine")), 4)

    def test_operations_md_has_a_line_for_every_alarm(self):
        text = (ROOT / "docs/operations.md").read_text()
        for name in deployed("minimal").of("aws_cloudwatch_metric_alarm"):
            told = "errors-FUNCTION" if name.startswith("errors-") else name
            self.assertIn(f"`{told}`", text)

    def test_links_of_these_pages_lead_somewhere(self):
        for page in ("aws.md", "security.md", "migrate.md", "operations.md"):
            text = (ROOT / "docs" / page).read_text()
            for target in re.findall(r"\]\(([^)#:]+)?(#[^)]+)?\)", text):
                path = ROOT / "docs" / (target[0] or page)
                self.assertTrue(path.exists() or target[0] == "performance.md", f"{page}: {target[0]}")
                if target[1] and path.suffix == ".md":
                    headings = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)}
                    self.assertIn(target[1][1:], headings, page)


if __name__ == "__main__":
    unittest.main()
