# SPDX-License-Identifier: Apache-2.0
"""Jobs get runners, run and end; caps hold; webhooks come twice, late, out of order, or not at all."""
import os
import shlex
import unittest

import world
from world import Case, World, until

CPU, GPU = "template_cpu", "template_gpu"


class Flow(Case):
    def test_two_hundred_jobs_over_two_pools_within_their_caps(self):
        with World() as w:
            w.queue([(CPU if i % 5 else GPU, ["true"]) for i in range(200)])
            most = {CPU: 0, GPU: 0}

            def done():
                for pool in w.get("pools")["pools"]:
                    most[pool["name"]] = max(most[pool["name"]], pool["live"])
                return w.all_completed(200)()
            jobs = until(done, 240, "the end of 200 jobs", 0.1)
            self.assertEqual({job["conclusion"] for job in jobs}, {"success"})
            self.assertLessEqual(most[CPU], 8)
            self.assertLessEqual(most[GPU], 2)
            self.assertGreater(most[CPU], 1, "the cap was never used: jobs ran one by one")
            w.wait_quiet()
            names = [job["runner_name"] for job in jobs]
            self.assertEqual(len(names), len(set(names)), "a runner ran two jobs")

    def test_webhooks_repeated_late_and_out_of_order(self):
        with World() as w:
            w.sim("POST", "faults/webhooks", {"repeat": {"probability": 0.5}, "delay": {"probability": 0.3},
                                              "reorder": {"probability": 0.4}, "delay_ms": 800})
            w.queue([(CPU, ["true"])] * 20)
            w.wait_completed(20)
            w.wait_quiet()
            self.assertLessEqual(len(w.sim("GET", "state")["departed"]), 24, "far more runners than jobs")

    def test_lost_and_refused_webhooks_cost_time_not_jobs(self):
        with World() as w:
            w.sim("POST", "faults/webhooks", {"fail": {"probability": 0.4}})
            w.queue([(CPU, ["true"])] * 10)
            w.wait_completed(10, 90)
            w.wait_quiet()

    def test_completed_without_in_progress(self):
        with World() as w:
            w.queue([(CPU, ["true"])])
            job = until(lambda: w.github_jobs(), what="the job")[0]
            w.sim("POST", "faults/webhooks", {"fail": {"probability": 1.0}})
            w.wait_completed(1)
            w.sim("DELETE", "faults")
            until(lambda: w.job(job["id"])["status"] == "completed", 40, "the ledger's knowing")
            w.wait_quiet()

    def test_rerun_makes_new_jobs(self):
        with World() as w:
            w.queue([(CPU, ["true"]), (CPU, ["true"])])
            w.wait_completed(2)
            run = w.world()["runs"][0]["id"]
            w.sim("POST", f"runs/{run}/rerun", {})
            w.wait_completed(4)
            w.wait_quiet()

    def test_job_cancelled_before_its_runner_is_up(self):
        with World() as w:
            w.sim("POST", "rules", {"dispatch_delay_ms": 60000})
            w.queue([(CPU, ["true"])])
            job = until(lambda: w.github_jobs(), what="the job")[0]
            until(lambda: w.runners(), what="a runner for it")
            w.sim("POST", f"jobs/{job['id']}/cancel")
            w.wait_completed(1, conclusion="cancelled")
            w.wait_quiet()

    def test_waiting_job_costs_nothing_until_it_is_approved(self):
        with World() as w:
            w.queue([{"name": "deploy", "labels": ["self-hosted", CPU], "steps": ["true"], "waiting": True}])
            job = until(lambda: w.jobs(), what="the job in the ledger")[0]
            self.assertEqual(job["status"], "waiting")
            self.assertEqual(w.runners(), [])
            w.sim("POST", f"jobs/{job['id']}/approve")
            w.wait_completed(1)
            w.wait_quiet()

    @unittest.skipUnless(os.geteuid() == 0, "jobs run as the server's user")
    def test_job_asks_the_admin_listener_in_vain(self):
        with World() as w:
            ask = (f"exec 3<>/dev/tcp/127.0.0.1/{w.admin}; "
                   r"printf 'GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3; "
                   "cat <&3")
            w.queue([(CPU, [f"bash -c {shlex.quote(ask)} | grep -q '^HTTP/1.1 403 '"])])
            w.wait_completed(1)
            self.assertEqual(len(w.get("jobs")["jobs"]), 1, "we are answered")
            w.wait_quiet()

    def test_job_that_no_pool_covers_is_ignored_with_the_missing_label(self):
        with World() as w:
            w.queue([{"name": "odd", "labels": ["self-hosted", CPU, "arm64"], "steps": ["true"]}])
            job = until(lambda: w.jobs(), what="the job in the ledger")[0]
            told = w.jitney("explain", str(job["id"])).stdout
            self.assertIn("arm64", told)
            self.assertEqual(w.runners(), [])
            w.sim("POST", f"jobs/{job['id']}/cancel")


if __name__ == "__main__":
    world.main()
