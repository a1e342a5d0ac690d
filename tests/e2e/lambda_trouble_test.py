# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on AWS, through the real functions from webhook to the last machine.

moto plays what it can; Systems Manager is ours (aws_cloud.py), and so are capacity, quotas, throttles, lost answers and
client tokens (vendor_line.py). docs/reliability.md has the table of all failures and their tests.
"""
import json
import unittest

from aws_cloud import Moto, envelope
from event_sources import sqs_event
from lambda_checks import check_all_is_over, check_nothing_is_left
from lambda_world import LambdaWorld
from world import until

CPU = "template_cpu"
BOTH = ("spot", "on-demand")


class Trouble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto()
        cls.addClassCleanup(cls.moto.close)

    def setUp(self):
        self.moto.reset()

    def world(self, how="once", **options):
        return LambdaWorld(how, moto=self.moto, **options)

    def busy(self, world, count=1):
        """The machines, once so many jobs run that end when the test says so."""
        flag = world.path / "go"
        world.queue([(CPU, [f"until [ -e {flag} ]; do sleep 0.05; done"])] * count)
        until(lambda: len([j for j in world.github_jobs() if j["status"] == "in_progress"]) == count, 60, "running jobs")
        until(lambda: [r["phase"] for r in world.runners()] == ["busy"] * count, 30, "busy runners", 0.2)
        return list(world.cloud.instances("running")), flag

    def failed(self, world, times=1):
        return until(lambda: [j for j in world.jobs() if j["failures"] >= times], 90, "a failure that counts", 0.2)[0]

    def test_no_capacity_anywhere_is_a_failure_with_a_cause_and_then_some_is_used(self):
        with self.world(delays=["2s"] * 20) as world:
            for market in BOTH:
                world.vendors.no_capacity(market)
            world.queue([(CPU, ["true"])])
            job = self.failed(world)
            self.assertIn("InsufficientInstanceCapacity", job["last_error"])
            self.assertEqual(world.cloud.instances(), {})
            markets = [c.form["TargetCapacitySpecification.DefaultTargetCapacityType"]
                       for c in world.vendors.operations("CreateFleet")]
            self.assertEqual(markets[:2], list(BOTH))
            world.vendors.pass_all()
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertEqual(len(world.cloud.instances()), 1)

    def test_a_quota_of_spot_leaves_on_demand_and_a_quota_of_both_says_whom_to_ask(self):
        with self.world(delays=["2s"] * 20) as world:
            world.vendors.no_capacity("spot", "MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
            world.queue([(CPU, ["true"])])
            world.wait_completed(1)
            (machine,) = world.cloud.machines()
            self.assertNotIn("InstanceLifecycle", machine, "at full price")
            world.vendors.no_capacity("on-demand", "VcpuLimitExceeded", "You have requested more vCPU capacity")
            world.queue([(CPU, ["true"])])
            job = self.failed(world)
            self.assertIn("VcpuLimitExceeded", job["last_error"])
            self.assertIn("ask AWS for a higher", job["last_error"])
            world.vendors.pass_all()
            world.wait_completed(2)
            check_all_is_over(self, world, 2)

    def test_throttles_are_waited_out_and_count_as_no_failure(self):
        with self.world(batch="90s") as world:
            world.vendors.refuse("CreateFleet", 503, "RequestLimitExceeded", times=6, headers={"Retry-After": "1"})
            world.vendors.refuse("SendCommand", 400, "ThrottlingException", times=2)
            world.vendors.refuse("SendMessage", 400, "ThrottlingException", times=2)
            world.vendors.refuse("TransactWriteItems", 400, "ThrottlingException", times=2)
            world.vendors.refuse("TerminateInstances", 503, "RequestLimitExceeded", times=5)
            world.queue([(CPU, ["true"])])
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertEqual(world.jobs()[0]["failures"], 0)
            sent = [c.body.split(b"&") for c in world.vendors.operations("CreateFleet")]
            self.assertGreaterEqual(len(sent), 7)
            self.assertEqual(sent, sent[:1] * len(sent), "byte for byte the same request")
            self.assertEqual(len(world.cloud.instances()), 1)

    def test_a_launch_whose_answers_are_lost_makes_one_machine(self):
        # Time for three invocations and the pauses between them, before the batch is given up.
        with self.world(batch="90s") as world:
            world.vendors.lose("CreateFleet", times=10)  # all tries of one invocation, and of the next
            world.queue([(CPU, ["true"])])
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertGreater(len(world.vendors.operations("CreateFleet")), 10)
            self.assertEqual(len(world.cloud.instances()), 1)
            self.assertEqual(world.jobs()[0]["failures"], 0)

    def test_a_start_whose_answers_are_lost_starts_one_runner(self):
        with self.world(lease="2s") as world:
            world.vendors.lose("SendCommand", times=4)
            (machine,), flag = self.busy(world)
            flag.touch()
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertEqual(world.cloud.agents.runners_started(machine), 1)
            self.assertEqual(len(world.cloud.instances()), 1)

    def test_a_rival_between_snapshot_and_claim_leaves_one_runner(self):
        with self.world() as world:
            rival = world.another("create_runner")
            gate = world.vendors.hold("TransactWriteItems", where=lambda call: b"Action=CreateFleet" in call.body)
            world.queue([(CPU, ["true"])])
            held = gate.wait()
            wake = json.dumps({"kind": "create_runner", "key": CPU})
            answer = rival.invoke(sqs_event("create_runner", [message(wake)]))
            self.assertEqual(answer["batchItemFailures"], [])
            self.assertEqual(len(world.vendors.operations("CreateFleet")), 1, "the rival launched")
            gate.open()
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertEqual(held.answer[0], 400, "the claim that came late was refused")
            self.assertIn(b"ConditionalCheckFailed", held.answer[2])
            self.assertEqual(world.claimed(), 1)
            self.assertEqual(len(world.cloud.instances()), 1)

    def test_a_machine_that_runs_before_its_launch_was_recorded_is_bound_and_not_stopped(self):
        with self.world(sweep_every=0.3, orphan_grace="1s") as world:
            other, stop = world.another("create_runner"), world.another("stop_runner")
            gate = world.vendors.hold("CreateFleet", "after", times=None)  # its client asks again after a while
            world.queue([(CPU, ["true"])])
            gate.wait()
            (machine,) = world.cloud.instances("running")
            self.assertEqual([r["machine"] for r in world.runners()], [None])
            news = envelope("aws.ec2", "EC2 Instance State-change Notification",
                            {"instance-id": machine, "state": "running"})
            for function in (other, stop):
                answer = function.invoke(sqs_event(function.handler, [message(news)]))
                self.assertEqual(answer["batchItemFailures"], [])
            done = world.schedule.sweeps
            until(lambda: world.schedule.sweeps >= done + 4, 90, "sweeps for longer than orphans may live")
            self.assertEqual(world.cloud.instances(), {machine: "running"})
            gate.open()
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertEqual(list(world.cloud.instances()), [machine])

    def test_an_agent_that_never_comes_up_is_a_failed_launch_and_another_machine(self):
        with self.world(batch="3s", boot="2s") as world:
            world.cloud.agents.silent_next = 1
            world.queue([(CPU, ["true"])])
            job = self.failed(world)
            self.assertIn("did not answer within", job["last_error"])
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertEqual(len(world.cloud.instances()), 2)
            self.assertEqual(len(world.vendors.operations("SendCommand")), 1)

    def test_a_command_that_ended_before_its_start_was_recorded_ends_its_runner(self):
        with self.world() as world:
            gate = world.vendors.hold("SendCommand", "after")
            world.queue([(CPU, ["true"])])
            gate.wait()
            world.wait_completed(1)
            until(lambda: not world.cloud.instances("running"), 30, "the end of the machine", 0.2)
            gate.open()
            check_all_is_over(self, world, 1)
            self.assertEqual(len(world.cloud.instances()), 1)
            self.assertEqual(world.claimed(), 1)

    def test_a_command_that_timed_out_ends_no_runner(self):
        with self.world() as world:
            (machine,), flag = self.busy(world)
            world.cloud.agents.time_out(machine)
            self.goes_on(world, machine)
            flag.touch()
            world.wait_completed(1)
            check_all_is_over(self, world, 1)

    def test_an_interruption_leaves_a_busy_runner_to_its_job(self):
        with self.world() as world:
            (machine,), flag = self.busy(world)
            world.interrupt(machine)
            self.goes_on(world, machine)
            flag.touch()
            world.wait_completed(1)
            check_all_is_over(self, world, 1)

    def goes_on(self, world, machine):
        """What was said of it has been read, sweeps have looked at it, and it still works."""
        until(lambda: world.cloud.waiting(world.cloud.stop) == 0, 60, "that the news was read")
        done = world.schedule.sweeps
        until(lambda: world.schedule.sweeps >= done + 2, 60, "two more sweeps")
        self.assertEqual(world.cloud.instances("running"), {machine: "running"})
        self.assertEqual([r["phase"] for r in world.runners()], ["busy"])

    def test_an_interruption_of_an_idle_runner_deregisters_it_and_stops_its_machine(self):
        # On a slow computer a sweep would join in, and ask for the end of the machine as well.
        with self.world(surplus="60s", sweeping=False) as world:
            gate = world.vendors.hold("SendCommand")
            world.queue([(CPU, ["true"])])
            gate.wait()
            world.sim("POST", f"jobs/{world.github_jobs()[0]['id']}/cancel")
            gate.open()
            until(lambda: [r["phase"] for r in world.runners()] == ["registered"], 40, "an idle runner", 0.2)
            (machine,) = world.cloud.instances("running")
            world.interrupt(machine)
            check_nothing_is_left(self, world)
            order = [c.operation for c in world.vendors.operations("DELETE runners", "TerminateInstances") if c.done]
            self.assertEqual(order, ["DELETE runners", "TerminateInstances"])
            self.assertEqual(len(world.cloud.instances()), 1)

    def test_machines_that_end_while_github_is_down_are_let_go_and_their_registrations_later(self):
        with self.world() as world:
            machines, _ = self.busy(world, 2)
            world.sim("POST", "outage", {"kind": "unavailable"})
            for machine in machines:
                world.lose_machine(machine)
            until(lambda: not world.runners(), 40, "a ledger without live runners", 0.3)
            self.assertEqual(world.cloud.open_spot_requests(), [])
            done = world.schedule.sweeps
            until(lambda: world.schedule.sweeps >= done + 3, 60, "three sweeps of the outage")
            self.assertEqual(len(world.cloud.instances()), 2, "nothing is launched for what cannot be asked about")
            world.sim("DELETE", "faults")
            world.wait_completed(2, conclusion=None)
            check_all_is_over(self, world, 2, wake_ups=True)
            self.assertEqual(len(world.cloud.instances()), 2)

    def dead(self, world, count):
        for market in BOTH:
            world.vendors.no_capacity(market)
        world.queue([(CPU, ["true"])] * count)
        until(lambda: len([j for j in world.jobs() if j["dead"]]) == count, 60, "dead letters", 0.2)

    def move_jobs(self, world):
        world.functions["move_jobs"][0].invoke(json.loads(envelope("aws.events", "Scheduled Event", {})))

    def test_a_job_is_dead_after_the_configured_delays_and_move_jobs_gives_it_another_life(self):
        with self.world(delays=["1s", "2s"]) as world:
            self.dead(world, 1)
            job = world.jobs()[0]
            self.assertIn("InsufficientInstanceCapacity", job["dead"]["cause"])
            tries = [c.at for c in world.vendors.operations("CreateFleet")
                     if c.form["TargetCapacitySpecification.DefaultTargetCapacityType"] == "spot"]
            self.assertEqual(len(tries), 3)
            self.assertGreaterEqual(tries[1] - tries[0], 1)
            self.assertGreaterEqual(tries[2] - tries[1], 2)
            self.assertIn(str(job["id"]), world.jitney("dead", "list").stdout)
            self.move_jobs(world)
            until(lambda: len(world.vendors.operations("CreateFleet")) > 6, 60, "another try")
            world.vendors.pass_all()
            world.wait_completed(1)
            check_all_is_over(self, world, 1)
            self.assertNotIn(str(job["id"]), world.jitney("dead", "list").stdout)

    def test_move_jobs_closes_a_job_that_is_over_and_launches_nothing(self):
        with self.world(delays=["1s"]) as world:
            self.dead(world, 1)
            world.sim("POST", "faults/webhooks", {"lose": {"probability": 1.0}})
            job = str(world.jobs()[0]["id"])
            world.sim("POST", f"jobs/{job}/cancel")
            asked = len(world.vendors.operations("CreateFleet"))
            world.vendors.pass_all()
            self.move_jobs(world)
            check_all_is_over(self, world, 1)
            self.assertEqual(len(world.vendors.operations("CreateFleet")), asked)
            self.assertEqual(world.cloud.instances(), {})
            self.assertNotIn(job, world.jitney("dead", "list").stdout)


def message(body):
    """One that came once, as boto3 gives it; no queue knows it."""
    return {"MessageId": "by-hand", "ReceiptHandle": "none", "Body": body, "MD5OfBody": "",
            "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"}}


if __name__ == "__main__":
    unittest.main()
