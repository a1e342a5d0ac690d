# SPDX-License-Identifier: Apache-2.0
"""The real binaries in a world of their own: sim_github, `jitney serve`, the stand-in runner. Loopback only.

JITNEY_BUILD names the build directory. Every wait is for a condition, with a bound; nothing sleeps for its own sake.
"""
import atexit
import contextlib
import json
import os
import pathlib
import pwd
import random
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

BUILD = pathlib.Path(os.environ.get("JITNEY_BUILD", "build/dev")).resolve()
SECRET = "jitney-e2e-webhook-secret-0123456789"
TOKEN = "ghp_jitneyE2eToken0123456789abcdef"
POOLS = {"template_cpu": 8, "template_gpu": 2}

CONFIG = """
deployment = "e2e"
ingress = "{ingress}"
[server]
webhook_listen = "127.0.0.1:{port}"
admin_listen = "127.0.0.1:{admin}"
state_dir = "{state}"
drain = "10s"
function_time = "10s"
{github}
{pools}
[process]
runner_dir = "{package}"
{user}
min_free_disk = "{floor}"
stop_grace = "3s"
[retry]
delays = {delays}
[sweep]
interval = "1s"
orphan_grace = "2s"
check_after = "{check_after}"
settle = "1s"
[poll]
interval = "1s"
"""
GITHUB = """
[[github]]
name = "{name}"
url = "https://github.com/{name}"
api_url = "{api}"
token = {{ file = "{token}" }}
webhook_secret = {{ file = "{secret}" }}
webhook_url = "http://127.0.0.1:{port}/webhook"
write_spacing = "1ms"
"""
APP = """client_id = "Iv23li{app}"
installation_id = {installation}
private_key = {{ file = "{key}" }}
"""
APP_ID = 4711
POOL = """
[[pool]]
name = "{name}"
github = "{scope}"
max = {max}
[pool.deadlines]
batch = "20s"
boot = "10s"
start = "10s"
lease = "3s"
online = "6s"
idle = "{idle}"
surplus = "2s"
"""


GIVEN_PORTS = set()


def free_port():
    """Of those that the system gives nobody who asks for any: else another test may have it before we do."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in GIVEN_PORTS:
                GIVEN_PORTS.add(port)
                return port


def request(url, method="GET", body=None, headers=None, timeout=30):
    """(status, body as JSON or text)"""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(call, timeout=timeout) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text) if text else None
    except json.JSONDecodeError:
        return status, text


def until(condition, seconds=60, what="the condition", every=0.05):
    """Waits for condition() to be true, and answers what it gave."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            what = what() if callable(what) else what
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(every)


def own_processes(marker):
    """Processes whose command line, root or environment names this world's directory."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes() + os.readlink(entry / "cwd").encode()
            if marker.encode() in words:
                found.append((int(entry.name), words.replace(b"\0", b" ").decode(errors="replace")))
    return found


class World:
    """One simulated GitHub and one server. Options are what the configuration file varies by."""

    deployment = "e2e"
    repository = "widgets"  # of each organisation

    def __init__(self, ingress="webhook", organisations=("acme",), pools=None, delays=("1s", "1s"), idle="60s",
                 floor="1MiB", check_after="3s", environment=None, app=False):
        self.directory = tempfile.TemporaryDirectory(prefix="jitney-e2e-")
        self.path = pathlib.Path(self.directory.name)
        self.path.chmod(0o711)
        self.state = self.path / "state"
        self.organisations = organisations
        self.pools = pools or {(name, organisations[0]): size for name, size in POOLS.items()}
        self.environment = environment or {}
        self.port, self.admin = free_port(), free_port()
        self.server = None
        self.log = self.path / "serve.log"
        self._write("token", TOKEN)
        self._write("secret", SECRET)
        self.app_key = self._make_app_key() if app else None
        self._start_github()
        self._write("jitney.toml", CONFIG.format(
            ingress=ingress, port=self.port, admin=self.admin, state=self.state, delays=json.dumps(list(delays)),
            package=BUILD / "runner-package", floor=floor, check_after=check_after, user=self._user(),
            github="".join(self.scope(name) for name in organisations),
            pools="".join(POOL.format(name=name, scope=scope, max=size, idle=idle)
                          for (name, scope), size in self.pools.items())))

    def scope(self, name):
        """The [[github]] of one organisation."""
        text = GITHUB.format(name=name, api=self.api, token=self.path / "token", secret=self.path / "secret",
                             port=self.port)
        if not self.app_key:
            return text
        token = next(line for line in text.splitlines(True) if line.startswith("token = "))
        return text.replace(token, APP.format(app=APP_ID, installation=self.installation(name), key=self.app_key))

    def installation(self, name):
        return 9000 + self.organisations.index(name)

    def github_options(self):
        """Further arguments of sim_github."""
        if not self.app_key:
            return []
        return [word for name in self.organisations
                for word in ("--app", f"{APP_ID}:{self.installation(name)}:{name}:{self.path}/app.pub")]

    def _make_app_key(self):
        self._write("app.pem", "")
        key = self.path / "app.pem"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", self.path / "app.pub"], check=True,
                       capture_output=True)
        return key

    def _user(self):
        # Jobs run as another user wherever that is possible.
        with contextlib.suppress(KeyError):
            if os.geteuid() == 0:
                return f'runner_user = "{pwd.getpwnam("nobody").pw_name}"'
        return ""

    def _write(self, name, text):
        file = self.path / name
        file.touch(mode=0o600)
        file.write_text(text)

    def _start_github(self):
        repositories = [f"{name}/{self.repository}" for name in self.organisations]
        command = [BUILD / "sim/github/sim_github", "--token", TOKEN, "--secret-file", self.path / "secret",
                   "--webhook-url", f"http://127.0.0.1:{self.port}/webhook"]
        for repository in repositories:
            command += ["--repository", repository]
        command += self.github_options()
        self.github = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=self.path)
        atexit.register(self.github.kill)  # where the rest of the world cannot be made
        ready = json.loads(self.github.stdout.readline())
        self.api, self.control = ready["url"], ready["control_url"]
        # A sweep a second would use up an hour's calls in minutes.
        self.sim("POST", "rules", {"accept_within_ms": 3000, "lost_after_ms": 6000, "offline_after_ms": 3000,
                                   "rate_limit": 1000000})

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        failed = kind is not None
        try:
            if failed:
                self._tell()
            self.stop()
            if not failed:
                self.check_nothing_is_left()
        finally:
            self.github.terminate()
            self.github.wait(timeout=20)
            self.github.stdout.close()
            for pid, _ in own_processes(str(self.path)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                self.directory.cleanup()

    def _tell(self):
        print("--- end of the server's log ---")
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
            print("\n".join([line for line in lines if '"level":"info"' not in line][-30:] + lines[-10:]))
        with contextlib.suppress(Exception):
            print("--- jobs ---", json.dumps(self.jobs())[:4000])
            print("--- runners ---", json.dumps(self.runners())[:4000])

    # The server.
    def start(self, wait=True):
        with open(self.log, "ab") as log:
            self.server = subprocess.Popen(
                [BUILD / "jitney", "serve", "--config", self.path / "jitney.toml"], stderr=log, stdout=log,
                cwd=self.path, env={**os.environ, **self.environment})
        if wait:
            until(self.healthy, 30, "the server's health")

    def healthy(self):
        if self.server.poll() is not None:
            raise AssertionError(f"the server ended with {self.server.returncode}:\n" + self.log.read_text()[-3000:])
        with contextlib.suppress(OSError):
            return request(f"http://127.0.0.1:{self.admin}/healthz", timeout=5)[0] == 200
        return False

    def kill(self):
        self.server.kill()
        self.server.wait()

    def stop(self):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(timeout=40)

    def jitney(self, *words, check=True):
        done = subprocess.run([BUILD / "jitney", *words, "--config", self.path / "jitney.toml"],
                              capture_output=True, text=True, cwd=self.path, check=False, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"jitney {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def get(self, path):
        status, body = request(f"http://127.0.0.1:{self.admin}/api/v1/{path}")
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body}")
        return body

    def jobs(self):
        return self.get("jobs?limit=1000")["jobs"]

    def runners(self):
        return self.get("runners")["runners"]

    def job(self, job_id):
        return self.get(f"jobs/{job_id}")

    # The simulated GitHub.
    def sim(self, method, path, body=None):
        status, answer = request(f"{self.control}/_sim/{path}", method, body if body is not None or method == "GET" else {})
        if status >= 300:
            raise AssertionError(f"{method} /_sim/{path}: {status} {answer}")
        return answer

    def world(self):
        return self.sim("GET", "state")

    def queue(self, jobs, organisation=None):
        """jobs: list of (label, steps) or dicts; answers nothing, jobs are found in world()."""
        organisation = organisation or self.organisations[0]
        specs = [job if isinstance(job, dict) else
                 {"name": f"job{i}", "labels": ["self-hosted", job[0]], "steps": job[1]} for i, job in enumerate(jobs)]
        self.sim("POST", "workflows", {"repository": f"{organisation}/{self.repository}", "jobs": specs})

    def github_jobs(self):
        return self.world()["jobs"]

    def all_completed(self, count):
        def done():
            jobs = self.github_jobs()
            return len(jobs) >= count and all(job["status"] == "completed" for job in jobs) and jobs
        return done

    def wait_completed(self, count, seconds=60, conclusion="success"):
        jobs = until(self.all_completed(count), seconds, f"the end of {count} jobs", 0.1)
        if conclusion:
            wrong = [(job["id"], job["conclusion"], job["annotation"]) for job in jobs if job["conclusion"] != conclusion]
            if wrong:
                raise AssertionError(f"jobs that did not end with {conclusion}: {wrong}")
        return jobs

    def registrations(self):
        return [runner for runner in self.world()["runners"] if runner["name"].startswith(f"{self.deployment}-")]

    def quiet(self):
        """No runner of ours anywhere, and the ledger agrees with GitHub about every job."""
        if self.registrations() or any(runner["phase"] != "gone" for runner in self.runners()):
            return False
        return not [job for job in self.jobs() if job["status"] != "completed" and not job.get("dead")
                    and job.get("pool")]

    def wait_quiet(self, seconds=40):
        until(self.quiet, seconds, "nothing left to do", 0.1)

    def check_nothing_is_left(self):
        left = [words for pid, words in own_processes(str(self.path)) if pid != self.github.pid]
        if left:
            raise AssertionError(f"processes left over: {left}")
        for folder in ("runners", "machines"):
            where = self.state / folder
            names = [entry.name for entry in where.iterdir() if entry.name != ".quarantine"] if where.exists() else []
            if names:
                raise AssertionError(f"left in {where}: {names}")


class Case(unittest.TestCase):
    maxDiff = None


def main():
    unittest.main(module="__main__", verbosity=2)
