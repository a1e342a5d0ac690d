# SPDX-License-Identifier: Apache-2.0
"""Runners die, GitHub goes away, launches fail until they are dead letters; jobs come by polling and from two
organisations."""
import shutil

import world
from world import Case, World, until

CPU = "template_cpu"


class Trouble(Case):
    def test_runner_that_dies_before_taking_a_job_is_replaced(self):
        with World(delays=("1s", "1s", "1s")) as w:
            w.sim("POST", "faults/runners", {"when": "polling", "next": 2})
            w.queue([(CPU, ["true"])] * 3)
            w.wait_completed(3, 90)
            w.wait_quiet()

    def test_runner_that_takes_another_job_than_the_one_that_caused_it(self):
        with World(pools={(CPU, "acme"): 1}) as w:
            w.queue([(CPU, ["true"])] * 4)
            w.wait_completed(4)
            w.wait_quiet()

    def test_foreign_runner_steals_the_job_and_ours_is_taken_away(self):
        with World() as w:
            w.sim("POST", "rules", {"dispatch_delay_ms": 3000})
            w.sim("POST", "foreign", {"organization": "acme", "name": "thief", "labels": ["self-hosted", CPU],
                                      "work_ms": 500, "ephemeral": True})
            w.queue([(CPU, ["true"])] * 2)
            w.wait_completed(2)
            w.wait_quiet()

    def test_lost_completed_is_found_out(self):
        with World() as w:
            w.queue([(CPU, ["true"])])
            job = until(lambda: w.jobs(), what="the job")[0]
            w.sim("POST", "faults/webhooks", {"lose": {"probability": 1.0}})
            w.wait_completed(1)
            until(lambda: w.job(job["id"])["status"] == "completed", 40, "the ledger's knowing")
            w.sim("DELETE", "faults")
            w.wait_quiet()

    def test_github_down_for_a_while(self):
        with World() as w:
            w.sim("POST", "faults/calls", {"kind": "status", "status": 503})
            w.queue([(CPU, ["true"])] * 5)
            job = until(lambda: len(w.jobs()) == 5 and w.jobs()[0], what="the jobs in the ledger")
            told = until(lambda: "GitHub" in w.jitney("explain", str(job["id"])).stdout, 30, "the explanation")
            self.assertTrue(told)
            w.sim("DELETE", "faults")
            w.wait_completed(5, 120)
            self.assertEqual(w.get("dead")["dead"], [], "an outage is no failure of a job")
            w.wait_quiet(60)

    def test_rate_limit_is_waited_out(self):
        with World() as w:
            w.sim("POST", "faults/calls", {"kind": "secondary", "method": "POST", "retry_after_ms": 2000, "next": 2})
            w.queue([(CPU, ["true"])] * 2)
            w.wait_completed(2, 90)
            self.assertEqual(w.get("dead")["dead"], [])
            w.wait_quiet()

    def test_failed_starts_are_retried_then_dead_with_a_cause_then_redriven(self):
        with World(delays=("1s",)) as w:
            listener = w.path / "package"
            shutil.copytree(world.BUILD / "runner-package", listener)
            config = (w.path / "jitney.toml").read_text().replace(str(world.BUILD / "runner-package"), str(listener))
            w.stop()
            (w.path / "jitney.toml").write_text(config)
            program = listener / "bin/Runner.Listener"
            good = program.read_bytes()
            program.write_text("#!/bin/sh\nexit 1\n")
            w.start()
            w.queue([(CPU, ["true"])])
            dead = until(lambda: w.get("dead")["dead"], 60, "the dead letter")[0]
            job = str(w.jobs()[0]["id"])
            self.assertIn("exit code 1", str(dead))
            self.assertIn("exit code 1", w.jitney("explain", job).stdout)
            self.assertIn(job, w.jitney("dead", "list").stdout)
            program.write_bytes(good)
            w.jitney("dead", "redrive", job)
            w.wait_completed(1)
            self.assertEqual(w.get("dead")["dead"], [])
            w.wait_quiet()

    def test_polling_needs_no_webhook(self):
        with World(ingress="poll") as w:
            w.queue([(CPU, ["true"])] * 3)
            w.wait_completed(3, 90)
            w.wait_quiet(90)

    def test_two_organisations_with_one_server(self):
        pools = {("template_acme", "acme"): 2, ("template_initech", "initech"): 2}
        with World(organisations=("acme", "initech"), pools=pools) as w:
            w.queue([("template_acme", ["true"])] * 2, "acme")
            w.queue([("template_initech", ["true"])] * 2, "initech")
            jobs = w.wait_completed(4)
            self.assertEqual({job["runner_name"].rsplit("-", 1)[0] for job in jobs},
                             {"e2e-template_acme", "e2e-template_initech"})
            w.wait_quiet()

    def test_disk_below_the_floor_is_a_wait_with_that_cause(self):
        with World(floor="900TiB") as w:
            w.queue([(CPU, ["true"])])
            job = until(lambda: w.jobs(), what="the job")[0]
            until(lambda: "disk" in w.jitney("explain", str(job["id"])).stdout, 60, "the explanation")
            self.assertEqual(w.get("dead")["dead"], [])
            w.sim("POST", f"jobs/{job['id']}/cancel")

    def test_drain_leaves_running_jobs_alone(self):
        with World() as w:
            flag = w.path / "go"
            w.queue([(CPU, [f"until [ -e {flag} ]; do sleep 0.05; done"])])
            until(lambda: [job for job in w.github_jobs() if job["status"] == "in_progress"], what="the running job")
            w.stop()
            self.assertEqual(w.server.returncode, 0)
            flag.touch()
            w.wait_completed(1)
            w.start()
            w.wait_quiet()


if __name__ == "__main__":
    world.main()
