# SPDX-License-Identifier: Apache-2.0
"""kill -9 of `jitney serve` at random moments under load: nothing acknowledged is lost, nothing is left over.

JITNEY_KILLS says how often (50). The seed is printed; JITNEY_SEED repeats it.
"""
import os
import random
import time

import world
from world import Case, World

CPU, GPU = "template_cpu", "template_gpu"
KILLS = int(os.environ.get("JITNEY_KILLS", "50"))


class Kill(Case):
    def test_server_killed_at_random_moments_loses_nothing(self):
        seed = int(os.environ.get("JITNEY_SEED", str(random.randrange(1 << 30))))
        print(f"JITNEY_SEED={seed} JITNEY_KILLS={KILLS}", flush=True)
        chance = random.Random(seed)
        with World(delays=("1s",) * 6) as w:
            w.kill()
            queued = 0
            for kill in range(KILLS):
                # A few at a time, so that there is always something under way and the run ends soon after.
                if queued - sum(job["status"] == "completed" for job in w.github_jobs()) < 10:
                    count = chance.randrange(1, 8)
                    w.queue([(chance.choice([CPU, CPU, GPU]), ["true"]) for _ in range(count)])
                    queued += count
                # The random moment itself: the one thing here that is not a condition. Every fourth comes while the
                # server still starts.
                w.start(wait=kill % 4 != 0)
                time.sleep(chance.random() * (0.6 if kill % 4 else 0.1))
                w.kill()
            w.start()
            jobs = w.wait_completed(queued, 300, conclusion=None)
            w.wait_quiet(120)
            self.assertEqual(w.get("dead")["dead"], [])
            known = {each["id"] for each in jobs if w.job(each["id"])["status"] == "completed"}
            acknowledged = {each["job_id"] for each in w.sim("GET", "deliveries")
                            if each["job_id"] and 200 <= each["status_code"] < 300}
            self.assertGreater(len(acknowledged), KILLS, "too few webhooks came through to say anything")
            self.assertEqual(acknowledged - known, set(), "acknowledged jobs are lost")
            self.assertEqual([pool["live"] for pool in w.get("pools")["pools"]], [0, 0], "capacity leaked")
            lost = [job for job in jobs if job["conclusion"] != "success"]
            self.assertEqual(lost, [], "a job was killed under way")
            names = [job["runner_name"] for job in jobs]
            self.assertEqual(len(names), len(set(names)), "a runner ran two jobs")


if __name__ == "__main__":
    world.main()
