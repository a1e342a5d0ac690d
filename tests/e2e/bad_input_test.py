# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to the server gets a clear answer, and only signed, well-formed and stored webhooks change
anything."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.parse

import hooks
import world
from hooks import Wire, job, message, send, sign, signed
from world import Case, World, until

BODY_LIMIT = 25 << 20
NO_RUNNERS = {("template_cpu", "acme"): 0}  # jobs are stored and wait: nothing but webhooks changes the ledger


def trickle(port, start, seconds_between=0.4):
    """Sends `start`, then a byte now and then until the server hangs up: (seconds it took, answer)."""
    with Wire(port, patience=120) as wire:
        began = time.monotonic()
        wire.send(start)
        wire.socket.settimeout(seconds_between)
        answer = None
        while time.monotonic() - began < 100:
            try:
                answer = wire.answer()
                break
            except TimeoutError:
                if not wire.send(b"a"):
                    break
        return time.monotonic() - began, answer and answer[0]


class Background:
    """A call in a thread of its own; result() waits for what it answered."""

    def __init__(self, *call):
        self.outcome = None
        self.thread = threading.Thread(target=self._run, args=call, daemon=True)
        self.thread.start()

    def _run(self, function, *arguments):
        self.outcome = function(*arguments)

    def result(self):
        self.thread.join(130)
        return self.outcome


class BadInput(Case):
    @classmethod
    def setUpClass(cls):
        cls.world = World(pools=NO_RUNNERS, check_after="1h")
        cls.addClassCleanup(cls.world.__exit__, None, None, None)
        cls.world.start()
        cls.port = cls.world.port
        # The server's patience is half a minute: these run beside the other tests.
        body = json.dumps(job(999)).encode()
        head = signed(job(999)).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
        cls.slow_header = Background(trickle, cls.port, b"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Long: ")
        cls.slow_body = Background(trickle, cls.port, head + body[:1])
        cls.slow_admin = Background(trickle, cls.world.admin, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ")
        cls.silent = Background(trickle, cls.port, b"", 50)

    def setUp(self):
        # What the jobs of other tests have woken comes to rest first.
        until(lambda: not hooks.ledger(self.world)["messages"], what="an empty queue")
        self.before = hooks.ledger(self.world)

    def tearDown(self):
        self.assertIsNone(self.world.server.poll(), "the server has ended")

    def refused(self, status, data, port=None):
        """Sends the bytes: that status, and nothing has changed."""
        self.assertEqual(send(port or self.port, data), status, data[:200])
        self.unchanged(data[:200])

    def unchanged(self, by=None):
        now = hooks.ledger(self.world)
        self.assertEqual([table for table in now if now[table] != self.before[table]], [], by)

    def test_signed_job_is_stored_before_the_answer(self):
        self.assertEqual(send(self.port, signed(job(101))), 202)
        self.assertIn(101, hooks.job_ids(self.world))

    def test_signature_that_is_missing_wrong_or_there_twice_is_refused_with_401(self):
        body = json.dumps(job(1)).encode()
        good = sign(body)
        wrong = {
            "of another secret": sign(body, "another-secret"),
            "of an empty secret": sign(body, ""),
            "of another body": sign(body + b" "),
            "in upper case": "sha256=" + good[7:].upper(),
            "without its prefix": good[7:],
            "with another prefix": "sha1=" + good[7:],
            "cut short": good[:-1],
            "too long": good + "0",
            "empty": "",
            "with a change of one digit": good[:-1] + ("0" if good[-1] != "0" else "1"),
        }
        event = [("Content-Type", "application/json"), ("X-GitHub-Event", "workflow_job")]
        for name, signature in wrong.items():
            with self.subTest(name):
                self.refused(401, message(body, [*event, ("X-Hub-Signature-256", signature)]))
        with self.subTest("missing"):
            self.refused(401, message(body, event))
        with self.subTest("only the old SHA-1 one"):
            self.refused(401, message(body, [*event, ("X-Hub-Signature", "sha1=" + good[7:47])]))
        for name, pair in {"twice the right one": (good, good), "a right and a wrong one": (good, wrong["cut short"]),
                           "a wrong and a right one": (wrong["empty"], good)}.items():
            with self.subTest(name):
                self.refused(401, message(body, [*event, *(("X-Hub-Signature-256", each) for each in pair)]))

    def test_nothing_is_parsed_before_the_signature_is_right(self):
        self.refused(401, message(b"{ no json", [("Content-Type", "application/json"),
                                                 ("X-GitHub-Event", "workflow_job"), ("X-Hub-Signature-256", "x")]))

    def test_body_above_25_mib_is_refused_with_413_and_one_of_25_mib_is_not(self):
        largest = b'"' + b"a" * (BODY_LIMIT - 2) + b'"'
        self.assertEqual(send(self.port, signed(largest, event="push")), 200)
        self.refused(413, signed(largest + b" ", event="push"))
        self.refused(413, signed(b"a" * (26 << 20)))

    def test_length_is_refused_as_soon_as_it_is_said(self):
        head = signed(b"").replace(b"Content-Length: 0", b"Content-Length: 27262976")
        self.refused(413, head)

    def test_chunked_body_above_25_mib_is_refused_with_413(self):
        chunk = b"100000\r\n" + b"a" * (1 << 20) + b"\r\n"
        head = message(b"", [("Transfer-Encoding", "chunked"), ("X-GitHub-Event", "push")], framing=False)
        self.refused(413, head + chunk * 26 + b"0\r\n\r\n")

    def test_malformed_body_with_a_right_signature_is_refused_with_400(self):
        def with_job(**fields):
            return job(1) | {"workflow_job": job(1)["workflow_job"] | fields}
        no_repository = {key: value for key, value in job(1).items() if key != "repository"}
        bodies = {
            "empty": b"", "cut off": json.dumps(job(1)).encode()[:-1], "two values": json.dumps(job(1)).encode() + b"{}",
            "an array": b"[]", "null": b"null", "no fields": b"{}", "not UTF-8": b'{"action":"\xff\xfe"}',
            "deeply nested": b"[" * 100000 + b"]" * 100000, "a NUL": json.dumps(job(1)).encode() + b"\0",
            "an id that is text": with_job(id="1"), "an id that is negative": with_job(id=-1),
            "an id of zero": with_job(id=0), "an id that is no integer": with_job(id=1.5),
            "labels that are no list": with_job(labels="self-hosted"), "a label that is no text": with_job(labels=[1]),
            "no repository": no_repository, "a repository without an owner": job(1) | {
                "repository": {"full_name": "widgets"}},
            "a repository with a path in it": job(1) | {"repository": {"full_name": "acme/../widgets"}},
            "no job": {"action": "queued", "repository": {"full_name": "acme/widgets"}},
            "a job that is text": job(1) | {"workflow_job": "job"}, "no action": job(1) | {"action": None},
        }
        for name, body in bodies.items():
            with self.subTest(name):
                self.refused(400, signed(body))

    def test_malformed_run_form_and_headers_are_refused_with_400(self):
        run = {"action": "completed", "workflow_run": {"id": 0}, "repository": {"full_name": "acme/widgets"}}
        self.refused(400, signed(run, event="workflow_run"))
        self.refused(400, signed(b"not json", event="ping"))
        body = json.dumps(job(1)).encode()
        form = [("X-GitHub-Event", "workflow_job"), ("Content-Type", "application/x-www-form-urlencoded")]
        for bad in (b"payload=%7", b"payload=%ZZ", b"other=1", b"", b"payload=%7B"):
            self.refused(400, message(bad, [*form, ("X-Hub-Signature-256", sign(bad))]))
        for content_type in ("text/plain", "application/jsonp", ""):
            self.refused(400, message(body, [("X-GitHub-Event", "workflow_job"), ("Content-Type", content_type),
                                             ("X-Hub-Signature-256", sign(body))]))
        self.refused(400, message(body, [("Content-Type", "application/json"), ("X-Hub-Signature-256", sign(body))]))

    def test_form_encoded_job_is_stored(self):
        body = b"payload=" + urllib.parse.quote_plus(json.dumps(job(102))).encode()
        self.assertEqual(send(self.port, message(body, [
            ("X-GitHub-Event", "workflow_job"), ("Content-Type", "application/x-www-form-urlencoded"),
            ("X-Hub-Signature-256", sign(body))])), 202)
        self.assertIn(102, hooks.job_ids(self.world))

    def test_events_and_actions_that_are_unknown_are_acknowledged_and_dropped(self):
        for event in ("push", "issues", "an_event_of_tomorrow", "x" * 1000):
            self.refused(200, signed(job(1), event=event))
        self.refused(200, signed(b"no json at all", event="push"))
        self.refused(200, signed(job(1, action="an_action_of_tomorrow")))
        self.refused(200, signed({"action": "starred"}, event="workflow_run"))

    def test_repository_that_is_not_of_this_scope_is_acknowledged_and_dropped(self):
        self.refused(200, signed(job(1) | {"repository": {"full_name": "elsewhere/widgets"}}))

    def test_wrong_method_and_wrong_address(self):
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            data = signed(job(1)).replace(b"POST", method.encode(), 1)
            with self.subTest(method), Wire(self.port) as wire:
                wire.send(data)
                status, headers, _ = wire.answer()
                self.assertEqual((status, headers["allow"]), (405, "POST"))
        for path in ("/", "/webhook/unknown", "/webhooks", "/webhook/acme/", "/Webhook", "/api/v1/jobs", "/metrics",
                     "/webhook/..%2facme", "//webhook"):
            with self.subTest(path):
                self.refused(404, signed(job(1), path=path))
        self.assertEqual(send(self.port, signed(job(103), path="/webhook/acme")), 202)

    def test_what_is_no_proper_http_is_refused(self):
        good = signed(job(1))
        head, body = good.split(b"\r\n\r\n", 1)
        cases = {
            "no HTTP": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
            "lines without a colon": (400, b"POST /webhook HTTP/1.1\r\nHost\r\n\r\n"),
            "no Host": (400, good.replace(b"Host: 127.0.0.1\r\n", b"")),
            "two Hosts": (400, good.replace(b"Host: 127.0.0.1\r\n", b"Host: a\r\nHost: b\r\n")),
            "two lengths": (400, head + b"\r\nContent-Length: 1\r\n\r\n" + body),
            "length and chunks": (400, head + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "negative length": (400, message(b"", [("Content-Length", "-1")], framing=False)),
            "a length that is no number": (400, message(b"", [("Content-Length", "1e3")], framing=False)),
            "a length beyond 64 bits": (400, message(b"", [("Content-Length", "9" * 30)], framing=False)),
            "bad chunk size": (400, message(b"xyz\r\n", [("Transfer-Encoding", "chunked")], framing=False)),
            "another coding": (400, message(b"", [("Transfer-Encoding", "gzip")], framing=False)),
            "header of 64 KiB": (431, message(b"", [("X-Long", "a" * 65536)])),
            "ten thousand headers": (431, message(b"", [(f"X-{i}", "a") for i in range(10000)])),
            "another version": (400, good.replace(b"HTTP/1.1", b"HTTP/1.7", 1)),
        }
        for name, (status, data) in cases.items():
            with self.subTest(name):
                self.refused(status, data)
            with self.subTest(f"{name}, to the admin listener"):
                self.refused(status, data, self.world.admin)

    def truncated(self, port, data):
        for cut in (1, 20, data.index(b"\r\n\r\n") + 2, data.index(b"\r\n\r\n") + 4, len(data) - 1):
            with self.subTest(cut), Wire(port) as wire:
                wire.send(data[:cut])
                wire.end_of_sending()
                answer = wire.answer()
                self.assertTrue(answer is None or answer[0] == 400, answer)
                self.unchanged()

    def test_truncated_requests_change_nothing(self):
        data = signed(job(1))
        self.truncated(self.port, data)
        body = data.split(b"\r\n\r\n", 1)[1]
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        self.truncated(self.port, data.split(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        self.truncated(self.world.admin, message(b"{}", path="/api/v1/dead/1/redrive"))

    def test_pipelined_requests_are_answered_in_order_and_the_refused_ones_change_nothing(self):
        wrong = signed(job(1), secret="another-secret")
        with Wire(self.port) as wire:
            wire.send(signed(job(104)) + wrong + signed(b"{", event="ping") + signed({}, event="push") + signed(job(105)))
            self.assertEqual([wire.answer()[0] for _ in range(5)], [202, 401, 400, 200, 202])
        self.assertEqual(hooks.job_ids(self.world) - {row[0] for row in self.before["jobs"]}, {104, 105})

    def test_admin_listener_answers_pipelined_requests_in_order(self):
        paths = ("/healthz", "/nothing", "/api/v1/jobs?limit=0", "/api/v1/jobs/123456789", "/metrics", "/api/v1/pools")
        with Wire(self.world.admin) as wire:
            wire.send(b"".join(message(b"", method="GET", path=path) for path in paths))
            self.assertEqual([wire.answer()[0] for _ in paths], [200, 404, 400, 404, 200, 200])
        self.unchanged()

    def test_what_follows_broken_http_on_a_connection_is_never_read_as_a_request(self):
        with Wire(self.port) as wire:
            wire.send(message(b"", [("Content-Length", "5"), ("Transfer-Encoding", "chunked")], framing=False) +
                      b"0\r\n\r\n" + signed(job(1)))
            self.assertEqual(wire.answer()[0], 400)
            self.assertIsNone(wire.answer())
        self.unchanged()

    def test_admin_listener_refuses_bad_input(self):
        api = f"http://127.0.0.1:{self.world.admin}"
        self.assertEqual(world.request(f"{api}/api/v1/jobs?limit=0")[0], 400)
        self.assertEqual(world.request(f"{api}/api/v1/jobs?status=sleeping")[0], 400)
        self.assertEqual(world.request(f"{api}/api/v1/jobs/abc")[0], 400)
        self.assertEqual(world.request(f"{api}/api/v1/jobs/123456789")[0], 404)
        self.assertEqual(world.request(f"{api}/nothing")[0], 404)
        self.assertEqual(world.request(f"{api}/metrics", "POST", {})[0], 405)
        self.assertEqual(world.request(f"{api}/api/v1/jobs", headers={"Host": "evil.example"})[0], 403)
        redrive = f"{api}/api/v1/dead/1/redrive"
        self.assertEqual(world.request(redrive, "POST", {})[0], 403, "a page in a browser could send this")
        self.assertEqual(send(self.world.admin, message(b"a" * (65 << 10), path="/api/v1/dead/1/redrive")), 413)
        self.unchanged()

    def test_slow_clients_are_cut_off_and_hold_up_nobody(self):
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                wire = stack.enter_context(Wire(self.port))
                wire.send(b"POST /webhook HTTP/1.1\r\nHost: x\r\n")
            took, status = hooks.seconds(lambda: send(self.port, signed(job(106))))
            self.assertEqual(status, 202)
            self.assertLess(took, 5, "a proper client waited for slow ones")
        for name, client, limit in (("header", self.slow_header, 10), ("body", self.slow_body, 30),
                                    ("header to the admin listener", self.slow_admin, 10)):
            took, status = client.result()
            self.assertIn(status, (408, None), name)
            self.assertLess(took, limit + 15, f"the trickled {name} was waited for too long")
        self.assertLess(self.silent.result()[0], 90, "a silent client was waited for too long")
        self.assertNotIn(999, hooks.job_ids(self.world))


class FullDisk(Case):
    """A state directory on a file system of its own, so that it can be full."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="jitney-e2e-disk-"))
        self.addCleanup(self.disk.rmdir)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=711", "jitney-e2e", self.disk],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"no small file system can be mounted here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)

    def fill(self):
        with open(self.disk / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"a" * 4096)
        self.assertEqual(os.statvfs(self.disk).f_bavail, 0)

    def test_503_exactly_when_the_job_could_not_be_made_durable(self):
        w = World(pools=NO_RUNNERS, check_after="1h")
        file = w.path / "jitney.toml"
        file.write_text(file.read_text().replace(str(w.state), str(self.disk / "state")))
        w.state = self.disk / "state"
        with w:
            answers = {}

            def post(job_id):
                answers[job_id] = send(w.port, signed(job(job_id)))
                return answers[job_id]
            self.assertEqual(post(1), 202)
            self.fill()
            ids = iter(range(2, 20000))
            # The log of the database may have some room left in it.
            until(lambda: post(next(ids)) == 503, 60, "a refusal", 0)
            for _ in range(20):
                post(next(ids))
            self.assertEqual(set(answers.values()), {202, 503})
            stored = {job_id for job_id, status in answers.items() if status == 202}
            self.assertEqual(hooks.job_ids(w), stored, "what was answered and what is stored differ")
            status, health = world.request(f"http://127.0.0.1:{w.admin}/healthz")
            self.assertEqual(status, 200 if health["ok"] else 503)
            until(lambda: not self.health(w)["ok"], 60, "bad health")
            self.assertIn("full", json.dumps(self.health(w)))

            (self.disk / "filler").unlink()
            last = next(ids)
            until(lambda: post(last) == 202, 60, "room again")
            until(lambda: self.health(w)["ok"], 60, "health")
            for refused in [job_id for job_id, status in answers.items() if status == 503]:
                self.assertEqual(post(refused), 202)
            w.kill()
            w.start()
            self.assertEqual(hooks.job_ids(w), set(answers), "a job that was answered 202 is lost")

    @staticmethod
    def health(w):
        return world.request(f"http://127.0.0.1:{w.admin}/healthz")[1]


if __name__ == "__main__":
    world.main()
