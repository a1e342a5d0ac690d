# SPDX-License-Identifier: Apache-2.0
"""Functions killed right after each single effect: SIGKILL when AWS or GitHub has done what was asked, and before the
function knows.

One story is told again and again, with the death after its first effect, its second, and so on, until it ends without
one. moto plays what it can; client tokens are honoured by vendor_line.py. JITNEY_KILL_EVERY=3 dies at every third effect
only.
"""
import json
import os
import threading
import time
import unittest

from aws_cloud import Moto, envelope
from lambda_checks import check_all_is_over, names_of_batches
from lambda_world import LambdaWorld
from vendor_line import HANG_UP
from world import TOKEN, request, until

CPU = "template_cpu"
EVERY = int(os.environ.get("JITNEY_KILL_EVERY", "1"))
AT_ONCE = 3  # worlds; most of their time is waiting


class Death:
    """Ends the process that makes the n-th effect of the named functions, then calls `after`."""

    def __init__(self, nth, functions, after):
        self._nth, self._functions, self._after = nth, functions, after
        self._lock, self.effects, self.of = threading.Lock(), 0, None

    def __call__(self, call):
        if call.line.name not in self._functions or not call.changes or not call.done:
            return None
        with self._lock:
            self.effects += 1
            if self.effects != self._nth:
                return None
            self.of = str(call)
        call.line.function.kill()
        self._after()
        return HANG_UP


class Kill(unittest.TestCase):
    def each(self, story):
        """story(moto, n) tells it with a death after the n-th effect, and answers who died, or None."""
        lock, turns, survived, broken = threading.Lock(), iter(range(1, 1000, EVERY)), {}, []
        over = threading.Event()

        def worker():
            with Moto() as moto:
                while not over.is_set() and not broken:
                    with lock:
                        nth = next(turns)
                    try:
                        moto.reset()
                        died = story(moto, nth)
                    except Exception as error:  # told below, by the test's own thread
                        broken.append((nth, error))
                        return
                    if died:
                        survived[nth] = died
                    else:
                        over.set()

        began = time.monotonic()
        workers = [threading.Thread(target=worker) for _ in range(AT_ONCE)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
        for nth, error in broken:
            raise AssertionError(f"after a death at effect {nth}") from error
        self.assertTrue(survived)
        print(f"survived {len(survived)} deaths in {time.monotonic() - began:.0f} s:")
        for nth in sorted(survived):
            print(f"  {nth:3} {survived[nth]}")

    def die(self, world, nth, *functions):
        """The schedule begins with the death, so that the story before it is always the same."""
        death = Death(nth, functions, world.schedule.allowed.set)
        world.vendors.trap("*", death, "after", None)
        return death

    def check_one_machine_a_number(self, world, launches):
        self.assertEqual(len(world.cloud.instances()), launches)
        self.assertEqual(len(world.vendors.launches()), launches)
        self.assertEqual(len(names_of_batches(world)), launches)
        self.assertEqual(world.cloud.next_launch_number(CPU), launches + 1)

    def test_a_job_survives_a_death_after_each_effect_of_its_functions(self):
        def story(moto, nth):
            with LambdaWorld(moto=moto, sweeping=False, sweep_every=0.5, lease="2s") as world:
                death = self.die(world, nth, "autoscaler", "create_runner", "stop_runner")
                world.queue([(CPU, ["true"])])
                world.wait_completed(1, 90)
                check_all_is_over(self, world, 1)
                self.check_one_machine_a_number(world, 1)
                return death.of

        self.each(story)

    def test_what_the_sweep_mends_is_mended_though_it_dies_after_each_effect(self):
        def story(moto, nth):
            with LambdaWorld(moto=moto, sweep_every=0.3, orphan_grace="1s", lease="2s") as world:
                world.schedule.allowed.clear()
                stranger = self.make_machine(world, "another")
                orphan = self.make_machine(world, "e2e")
                for name in ("e2e-template_cpu-99", "another-template_cpu-1"):
                    self.mint(world, name)
                death = self.die(world, nth, "sweep")
                world.sim("POST", "faults/webhooks", {"fail": {"next": 1}})
                world.queue([(CPU, ["true"])])
                world.schedule.allowed.set()
                world.wait_completed(1, 90)
                until(lambda: world.cloud.instances().get(orphan) == "terminated", 60, "the end of the orphan")
                until(lambda: not world.registrations(), 60, "the end of the ghost")
                # What is a stranger's stays; what is ours is over.
                until(lambda: list(world.cloud.instances("running")) == [stranger], 60, "the end of all that is ours")
                self.assertIn("another-template_cpu-1", [r["name"] for r in world.world()["runners"]])
                world.cloud.ec2.terminate_instances(InstanceIds=[orphan, stranger])
                check_all_is_over(self, world, 1)
                self.assertEqual(len(world.vendors.launches()), 1)
                return death.of

        self.each(story)

    def make_machine(self, world, deployment):
        tags = [{"Key": "jitney:deployment", "Value": deployment}, {"Key": "jitney:pool", "Value": CPU},
                {"Key": "jitney:batch", "Value": f"{deployment}-{CPU}-98"}]
        made = world.cloud.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=[
            {"ResourceType": "instance", "Tags": tags}])
        return made["Instances"][0]["InstanceId"]

    def mint(self, world, name):
        status, answer = request(f"{world.api}/orgs/acme/actions/runners/generate-jitconfig", "POST",
                                 {"name": name, "runner_group_id": 1, "labels": [CPU]},
                                 {"Authorization": f"Bearer {TOKEN}"})
        self.assertEqual(status, 201, answer)

    def test_a_dead_job_lives_again_though_move_jobs_dies_after_each_effect(self):
        def story(moto, nth):
            with LambdaWorld(moto=moto, delays=["1s"], sweep_every=0.5) as world:
                for market in ("spot", "on-demand"):
                    world.vendors.no_capacity(market)
                world.queue([(CPU, ["true"])])
                until(lambda: [j for j in world.jobs() if j["dead"]], 60, "the dead letter", 0.2)
                world.vendors.pass_all()
                death = self.die(world, nth, "move_jobs")
                for _ in range(2):  # its schedule: what one leaves, the next one does
                    self.move_jobs(world)
                world.wait_completed(1)
                self.move_jobs(world)
                check_all_is_over(self, world, 1)
                self.assertEqual(len(world.cloud.instances()), 1)
                self.assertNotIn(str(world.jobs()[0]["id"]), world.jitney("dead", "list").stdout)
                return death.of

        self.each(story)

    def move_jobs(self, world):
        world.invoke("move_jobs", json.loads(envelope("aws.events", "Scheduled Event", {})))


if __name__ == "__main__":
    unittest.main()
