# SPDX-License-Identifier: Apache-2.0
"""The whole chain of the AWS shape, without AWS: webhook, functions, queues, ledger, machines, runners, and back.

moto plays SQS, DynamoDB, EC2, S3 and Secrets Manager; our own stand-ins play Systems Manager (aws_cloud.py), client tokens
(vendor_line.py), EventBridge and what wakes functions (event_sources.py). Queues and machines are looked at with boto3,
not with our own client.
"""
import unittest

from lambda_checks import check_all_is_over, names_of_batches
from lambda_world import RIE, LambdaWorld
from world import until


class Lambda(unittest.TestCase):
    def test_a_job_runs_and_nothing_is_left(self):
        emulated = RIE.exists()
        print("webhooks and queues are answered under",
              "AWS's Runtime Interface Emulator" if emulated else "our own Runtime API")
        # No sweep: it might ask once more for an end that is under way.
        with LambdaWorld(emulated=emulated, sweeping=False) as world:
            flag = world.path / "go"
            world.queue([("template_cpu", [f"until [ -e {flag} ]; do sleep 0.05; done"])])
            until(lambda: [j for j in world.github_jobs() if j["status"] == "in_progress"], 60, "the running job")
            # While it works: one machine, on spot, whose request stands, and which bears our tags.
            (machine,) = world.cloud.machines()
            self.assertEqual(machine["InstanceLifecycle"], "spot")
            tags = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
            self.assertEqual((tags["jitney:deployment"], tags["jitney:pool"]), ("e2e", "template_cpu"))
            self.assertEqual(world.cloud.open_spot_requests(), [machine["InstanceId"]])
            self.assertEqual(len(world.registrations()), 1)
            flag.touch()
            world.wait_completed(1, 60)
            check_all_is_over(self, world, 1)
            self.assertEqual(len(world.cloud.instances()), 1)
            self.assertEqual(len(world.vendors.operations("CancelSpotInstanceRequests")), 1)
            self.assertEqual(world.failures, [])
            (line,) = world.metrics("QueueToBusy")
            self.assertEqual(line["pool"], "template_cpu")
            explained = world.jitney("explain", str(world.jobs()[0]["id"])).stdout
            self.assertIn("registered", explained)

    def check_burst(self, how):
        with LambdaWorld(how) as world:
            world.queue([("template_cpu", "exit 0")] * 4)
            world.wait_completed(4, 90)
            check_all_is_over(self, world, 4)
            self.assertEqual(world.claimed(), 4)
            self.assertEqual(len(world.cloud.instances()), 4)
            self.assertEqual(len(names_of_batches(world)), len(world.vendors.launches()))

    def test_a_burst_delivered_twice_at_once_makes_one_machine_a_job(self):
        self.check_burst("twice")

    def test_a_burst_delivered_regrouped_at_once_makes_one_machine_a_job(self):
        self.check_burst("regrouped")


if __name__ == "__main__":
    unittest.main()
