# SPDX-License-Identifier: Apache-2.0
"""Marked secrets go through whole flows and failures; then every log, file, command line, environment, answer and
output is searched for them."""
import base64
import os
import secrets
import shutil
import subprocess

import hooks
import scan
import world
from recorder import Recorder
from world import Case, World, until

CPU = "template_cpu"
PRINT_ALL = "env; tr '\\0' '\\n' </proc/self/environ; tr '\\0' ' ' </proc/self/cmdline; set"
JIT_FILES = (".runner", ".credentials", ".credentials_rsaparams")  # GitHub's runner writes them to its own root


def of_the_runner(words, name):
    """The listener is given its configuration in its environment."""
    return "bin/Runner.Listener" in words and name == "JIT configuration"


class MarkedWorld(World):
    """Every secret in it is its own, so that what is found comes from here."""

    def __init__(self, **options):
        self.recorder = None
        self.said = []  # (where, bytes): what the program told anyone
        world.TOKEN = "ghp_" + secrets.token_hex(18)
        world.SECRET = "webhook-" + secrets.token_hex(18)
        self.token, self.secret = world.TOKEN, world.SECRET
        super().__init__(delays=("1s",), **options)
        self.package = self.path / "package"
        shutil.copytree(world.BUILD / "runner-package", self.package)
        file = self.path / "jitney.toml"
        file.write_text(file.read_text().replace(str(world.BUILD / "runner-package"), str(self.package))
                        .replace('drain = "10s"', 'drain = "10s"\nlog_level = "debug"'))

    def scope(self, name):
        self.recorder = self.recorder or Recorder(self.api)
        return super().scope(name).replace(self.api, self.recorder.url)

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            self.recorder.close()

    def needles(self):
        needles = scan.Needles()
        needles.add("token", self.token)
        needles.add("webhook secret", self.secret)
        if self.app_key:
            needles.add_key("App key", self.app_key.read_text())
        for secret in self.sim("GET", "secrets"):
            if secret.startswith("ey"):
                needles.add_jit(secret)
            else:
                needles.add("installation token", secret)
        for call in self.recorder.calls:
            credential = call["headers"]["authorization"].split()[1]
            if not needles.found_in(credential.encode()):
                needles.add("credential", credential)
        return needles

    def ask_everything(self, jobs=()):
        """What can be asked by API and command line, also for these jobs."""
        for path in ("", "healthz", "metrics", *(f"api/v1/{name}" for name in (
                "jobs?limit=1000", "jobs?dead=true", "runners", "pools", "dead", "version", "nothing",
                *(f"jobs/{job}{more}" for job in jobs for more in ("", "/explain"))))):
            _, answer = world.request(f"http://127.0.0.1:{self.admin}/{path}")
            self.said.append((f"GET /{path}", str(answer).encode()))
        for words in (["jobs"], ["jobs", "--all"], ["runners"], ["pools"], ["dead", "list"], ["config", "check"],
                      ["version"], *(words for job in jobs for words in (["explain", str(job)],
                                                                         ["dead", "show", str(job)]))):
            for form in ("table", "json"):
                done = self.jitney(*words, "--output", form, check=False)
                self.said.append((" ".join(words), (done.stdout + done.stderr).encode()))

    def leaks(self, watch=None):
        needles = self.needles()
        roots = self.state / "runners"
        inputs = [self.path / name for name in ("token", "secret", "app.pem", "app.pub", "proxy")]
        found = scan.found_in_files(needles, self.path, inputs, lambda path: (
            path.is_relative_to(self.package) or (path.is_relative_to(roots) and path.name in JIT_FILES)))
        for where, text in self.said:
            found |= {f"{where}: {name}" for name in needles.found_in(text)}
        if watch:
            found |= watch.found(needles, of_the_runner)
        return found


class Secrets(Case):
    def setUp(self):
        self.addCleanup(setattr, world, "TOKEN", world.TOKEN)
        self.addCleanup(setattr, world, "SECRET", world.SECRET)

    def run_printing_job(self, w, watch):
        """A job that prints all it is given, and is looked at while it runs."""
        flag = w.path / f"go-{secrets.token_hex(4)}"
        mark = f"mark-{secrets.token_hex(4)}"
        # Steps are files; this one's words stand on a command line too, so that the watch can tell it.
        wait = f"sh -c 'echo {mark}; until [ -e {flag} ]; do sleep 0.05; done'"
        w.queue([(CPU, [PRINT_ALL, wait, PRINT_ALL])])
        until(lambda: any(job["status"] == "in_progress" for job in w.github_jobs()), what="the running job")
        until(lambda: watch.called(mark), what="a look at the job's step")
        pages = [path.read_bytes() for path in (w.state / "runners").glob("*/_diag/pages/*.log")]
        self.assertTrue(any(b"RUNNER_NAME=" in page for page in pages), "what the job printed is not where it was looked for")
        jobs = [job["id"] for job in w.jobs()]
        w.ask_everything(jobs)
        self.assertEqual(w.leaks(watch), set())
        flag.touch()
        until(lambda: all(job["status"] == "completed" for job in w.github_jobs()), what="the job's end")
        return jobs

    def test_token_webhook_secret_and_jit_configurations_through_flow_and_failures(self):
        with MarkedWorld() as w, scan.ProcessWatch(but=[w.github.pid]) as watch:
            jobs = self.run_printing_job(w, watch)
            listeners = [pair for pair in watch.called("bin/Runner.Listener") if w.needles().found_in(pair[1])]
            self.assertTrue(listeners, "the watch cannot see even the configuration that is given by design")
            self.assertTrue(watch.called("jitney serve") or watch.called("/jitney serve"))
            self.assertTrue(watch.called(" shim "), "no shim was seen")

            for fault in ({"kind": "status", "status": 401, "message": "Bad credentials"},
                          {"kind": "status", "status": 403}, {"kind": "status", "status": 422},
                          {"kind": "status", "status": 500}, {"kind": "lost", "method": "POST"}):
                w.sim("POST", "faults/calls", {**fault, "next": 3})
                w.queue([(CPU, ["true"])])
                w.ask_everything(jobs)
                until(lambda: len(w.jobs()) > len(jobs), what="the job in the ledger")
                jobs = [job["id"] for job in w.jobs()]
                status = fault.get("status")
                until(lambda: any(call["status"] == status for call in w.sim("GET", "calls")) or not status,
                      what=f"an answer {status}")
                w.ask_everything(jobs)
                w.sim("DELETE", "faults")
            self.assertEqual(hooks.send(w.port, hooks.signed(hooks.job(1), secret=w.secret + "x")), 401)
            with hooks.Wire(w.port) as wire:
                wire.send(hooks.signed(b"{", secret=w.secret))
                self.said(w, wire.answer())
                wire.send(hooks.signed(hooks.job(1), secret="another"))
                self.said(w, wire.answer())

            program = w.package / "bin/Runner.Listener"
            program.unlink()
            program.write_text("#!/bin/sh\nexport -p\nexit 1\n")  # no child of its own, which would have it too
            program.chmod(0o755)
            w.queue([(CPU, ["true"])])
            until(lambda: w.get("dead")["dead"], 60, "a dead letter")
            w.ask_everything([job["id"] for job in w.jobs()])
            w.kill()
            self.assertEqual(w.leaks(watch), set())
            w.start()
            w.ask_everything()
            w.wait_quiet(60)
            self.assertEqual(w.leaks(watch), set())

    def said(self, w, answer):
        w.said.append(("webhook answer", str(answer).encode()))

    def test_app_key_and_installation_tokens_through_flow_and_failures(self):
        with MarkedWorld(app=True) as w, scan.ProcessWatch(but=[w.github.pid]) as watch:
            self.run_printing_job(w, watch)
            w.sim("POST", "tokens/revoke")
            w.sim("POST", "faults/calls", {"kind": "status", "status": 500, "path": "/app/*", "next": 2})
            w.queue([(CPU, ["true"])])
            until(lambda: any(call["status"] == 500 for call in w.sim("GET", "calls")), what="the answer 500")
            w.ask_everything([job["id"] for job in w.jobs()])
            w.wait_completed(2, 60)
            w.wait_quiet()
            names = set(w.needles().by_form.values())
            self.assertLessEqual({"App key", "installation token", "credential", "JIT configuration"}, names)
            self.assertEqual(w.leaks(watch), set())

    def test_secrets_that_are_wrong_are_not_told_either(self):
        w = MarkedWorld()
        try:
            password = "pass-" + secrets.token_hex(16)
            w._write("proxy", f"http://user:{password}@127.0.0.1:{world.free_port()}")
            config = (w.path / "jitney.toml").read_text()
            wrong = {
                "a key that is none": config.replace(f'token = {{ file = "{w.path}/token" }}',
                                                     'client_id = "Iv23liX"\ninstallation_id = 1\n'
                                                     f'private_key = {{ file = "{w.path}/token" }}'),
                "a proxy that does not answer": config.replace(
                    "write_spacing", f'proxy = {{ file = "{w.path}/proxy" }}\nwrite_spacing'),
                "a secret in the file": config.replace(f'{{ file = "{w.path}/token" }}', f'"{w.token}"'),
                "a secret as an environment variable's name": config.replace(
                    f'{{ file = "{w.path}/token" }}', f'{{ env = "{w.token}" }}'),
                "a password in the file": config.replace(
                    "write_spacing", f'proxy = "http://user:{password}@127.0.0.1:1"\nwrite_spacing'),
            }
            needles = w.needles()
            needles.add("proxy password", password)
            for name, text in wrong.items():
                with self.subTest(name):
                    self.assertNotEqual(text, config)
                    (w.path / "jitney.toml").write_text(text)
                    check = w.jitney("config", "check", check=False)
                    self.assertEqual(needles.found_in((check.stdout + check.stderr).encode()), set())
                    w.log.unlink(missing_ok=True)
                    w.start(wait=False)
                    until(lambda: w.server.poll() is not None or b"could not look" in w.log.read_bytes() or
                          b"cannot" in w.log.read_bytes(), 30, "the server's word about it")
                    w.stop()
                    self.assertEqual(needles.found_in(w.log.read_bytes()), set())
                    self.assertEqual(scan.found_in_files(needles, w.state), set())
        finally:
            w.__exit__(None, None, None)

    def test_search_finds_what_is_planted(self):
        w = MarkedWorld(app=True)
        try:
            w.start()
            w.queue([(CPU, ["true"])])
            w.wait_completed(1)
            w.wait_quiet()
            key = next(line for line in w.app_key.read_text().splitlines() if len(line) > 40 and "-----" not in line)
            jit = next(secret for secret in w.sim("GET", "secrets") if secret.startswith("ey"))
            self.assertEqual(w.leaks(), set())
            w.stop()
            for place, secret in {"serve.log": w.token, "state/jitney.db-wal": w.secret, "state/planted": w.token.encode().hex(),
                                  "state/logs/planted.log": jit, "state/machines/planted": key}.items():
                with self.subTest(place):
                    file = w.path / place
                    file.parent.mkdir(exist_ok=True)
                    file.write_bytes(b"before" + secret.encode() + b"after")
                    self.assertEqual(len(w.leaks()), 1)
                    file.unlink()
            w.said.append(("answer", b'{"x":"' + base64.b64encode(b"x:" + w.token.encode()) + b'"}'))
            self.assertEqual(w.leaks(), {"answer: token"})
            w.said.clear()
            for words, environment in ((["cat", w.secret], {}), (["cat"], {"PLANTED": jit})):
                with scan.ProcessWatch(but=[w.github.pid]) as watch:
                    planted = subprocess.Popen(["sh", "-c", "read nothing", *words], stdin=subprocess.PIPE,
                                               env={**os.environ, **environment})
                    until(lambda: watch.called("read nothing"), what="a look at it")  # noqa: B023
                    planted.communicate()
                self.assertEqual(len(w.leaks(watch)), 1, words)
        finally:
            w.__exit__(None, None, None)


if __name__ == "__main__":
    world.main()
