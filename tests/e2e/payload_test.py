# SPDX-License-Identifier: Apache-2.0
"""GitHub's example payloads of octokit, signed by octokit, do the right thing in the running server."""
import json

import hooks
import node
import world
from world import SECRET, Case, World, until

# Pools for some of the owners in the payloads, so that there are jobs that are covered and jobs that are not.
# Written in another case than there: GitHub compares owners without it.
OWNERS = ("codertocat", "lineville", "octo-org", "wolfy1339", "octocoders")
POOLS = {("ubuntu-latest", "codertocat"): 0, ("k8s", "lineville"): 0, ("elsewhere", "octo-org"): 0}
ACCEPTED, IGNORED = (202, "accepted"), (200, "ignored")
ORDER = ("waiting", "queued", "in_progress", "completed")


class Payloads(Case):
    @classmethod
    def setUpClass(cls):
        cls.examples = node.examples()
        cls.world = World(organisations=OWNERS, pools=POOLS, check_after="1h")
        cls.addClassCleanup(cls.world.__exit__, None, None, None)
        cls.world.start()

    def setUp(self):
        until(lambda: not hooks.ledger(self.world)["messages"], what="an empty queue")

    def of(self, event):
        """Those of one event, each once: the sets for several products repeat each other."""
        bodies = list(dict.fromkeys(each["body"] for each in self.examples if each["event"] == event))
        self.assertTrue(bodies, f"octokit has no example of {event}")
        return [json.loads(body) for body in bodies]

    def post(self, event, payloads):
        return self.post_all([(event, payload) for payload in payloads])

    def post_all(self, pairs):
        """[(status, result), ...]: what the server answered to each (event, payload), signed by octokit."""
        bodies = [json.dumps(payload) for _, payload in pairs]
        answers = []
        for (event, _), body, signature in zip(pairs, bodies, node.sign(bodies, SECRET), strict=True):
            status, answer = world.request(
                f"http://127.0.0.1:{self.world.port}/webhook", "POST", body.encode(),
                {"Content-Type": "application/json", "X-GitHub-Event": event, "X-Hub-Signature-256": signature,
                 "X-GitHub-Delivery": "0b989ba4-242f-11e5-81e1-c7b6966d2516", "User-Agent": "GitHub-Hookshot/044aadd"})
            answers.append((status, answer["result"]))
        return answers

    def test_octokit_refuses_what_the_server_refuses(self):
        payload = self.of("workflow_job")[0]
        body = json.dumps(payload)
        self.assertEqual(node.sign([body], SECRET), [hooks.sign(body.encode())])
        before = hooks.ledger(self.world)
        wrong = node.sign([body], "another-secret")[0]
        status = hooks.send(self.world.port, hooks.message(body.encode(), [
            ("X-GitHub-Event", "workflow_job"), ("Content-Type", "application/json"), ("X-Hub-Signature-256", wrong)]))
        self.assertEqual(status, 401)
        self.assertEqual(hooks.ledger(self.world), before)

    def test_every_workflow_job_is_recorded_with_what_it_says(self):
        payloads = self.of("workflow_job")
        self.assertEqual({payload["action"] for payload in payloads}, set(ORDER), "an action without an example")
        for number, payload in enumerate(payloads, 1000001):
            payload["workflow_job"]["id"] = number  # each on its own: several examples are of one job
        for payload, answer in zip(payloads, self.post("workflow_job", payloads), strict=True):
            said, repository = payload["workflow_job"], payload["repository"]["full_name"]
            with self.subTest(action=payload["action"], repository=repository, labels=said["labels"]):
                job = self.world.job(said["id"])
                covered = {"Codertocat": "ubuntu-latest", "lineville": "k8s"}.get(repository.split("/")[0])
                self.assertEqual(answer, ACCEPTED if covered else IGNORED)
                self.assertEqual(job["status"], payload["action"])
                self.assertEqual(job["pool"], covered)
                self.assertEqual((job["repository"], job["name"], job["labels"], job["run_id"]),
                                 (repository, said["name"], said["labels"], said["run_id"]))
                self.assertEqual(job["conclusion"] or None, said["conclusion"])
                if payload["action"] in ("in_progress", "completed"):
                    self.assertEqual(job["runner"], said["runner_name"])
                if covered:
                    self.assertFalse(job["ignored"])
                elif repository.startswith("octo-org/"):
                    self.assertIn("db-app", job["ignored"], "the reason does not name the missing label")
                else:
                    self.assertTrue(job["ignored"])

    def test_jobs_status_only_rises_however_its_payloads_come(self):
        by_job = {}
        for payload in self.of("workflow_job"):
            by_job.setdefault(payload["workflow_job"]["id"], []).append(payload)
        several = [payloads for payloads in by_job.values() if len(payloads) > 1]
        self.assertTrue(several)
        for payloads in several:
            job_id = payloads[0]["workflow_job"]["id"]
            highest = -1
            for payload in payloads + payloads[::-1]:
                status, _ = self.post("workflow_job", [payload])[0]
                self.assertIn(status, (200, 202))
                highest = max(highest, ORDER.index(payload["action"]))
                self.assertEqual(self.world.job(job_id)["status"], ORDER[highest])

    def test_every_workflow_run_leads_to_a_question_about_its_jobs(self):
        payloads = self.of("workflow_run")
        for number, payload in enumerate(payloads, 2000001):
            payload["workflow_run"]["id"] = number
        owners = {payload["repository"]["full_name"].split("/")[0] for payload in payloads}
        self.assertLessEqual(owners, {"Codertocat", "octo-org"})
        self.assertEqual(self.post("workflow_run", payloads), [ACCEPTED] * len(payloads))
        wanted = {f"/repos/{payload['repository']['full_name']}/actions/runs/{payload['workflow_run']['id']}/jobs"
                  for payload in payloads}

        def asked():
            return wanted <= {call["target"].split("?")[0] for call in self.world.sim("GET", "calls")}
        until(asked, 30, "a question about every run")
        self.assertEqual(hooks.job_ids(self.world) & {payload["workflow_run"]["id"] for payload in payloads}, set())

    def test_run_of_a_repository_without_a_pool_costs_no_call(self):
        payload = self.of("workflow_run")[0]
        payload["repository"]["full_name"] = "wolfy1339/github-events-schemas"
        before = hooks.ledger(self.world)
        self.assertEqual(self.post("workflow_run", [payload]), [IGNORED])
        self.assertEqual(hooks.ledger(self.world), before)

    def test_every_ping_is_answered_and_changes_nothing(self):
        payloads = self.of("ping")
        before = hooks.ledger(self.world)
        self.assertEqual(self.post("ping", payloads), [(200, "ping")] * len(payloads))
        self.assertEqual(hooks.ledger(self.world), before)

    def test_every_other_event_is_acknowledged_and_dropped(self):
        events = {each["event"] for each in self.examples} - {"workflow_job", "workflow_run", "ping"}
        self.assertGreater(len(events), 50)
        before = hooks.ledger(self.world)
        pairs = [(event, payload) for event in sorted(events) for payload in self.of(event)]
        for (event, _), answer in zip(pairs, self.post_all(pairs), strict=True):
            self.assertEqual(answer, IGNORED, event)
        self.assertEqual(hooks.ledger(self.world), before)


if __name__ == "__main__":
    world.main()
