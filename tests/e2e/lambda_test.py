# SPDX-License-Identifier: Apache-2.0
"""The whole chain of the AWS shape, without AWS: webhook, functions, queues, ledger, machines, runners, and back.

moto plays SQS, DynamoDB, EC2, S3 and Secrets Manager; our own stand-in plays Systems Manager (aws_cloud.py), EventBridge
and what wakes functions (lambda_world.py). Queues and machines are looked at with boto3, not with our own client.
"""
import unittest

from lambda_world import RIE, LambdaWorld
from world import SECRET, TOKEN, until


def gone(world):
    return not world.cloud.instances("pending", "running", "shutting-down", "stopping", "stopped")


class Lambda(unittest.TestCase):
    def check_all_is_over(self, world, jobs):
        until(lambda: gone(world), 60, "the end of every machine", 0.2)
        until(lambda: not world.registrations(), 20, "the end of every registration")
        until(lambda: not world.runners(), 40, "a ledger without live runners", 0.5)
        until(lambda: world.cloud.waiting(world.cloud.create) + world.cloud.waiting(world.cloud.stop) == 0, 40,
              "empty queues", 0.2)
        self.assertEqual(world.cloud.waiting(world.cloud.dead), 0)
        self.assertEqual([job["status"] for job in world.jobs()], ["completed"] * jobs)
        # Every JIT configuration was read and deleted.
        self.assertEqual(world.cloud.s3.list_objects_v2(Bucket="e2e-jit").get("KeyCount", 0), 0)
        spot = world.cloud.ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
        self.assertEqual([r for r in spot if r["State"] in ("open", "active")], [])
        log = world.log.read_text()
        for secret in (TOKEN, SECRET, "not-so-secret"):
            self.assertNotIn(secret, log)

    def test_a_job_runs_and_nothing_is_left(self):
        emulated = RIE.exists()
        print("the autoscaler runs under", "AWS's Runtime Interface Emulator" if emulated else "our own Runtime API")
        with LambdaWorld(emulated=emulated) as world:
            world.queue([("template_cpu", "exit 0")])
            world.wait_completed(1, 60)
            self.check_all_is_over(world, 1)
            self.assertEqual(len(world.cloud.instances()), 1)
            self.assertEqual(world.failures, [])
            (line,) = world.metrics("QueueToBusy")
            self.assertEqual(line["pool"], "template_cpu")
            explained = world.jitney("explain", str(world.jobs()[0]["id"])).stdout
            self.assertIn("registered", explained)

    def test_a_burst_delivered_twice_at_once_claims_one_runner_a_job(self):
        with LambdaWorld(environments=2, twice=True) as world:
            world.queue([("template_cpu", "exit 0")] * 4)
            world.wait_completed(4, 90)
            self.check_all_is_over(world, 4)
            # Not machines: moto knows no client tokens, so a request that was sent twice made two. The sweep has
            # stopped those that nobody claimed.
            claimed = sum(sum(line["RunnersClaimed"]) for line in world.metrics("RunnersClaimed"))
            self.assertEqual(claimed, 4)


if __name__ == "__main__":
    unittest.main()
