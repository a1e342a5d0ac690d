# SPDX-License-Identifier: Apache-2.0
"""`jitney doctor` and `jitney webhook install`: the real binary beside a real server and the simulated GitHub, healthy,
then broken in one place after the other."""
import json
import os
import pty
import select
import shutil
import subprocess

import world
from world import BUILD, SECRET, TOKEN, Case, World, request, until

CPU = "template_cpu"


class SetUp(World):
    """With a runner that tells its version, as GitHub's own does: bin/Runner.Listener.dll holds it in UTF-16."""

    def __init__(self, **options):
        super().__init__(**options)
        package = self.path / "package"
        shutil.copytree(BUILD / "runner-package", package)
        self.set_version("2.336.0")
        self.edit(f'runner_dir = "{BUILD / "runner-package"}"', f'runner_dir = "{package}"')

    def set_version(self, version):
        text = version.encode("utf-16-le")
        (self.path / "package/bin/Runner.Listener.dll").write_bytes(b"MZ" + bytes([len(text) + 1]) + text + b"\0")

    def edit(self, old, new):
        file = self.path / "jitney.toml"
        text = file.read_text()
        if old not in text:
            raise AssertionError(f"{old!r} is not in the configuration")
        file.write_text(text.replace(old, new))

    def doctor(self):
        """(exit status, {check: finding}); of several with one name the last."""
        done = self.jitney("doctor", "-o", "json", check=False)
        if done.stderr:
            raise AssertionError(f"doctor wrote to stderr: {done.stderr}")
        for secret in (TOKEN, SECRET):
            if secret in done.stdout:
                raise AssertionError("doctor printed a secret")
        report = json.loads(done.stdout)
        if report["ok"] != (done.returncode == 0):
            raise AssertionError(f"exit {done.returncode} with {report}")
        return done.returncode, {check["check"]: check for check in report["checks"]}

    def hooks(self):
        return request(f"{self.api}/orgs/acme/hooks", headers={"Authorization": f"Bearer {TOKEN}", "User-Agent": "t"})[1]

    def deliver(self):
        """A delivery, and its answer."""
        self.queue([(CPU, ["true"])])
        self.wait_completed(1)
        self.wait_quiet()


class Doctor(Case):
    def expect(self, w, check, verdict, seen="", todo=""):
        status, checks = w.doctor()
        self.assertIn(check, checks)
        found = checks[check]
        self.assertEqual(found["verdict"], verdict, found)
        self.assertIn(seen, found["seen"])
        self.assertIn(todo, found["todo"] or "")
        self.assertEqual(status, 1 if any(one["verdict"] == "failed" for one in checks.values()) else 0)
        return checks

    def test_healthy_then_broken_in_one_place_after_the_other(self):
        with SetUp() as w:
            w.deliver()
            status, checks = w.doctor()
            wrong = [one for one in checks.values() if one["verdict"] in ("warning", "failed")
                     and one["check"] not in ("isolation", "limits", "runner user", "disk")]
            self.assertEqual(wrong, [])
            if os.geteuid() == 0:
                self.assertEqual(status, 0, checks)
            for check in ("credentials", "reading jobs", "runner group", "webhook", "events", "deliveries", "clock",
                          "runner version", "admin_listen", "webhook_listen", "state", "runner"):
                self.assertEqual(checks[check]["verdict"], "ok", checks[check])
            self.assertIn("2.336.0", checks["runner version"]["seen"])

            w.set_version("2.334.0")
            self.expect(w, "runner version", "warning", "GitHub offers 2.336.0", "actions-runner")
            w.set_version("2.320.0")
            self.expect(w, "runner version", "failed", "2.320.0")
            w.set_version("2.336.0")

            fault = w.sim("POST", "faults/calls", {"kind": "status", "status": 401, "path": "/orgs/acme/actions/runners*"})
            self.expect(w, "credentials", "failed", "401", "expired or was revoked")
            w.sim("DELETE", f"faults/calls/{fault['id']}")
            fault = w.sim("POST", "faults/calls", {"kind": "status", "status": 403, "path": "/orgs/acme/hooks*"})
            self.expect(w, "webhook", "warning", "may not see webhooks", "admin:org_hook")
            w.sim("DELETE", f"faults/calls/{fault['id']}")
            fault = w.sim("POST", "faults/calls", {"kind": "status", "status": 403, "path": "/repos/acme/widgets/actions/runs*"})
            self.expect(w, "reading jobs", "failed", "403", "Actions: read")
            w.sim("DELETE", f"faults/calls/{fault['id']}")

            w.edit(f'name = "{CPU}"', f'name = "{CPU}"\nrunner_group = 77')
            self.expect(w, "runner group", "failed", f"no group 77 (1 pool: {CPU})")
            w.edit("\nrunner_group = 77", "")

            token = w.path / "secret"
            token.chmod(0o644)
            if os.geteuid() == 0:
                self.expect(w, "runner user", "failed", "can read", "chmod 600")
            token.chmod(0o600)

            w.edit('min_free_disk = "1MiB"', 'min_free_disk = "100000000GiB"')
            self.expect(w, "disk", "failed", "nothing is launched")
            w.edit('min_free_disk = "100000000GiB"', 'min_free_disk = "1MiB"')

            w.stop()
            self.expect(w, "admin_listen", "failed", "does not run", "jitney serve")
            w.sim("POST", "outage", {"kind": "refused"})
            checks = self.expect(w, "credentials", "failed", "", "reach")
            # What does not depend on GitHub is looked at all the same.
            self.assertEqual(checks["runner"]["verdict"], "ok")

    def test_an_app_with_and_without_its_key(self):
        with SetUp(app=True) as w:
            w.deliver()
            self.expect(w, "credentials", "ok", "installed for acme")
            self.expect(w, "permissions", "ok")
            self.expect(w, "deliveries", "ok")
            subprocess.run(["openssl", "genrsa", "-out", w.path / "app.pem", "2048"], check=True, capture_output=True)
            self.expect(w, "credentials", "failed", "does not take the App's key", "private_key")

    def test_people_see_a_page_that_fits_their_terminal(self):
        with SetUp() as w:
            w.deliver()
            w.set_version("2.334.0")
            text = on_terminal([BUILD / "jitney", "doctor", "--config", w.path / "jitney.toml"], 80)
            self.assertIn("\033[32mok\033[0m", text)
            self.assertIn("\033[33mwarning\033[0m", text)
            self.assertIn("looking at GitHub acme", text)
            last = text.replace("\r", "\n").rstrip("\n").splitlines()[-1]
            self.assertRegex(last, r" ok\033\[0m, .* warning")


def on_terminal(words, columns):
    """What the program writes to a terminal of that width."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs,
                             env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm"})
    os.close(theirs)
    text = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 60)
        if not ready:
            child.kill()
            raise AssertionError("nothing more was written for a minute")
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        text += part
    os.close(ours)
    child.wait(timeout=60)
    return text.decode()


class Webhook(Case):
    def install(self, w, *words, status=0):
        done = w.jitney("webhook", "install", *words, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_hook_is_made_mended_and_left_alone(self):
        with SetUp() as w:
            # Its own hook leads elsewhere: ours is another.
            old = w.hooks()[0]
            w.edit(f'webhook_url = "http://127.0.0.1:{w.port}/webhook"', f'webhook_url = "http://localhost:{w.port}/webhook"')
            self.assertIn("a webhook is made (not now: --dry-run)", self.install(w, "--dry-run"))
            self.assertEqual(len(w.hooks()), 1)
            self.assertIn("say --yes", self.install(w, status=2))
            self.assertIn("ping was answered with 200", self.install(w, "--yes"))
            made = w.hooks()[1]
            self.assertEqual(made["config"]["url"], f"http://localhost:{w.port}/webhook")
            self.assertEqual(made["config"]["content_type"], "json")
            self.assertEqual(sorted(made["events"]), ["workflow_job", "workflow_run"])
            self.assertIn("as it should be", self.install(w, "--yes"))
            self.assertEqual(w.hooks()[1], made)

            # Spoiled by somebody: another secret, form, an event less, switched off.
            url = f"{w.api}/orgs/acme/hooks/{made['id']}"
            request(url, "PATCH", {"active": False, "events": ["workflow_run", "push"],
                                   "config": {"url": made["config"]["url"], "content_type": "form", "secret": "other"}},
                    {"Authorization": f"Bearer {TOKEN}", "User-Agent": "t", "Content-Type": "application/json"})
            text = self.install(w, "--yes")
            for part in ("content type: form -> json", "active: no -> yes", "events: + workflow_job", "answered with 200"):
                self.assertIn(part, text)
            mended = w.hooks()[1]
            self.assertTrue(mended["active"])
            self.assertEqual(sorted(mended["events"]), ["push", "workflow_job", "workflow_run"])
            request(f"{w.api}/orgs/acme/hooks/{old['id']}", "PATCH", {"active": False},
                    {"Authorization": f"Bearer {TOKEN}", "User-Agent": "t", "Content-Type": "application/json"})
            w.deliver()

    def test_a_ping_that_found_no_server_fails_and_is_sent_again(self):
        with SetUp() as w:
            w.stop()
            w.edit(f'webhook_url = "http://127.0.0.1:{w.port}/webhook"', f'webhook_url = "http://localhost:{w.port}/webhook"')
            done = w.jitney("webhook", "install", "--yes", "-o", "json", check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("the webhook is in place, but GitHub's ping was answered", done.stderr)
            told = json.loads(done.stdout)["webhooks"][0]
            self.assertEqual((told["action"], told["done"], told["hook"]), ("create", False, w.hooks()[1]["id"]))
            self.assertIn("GitHub's ping was answered", told["error"])
            self.assertIn("GitHub's ping was answered", self.install(w, "--yes", status=1), "nothing to change, nobody there")

            w.start()
            _, checks = w.doctor()
            self.assertEqual(checks["deliveries"]["verdict"], "warning", checks["deliveries"])
            self.assertIn("jitney webhook install", checks["deliveries"]["todo"])
            text = self.install(w, "--yes")
            self.assertIn("as it should be", text)
            self.assertIn("ping was answered with 200", text)
            _, checks = w.doctor()
            self.assertEqual(checks["deliveries"]["verdict"], "ok", checks["deliveries"])
            self.assertEqual(len(w.hooks()), 2)

    def test_an_address_that_jitney_does_not_answer_is_refused(self):
        with SetUp() as w:
            before = w.hooks()
            self.assertIn("no web address", self.install(w, "--yes", "--url", "foo", status=2))
            self.assertIn("answers 404 there", self.install(w, "--yes", "--url", "https://ci.example/hook", status=2))
            self.assertEqual(w.hooks(), before)

    def test_a_secret_that_differs_is_seen_by_our_answers_and_sent_again(self):
        with SetUp() as w:
            hook = w.hooks()[0]
            headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": "t", "Content-Type": "application/json"}
            request(f"{w.api}/orgs/acme/hooks/{hook['id']}", "PATCH",
                    {"config": {"url": hook["config"]["url"], "content_type": "json", "secret": "other"}}, headers)
            w.queue([(CPU, ["true"])])
            until(lambda: [one for one in w.sim("GET", "deliveries") if one["status_code"] == 401], what="a refusal")
            _, checks = w.doctor()
            self.assertEqual(checks["deliveries"]["verdict"], "failed", checks["deliveries"])
            self.assertIn("secret is not the configured one", checks["deliveries"]["todo"])
            self.assertIn("which is refused -> the configured one", self.install(w, "--dry-run"))
            self.assertIn("ping was answered with 200", self.install(w, "--yes"))
            w.wait_completed(1)
            w.wait_quiet()

    def test_an_apps_hook_is_changed_and_people_are_told_the_rest(self):
        with SetUp(app=True) as w:
            self.assertIn("as it should be", self.install(w, "--yes"))
            text = self.install(w, "--yes", "--url", f"http://localhost:{w.port}/webhook")
            self.assertIn(f"-> http://localhost:{w.port}/webhook", text)
            w.deliver()
            answer = json.loads(self.install(w, "--dry-run", "-o", "json"))
            self.assertEqual(answer["webhooks"][0]["action"], "change")
            self.assertFalse(answer["webhooks"][0]["done"])


if __name__ == "__main__":
    world.main()
