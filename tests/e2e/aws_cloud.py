# SPDX-License-Identifier: Apache-2.0
"""AWS for the end-to-end tests: moto for what it can play, and a Systems Manager of ours for what it cannot.

moto has no DescribeInstanceInformation and no ListCommandInvocations, calls every command successful at once, and sends
no events. So SSM's calls come to `Agents` here: a command runs the stand-in runner, as runner/jitney-runner would.
"""
import contextlib
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/aws"))

from emulator import REGION, Moto  # noqa: E402
from world import own_processes  # noqa: E402

ROLE_ID = "AROAEXAMPLEEXAMPLE"


def envelope(source, kind, detail, resources=()):
    """As EventBridge puts it into a queue."""
    return json.dumps({"version": "0", "id": str(uuid.uuid4()), "detail-type": kind, "source": source,
                       "account": "123456789012", "time": "2026-11-28T12:00:00Z", "region": REGION,
                       "resources": list(resources), "detail": detail})


class Cloud:
    """What `terraform apply` would have made, empty."""

    def __init__(self, directory, package, moto=None):
        """moto: one of the caller's, and empty; else one of its own."""
        self.directory = pathlib.Path(directory)
        self._own = None if moto else Moto(log=self.directory / "moto.log")
        self.moto = moto or self._own
        self.sqs, self.ec2, self.s3 = (self.moto.boto(name) for name in ("sqs", "ec2", "s3"))
        self._make_table()
        self.dead = self._queue("e2e-dead")
        policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": self._arn(self.dead), "maxReceiveCount": 50})}
        self.create, self.stop = (self._queue(f"e2e-{name}", **policy) for name in ("create", "stop"))
        self.jit_bucket = "e2e-jit"
        self.s3.create_bucket(Bucket=self.jit_bucket)
        self.ec2.create_launch_template(LaunchTemplateName="template_cpu", LaunchTemplateData={
            "ImageId": "ami-12c6146b", "InstanceType": "c6i.large"})
        self.agents = Agents(self, package)

    def close(self):
        self.agents.close()
        if self._own:
            self._own.close()

    def _make_table(self):
        text = (ROOT / "docs/formats.md").read_text()
        definition = json.loads(re.search(r'```json\n(\{"TableName".*?)\n```', text, re.DOTALL)[1])
        self.moto.boto("dynamodb").create_table(**{**definition, "TableName": "e2e-ledger"})

    def _queue(self, name, **attributes):
        return self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "20", **attributes})["QueueUrl"]

    def _arn(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def left(self, url):
        """What lies in a queue, for whoever reads why a test failed."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        got = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        return {k: v for k, v in attributes.items() if "NumberOf" in k and v != "0"}, [m["Body"] for m in got]

    def keep_secret(self, name, value):
        self.moto.boto("secretsmanager").create_secret(Name=name, SecretString=value)

    def environment(self):
        return {**self.moto.environment(), "AWS_ENDPOINT_URL_SSM": self.agents.url}

    def config(self):
        """[aws] and [ec2] of jitney.toml."""
        return (f'[aws]\nregion = "{REGION}"\ntable = "e2e-ledger"\nqueue_url = "{self.create}"\n'
                f'stop_queue_url = "{self.stop}"\ndead_letter_queue_url = "{self.dead}"\nbucket = "{self.jit_bucket}"\n'
                f'[ec2]\nrunner_script = "s3://e2e-runner/jitney-runner"\nmachine_role_id = "{ROLE_ID}"\n')

    def instances(self, *states):
        """{id: state} of all, or of those in one of the states."""
        found = {machine["InstanceId"]: machine["State"]["Name"] for machine in self.machines()}
        return {i: s for i, s in found.items() if not states or s in states}

    def machines(self):
        """Whatever EC2 says of them, those that are gone too."""
        return [i for r in self.ec2.describe_instances()["Reservations"] for i in r["Instances"]]

    def open_spot_requests(self):
        """The machines whose requests may still make another."""
        requests = self.ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
        return [r.get("InstanceId") for r in requests if r["State"] in ("open", "active")]

    def next_launch_number(self, pool):
        """What the pool's row in the ledger says."""
        rows = self.moto.boto("dynamodb").scan(TableName="e2e-ledger")["Items"]
        (row,) = [row for row in rows if row["sk"]["S"] == f"pool#{pool}"]
        return int(row["next_number"]["N"])

    def waiting(self, url, delayed=True):
        """How many messages; delayed: also those that are to come later."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        if delayed:
            names.append("ApproximateNumberOfMessagesDelayed")
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)


class Agents:
    """Systems Manager and the machines' agents: each machine runs one runner, whatever commands come."""

    def __init__(self, cloud, package):
        self._cloud, self._package = cloud, pathlib.Path(package)
        self._lock = threading.Lock()
        self._commands = {}  # by machine: list of dicts
        self._begun = {}  # what each machine's runners were begun with
        self._codes = {}  # of runners that ended, by machine
        self._seen = {}  # when each was first asked for
        self.boot = 0  # seconds from then until its agent answers
        self._silent = set()  # machines whose agent never comes up
        self.silent_next = 0  # so many more of them will be
        self.tell = lambda queue, body: None  # where EventBridge puts what it says
        self._threads = []
        self._listeners = {}
        self.calls = []
        self.closing = False
        agents = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].split(".")[-1]
                status, answer = agents.answer(operation, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("x-amzn-RequestId", "e2e")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True, args=(0.05,)).start()

    def close(self):
        self.closing = True
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener.kill()
        for thread in self._threads:
            thread.join(timeout=10)

    def answer(self, operation, body):
        with self._lock:
            self.calls.append(operation)
        known = {"DescribeInstanceInformation": self._describe, "SendCommand": self._send,
                 "ListCommandInvocations": self._invocations}
        if operation not in known:
            return 400, {"__type": "UnknownOperationException", "message": operation}
        return known[operation](body)

    def _describe(self, body):
        asked = next(f["Values"] for f in body["Filters"] if f["Key"] == "InstanceIds")
        running = self._cloud.instances("running")
        with self._lock:
            for machine in asked:
                if machine in running and machine not in self._seen:
                    self._seen[machine] = time.monotonic()
                    if self.silent_next > 0:
                        self.silent_next -= 1
                        self._silent.add(machine)
            booted = time.monotonic() - self.boot
            up = [i for i in asked if i in running and i not in self._silent and self._seen[i] <= booted]
        return 200, {"InstanceInformationList": [{"InstanceId": i, "PingStatus": "Online"} for i in up]}

    def _send(self, body):
        (machine,) = body["InstanceIds"]
        if machine not in self._cloud.instances("running"):
            return 400, {"__type": "InvalidInstanceId", "message": "not here"}
        line = body["Parameters"]["commandLine"][0]
        bucket, key = re.search(r"--jit s3://([^/]+)/(\S+)", line).groups()
        command = {"CommandId": str(uuid.uuid4()), "InstanceId": machine, "Status": "InProgress", "code": None}
        with self._lock:
            first = machine not in self._commands
            self._commands.setdefault(machine, []).append(command)
            ended = self._codes.get(machine)
        if ended is not None:  # the script finds that its runner is over
            command.update(Status="Success" if ended == 0 else "Failed", code=ended)
            self._say([command])
        if first:
            thread = threading.Thread(target=self._run, args=(machine, bucket, key), daemon=True)
            self._threads.append(thread)
            thread.start()
        return 200, {"Command": {"CommandId": command["CommandId"]}}

    def _run(self, machine, bucket, key):
        jit = self._cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        self._cloud.s3.delete_object(Bucket=bucket, Key=key)
        root = self._cloud.directory / machine
        # Not by a thread of ours: a process that another thread begins just then would hold the program open for writing.
        subprocess.run(["cp", "-r", self._package, root], check=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "JITNEY_"))}
        self._begun.setdefault(machine, []).append(key)
        with open(root / "output", "wb") as output:
            listener = subprocess.Popen([root / "bin/Runner.Listener", "run"], stdout=output, stderr=output, cwd=root,
                                        env={**environment, "ACTIONS_RUNNER_INPUT_JITCONFIG": jit})
            with self._lock:
                self._listeners[machine] = listener
            code = listener.wait()
        with self._lock:
            self._codes[machine] = code
            ended = [c for c in self._commands[machine] if c["Status"] == "InProgress"]
            for command in ended:
                command.update(Status="Success" if code == 0 else "Failed", code=code)
        self._say(ended)

    def time_out(self, machine):
        """Systems Manager gives the machine's commands up; what they started goes on."""
        with self._lock:
            late = [c for c in self._commands[machine] if c["Status"] == "InProgress"]
            for command in late:
                command["Status"] = "TimedOut"
        self._say(late)

    def _say(self, commands):
        for command in commands:
            if not self.closing:
                self.tell(self._cloud.stop, envelope(
                    "aws.ssm", "EC2 Command Invocation Status-change Notification",
                    {"command-id": command["CommandId"], "document-name": "AWS-RunRemoteScript",
                     "instance-id": command["InstanceId"], "requested-date-time": "2026-11-28T12:00:00Z",
                     "status": command["Status"]}))

    def _invocations(self, body):
        with self._lock:
            commands = [dict(c) for c in self._commands.get(body["InstanceId"], [])]
        return 200, {"CommandInvocations": [{
            "CommandId": c["CommandId"], "InstanceId": c["InstanceId"], "Status": c["Status"],
            "StatusDetails": c["Status"], "CommandPlugins": [{
                "Name": "runShellScript", "Status": c["Status"],
                "ResponseCode": -1 if c["code"] is None else c["code"]}]} for c in commands]}

    def runners_started(self, machine):
        """How many, by the registrations that were begun with."""
        return len(self._begun.get(machine, []))

    def machine_lost(self, machine):
        """Its processes die with it, what the job began too."""
        for pid, _ in own_processes(f"{self._cloud.directory}/{machine}/"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
