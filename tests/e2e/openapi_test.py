# SPDX-License-Identifier: Apache-2.0
"""Every call that the server makes to GitHub is one that GitHub's own OpenAPI description knows, and every answer and
webhook of the simulated GitHub is one that it describes."""
import copy
import json
import re

import node
import world
from recorder import Recorder
from world import TOKEN, Case, World, until

CPU = "template_cpu"
JIT = "POST /orgs/{org}/actions/runners/generate-jitconfig"


def unnamed(operation):
    """Without the names of its parameters, in which GitHub and its stand-in may differ."""
    return re.sub(r"\{\w+\}", "{}", operation)


class RecordedWorld(World):
    """Between server and GitHub stands a recorder."""

    def __init__(self, url="https://github.com/{name}", more=(), **options):
        self.recorder = None
        self.url = url
        self.more = more
        super().__init__(**options)

    def scope(self, name):
        if not self.recorder:
            self.recorder = Recorder(self.api)
        text = super().scope(name).replace(self.api, self.recorder.url)
        return text.replace("https://github.com/" + name, self.url.format(name=name))

    def github_options(self):
        return [*super().github_options(), *self.more]

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            self.recorder.close()

    def operations(self):
        """As the simulated GitHub counts them."""
        return {unnamed(f"{call['method']} {call['route']}") for call in self.sim("GET", "calls")}

    def webhooks(self):
        """What the simulated GitHub has sent, as its own API tells it."""
        sent = []
        for delivery in self.sim("GET", "deliveries"):
            url = f"{self.api}/orgs/{self.organisations[0]}/hooks/{delivery['hook_id']}/deliveries/{delivery['id']}"
            status, answer = world.request(url, headers={"Authorization": f"Bearer {TOKEN}"})
            if status == 200:
                sent.append({"event": delivery["event"], "payload": answer["request"]["payload"]})
        return sent


def judge(calls, webhooks=()):
    return node.run("openapi.mjs", stdin={"calls": calls, "webhooks": list(webhooks)})


class OpenApi(Case):
    @classmethod
    def setUpClass(cls):
        node.install()

    def check(self, w, operations):
        """All that is said in this world is described; these operations are among it."""
        wanted = {unnamed(operation) for operation in operations if not operation.startswith("webhook ")}
        until(lambda: wanted <= w.operations(), 30, f"{wanted}", 0.2)
        w.wait_quiet()
        w.stop()
        calls = list(w.recorder.calls)
        verdict = judge(calls, w.webhooks())
        self.assertEqual(verdict["problems"], [])
        self.assertEqual(set(operations) - set(verdict["operations"]), set())
        # The server had no other way to GitHub.
        self.assertEqual(sorted((call["method"], call["target"]) for call in calls),
                         sorted((call["method"], call["target"]) for call in w.sim("GET", "calls")
                                if "/hooks/" not in call["target"] or "/deliveries/" not in call["target"]
                                or call["method"] != "GET"))

    def test_webhooks_to_finished_jobs_with_a_token(self):
        with RecordedWorld() as w:
            w.queue([(CPU, ["true"]), (CPU, ["false"]), {"name": "deploy", "labels": ["self-hosted", CPU],
                                                         "steps": ["true"], "waiting": True}])
            job = until(lambda: [job for job in w.github_jobs() if job["status"] == "waiting"], what="the waiting job")[0]
            w.sim("POST", f"jobs/{job['id']}/approve")
            w.wait_completed(3, conclusion=None)
            self.check(w, [JIT, "GET /orgs/{org}/actions/runners", "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
                           *(f"webhook workflow-job-{action}" for action in ("queued", "waiting", "in-progress",
                                                                            "completed")),
                           *(f"webhook workflow-run-{action}" for action in ("requested", "in-progress", "completed"))])

    def test_app_signs_in_and_renews_its_token(self):
        with RecordedWorld(app=True) as w:
            w.queue([(CPU, ["true"])])
            w.wait_completed(1)
            w.sim("POST", "tokens/revoke")
            w.queue([(CPU, ["true"])])
            w.wait_completed(2)
            self.check(w, ["POST /app/installations/{installation_id}/access_tokens", JIT])

    def test_polling(self):
        with RecordedWorld(ingress="poll") as w:
            w.queue([(CPU, ["true"])] * 2)
            w.wait_completed(2, 90)
            self.check(w, ["GET /orgs/{org}/repos", "GET /repos/{owner}/{repo}/actions/runs",
                           "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs", JIT])

    def test_outage_refusals_and_limits(self):
        with RecordedWorld(delays=("1s", "1s", "1s")) as w:
            for fault in ({"kind": "status", "status": 503, "next": 3}, {"kind": "lost", "method": "POST", "next": 1},
                          {"kind": "secondary", "method": "POST", "retry_after_ms": 1000, "next": 1}):
                w.sim("POST", "faults/calls", fault)
            w.queue([(CPU, ["true"])] * 2)
            w.wait_completed(2, 90)
            self.check(w, [JIT])

    def test_sweep_delivers_again_checks_jobs_and_removes_runners(self):
        with RecordedWorld(idle="1s") as w:
            w.sim("POST", "faults/webhooks", {"fail": {"next": 2}})
            w.sim("POST", "rules", {"dispatch_delay_ms": 60000})
            w.queue([(CPU, ["true"])])
            job = until(w.jobs, what="the job, delivered again")[0]
            until(lambda: "GET /repos/{}/{}/actions/jobs/{}" in w.operations(), what="a question about it")
            w.sim("POST", f"jobs/{job['id']}/cancel")
            w.wait_completed(1, conclusion="cancelled")
            self.check(w, ["GET /orgs/{org}/hooks", "GET /orgs/{org}/hooks/{hook_id}/deliveries",
                           "POST /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
                           "GET /repos/{owner}/{repo}/actions/jobs/{job_id}",
                           "DELETE /orgs/{org}/actions/runners/{runner_id}"])

    def test_sweep_of_an_app_delivers_again(self):
        with RecordedWorld(app=True) as w:
            w.sim("POST", "faults/webhooks", {"fail": {"next": 2}})
            w.queue([(CPU, ["true"])])
            w.wait_completed(1)
            self.check(w, ["GET /app/hook/deliveries", "POST /app/hook/deliveries/{delivery_id}/attempts"])

    def test_runners_of_a_repository(self):
        with RecordedWorld(url="https://github.com/{name}/widgets") as w:
            w.queue([(CPU, ["true"])])
            w.wait_completed(1)
            self.check(w, ["POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig",
                           "GET /repos/{owner}/{repo}/actions/runners"])

    def test_runners_of_an_enterprise(self):
        with RecordedWorld(url="https://github.com/enterprises/big", more=["--enterprise", "big:acme"]) as w:
            w.queue([(CPU, ["true"])])
            w.wait_completed(1)
            self.check(w, ["POST /enterprises/{enterprise}/actions/runners/generate-jitconfig",
                           "GET /enterprises/{enterprise}/actions/runners"])


    def look(self, w, *install):
        """doctor and webhook install, beside a server that did its work."""
        w.queue([(CPU, ["true"])])
        w.wait_completed(1)
        w.jitney("doctor", check=False)
        w.jitney("webhook", "install", "--yes", "--secret", *install, check=not install)  # nobody may answer there

    def test_doctor_and_webhook_install_with_a_token(self):
        with RecordedWorld() as w:
            self.look(w)
            w.jitney("webhook", "install", "--yes", "--url", f"http://localhost:{w.port}/webhook")
            hook = "/orgs/{org}/hooks"
            self.check(w, ["GET /orgs/{org}/actions/runners", "GET /orgs/{org}/actions/runners/downloads",
                           "GET /orgs/{org}/actions/runner-groups/{runner_group_id}", "GET /orgs/{org}/repos",
                           "GET /repos/{owner}/{repo}/actions/runs", f"GET {hook}", f"POST {hook}",
                           f"PATCH {hook}/{{hook_id}}", f"POST {hook}/{{hook_id}}/pings",
                           f"GET {hook}/{{hook_id}}/deliveries"])

    def test_doctor_and_webhook_install_with_an_app(self):
        with RecordedWorld(app=True) as w:
            self.look(w)
            self.check(w, ["GET /app", "GET /app/installations/{installation_id}", "GET /app/hook/config",
                           "PATCH /app/hook/config", "GET /app/hook/deliveries", "GET /installation/repositories"])

    def test_doctor_and_webhook_install_of_a_repository(self):
        with RecordedWorld(url="https://github.com/{name}/widgets") as w:
            self.look(w, "--url", "http://127.0.0.1:1/webhook")
            hook = "/repos/{owner}/{repo}/hooks"
            self.check(w, ["GET /repos/{owner}/{repo}", "GET /repos/{owner}/{repo}/actions/runners/downloads",
                           f"GET {hook}", f"POST {hook}"])

    def test_doctor_of_an_enterprise(self):
        with RecordedWorld(url="https://github.com/enterprises/big", more=["--enterprise", "big:acme"]) as w:
            w.queue([(CPU, ["true"])])
            w.wait_completed(1)
            w.jitney("doctor", check=False)
            refused = w.jitney("webhook", "install", "--yes", check=False)
            self.assertEqual(refused.returncode, 2)
            self.assertIn("no webhooks of enterprises", refused.stderr)
            self.check(w, ["GET /enterprises/{enterprise}/actions/runners/downloads",
                           "GET /enterprises/{enterprise}/actions/runner-groups/{runner_group_id}"])


def good_call():
    """A call and its answer without fault, to be spoiled."""
    message = json.dumps({"message": "Conflict", "documentation_url": "https://docs.github.com/rest"})
    limits = {f"x-ratelimit-{name}": "1" for name in ("limit", "remaining", "reset")}
    return {"method": "POST", "target": "/orgs/acme/actions/runners/generate-jitconfig",
            "body": json.dumps({"name": "r", "runner_group_id": 1, "labels": ["cpu"]}),
            "headers": {"user-agent": "jitney", "authorization": "Bearer x", "accept": "application/vnd.github+json",
                        "x-github-api-version": "2022-11-28", "content-type": "application/json"},
            "status": 409, "answer": message,
            "answer_headers": {"content-type": "application/json; charset=utf-8", "x-github-request-id": "1", **limits}}


class Judge(Case):
    """What judges the calls can say no."""

    @classmethod
    def setUpClass(cls):
        node.install()

    def setUp(self):
        self.planted = []

    def plant(self, expected, **changes):
        """A call with a fault that the judge has to find."""
        call = copy.deepcopy(good_call())
        for name, value in changes.items():
            call[name] = {**call[name], **value} if isinstance(value, dict) else value
        self.planted.append((expected, call))

    def check(self):
        found = judge([call for _, call in self.planted])["of"]
        for (expected, _), problems in zip(self.planted, found, strict=True):
            self.assertTrue(any(expected in problem for problem in problems), f"{expected!r} is not in {problems}")

    def test_good_call_has_no_problems(self):
        self.assertEqual(judge([good_call()]), {"operations": [JIT], "problems": [], "of": [[]]})

    def test_wrong_requests_are_found(self):
        def body(**changes):
            return json.dumps({"name": "r", "runner_group_id": 1, "labels": ["cpu"], **changes})
        self.plant("no such path", target="/orgs/acme/actions/runner/generate-jitconfig")
        self.plant("no PUT of", method="PUT")
        self.plant("'name'", body=json.dumps({"runner_group_id": 1, "labels": ["cpu"]}))
        self.plant("/runner_group_id must be integer", body=body(runner_group_id="1"))
        self.plant("/labels must NOT have fewer", body=body(labels=[]))
        self.plant("group is not described", body=body(group=1))
        self.plant("the body is missing", body="")
        self.plant("the body is no JSON", body="{")
        self.plant("Content-Type", headers={"content-type": "text/plain"})
        self.plant("User-Agent", headers={"user-agent": ""})
        self.plant("Authorization", headers={"authorization": ""})
        self.plant("Accept", headers={"accept": "*/*"})
        self.plant("Api-Version", headers={"x-github-api-version": ""})
        runs = {"method": "GET", "body": "", "status": 404}
        self.plant("query parameter state is not", target="/repos/a/b/actions/runs?state=queued", **runs)
        self.plant("query parameter status", target="/repos/a/b/actions/runs?status=sleeping", **runs)
        self.plant("comes twice", target="/repos/a/b/actions/runs?page=1&page=2", **runs)
        self.plant("path parameter job_id", target="/repos/a/b/actions/jobs/one", **runs)
        self.plant("this call has no body", target="/repos/a/b/actions/jobs/1", method="GET", status=404)
        self.check()

    def test_wrong_answers_are_found(self):
        runner = {"id": 1, "name": "r", "os": "linux", "status": "online", "busy": False, "labels": [{"name": "cpu"}]}
        self.plant("status 418", status=418)
        self.plant("'runner'", status=201, answer=json.dumps({"encoded_jit_config": "x"}))
        self.plant("/runner/id must be integer", status=201, answer=json.dumps(
            {"encoded_jit_config": "x", "runner": {**runner, "id": "1"}}))
        self.plant("Content-Type", answer_headers={"content-type": "text/html"})
        self.plant("answer is no JSON", answer="<html>")
        self.plant("has no body", method="DELETE", target="/orgs/acme/actions/runners/1", body="", status=204)
        self.check()

    def test_wrong_webhooks_are_found(self):
        self.assertIn("no webhook workflow-job-started",
                      judge([], [{"event": "workflow_job", "payload": {"action": "started"}}])["problems"][0])
        problems = judge([], [{"event": "workflow_job", "payload": {"action": "queued"}}])["problems"]
        self.assertTrue(any("workflow_job" in problem and "required" in problem for problem in problems), problems)


if __name__ == "__main__":
    world.main()
