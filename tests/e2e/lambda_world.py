# SPDX-License-Identifier: Apache-2.0
"""The AWS shape on one machine: sim_github, moto, the five functions, and what wakes them.

Played here: API Gateway, event source mappings (receive counts, partial batch answers), EventBridge and schedules.
"""
import concurrent.futures
import http.server
import json
import os
import pathlib
import subprocess
import threading
import time

from aws_cloud import Cloud, envelope
from lambda_host import EmulatedFunction, Function, FunctionError, Quiet
from world import BUILD, SECRET, TOKEN, World, free_port

RIE = pathlib.Path(__file__).resolve().parents[2] / "build/rie/aws-lambda-rie"
CONFIG = """
deployment = "e2e"
ledger = "dynamodb"
fleet = "ec2"
{aws}
[[github]]
name = "acme"
url = "https://github.com/acme"
api_url = "{api}"
token = {{ secret = "e2e/token" }}
webhook_secret = {{ secret = "e2e/webhook" }}
webhook_url = "http://127.0.0.1:{port}/webhook"
write_spacing = "1ms"
[[pool]]
name = "template_cpu"
max = 8
[pool.ec2]
instance_types = ["c6i.large", "c5.large"]
[pool.deadlines]
batch = "20s"
boot = "20s"
start = "15s"
lease = "10s"
online = "10s"
idle = "60s"
surplus = "5s"
[retry]
delays = ["1s", "1s"]
[sweep]
interval = "2s"
orphan_grace = "4s"
check_after = "20s"
settle = "1s"
"""


class LambdaWorld(World):
    """Options: `environments` processes of each queue-driven function; `twice`: every batch is delivered twice at once;
    `emulated`: the autoscaler runs under AWS's emulator."""

    def __init__(self, environments=1, twice=False, emulated=False):
        super().__init__()
        self.cloud = Cloud(self.path, BUILD / "runner-package")
        self.cloud.keep_secret("e2e/token", TOKEN)
        self.cloud.keep_secret("e2e/webhook", SECRET)
        self.text = CONFIG.format(aws=self.cloud.config(), api=self.api, port=self.port)
        self._write("jitney.toml", self.text)
        self.twice, self.failures, self.stopping = twice, [], False
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=16)
        self.log = self.path / "functions.log"
        self._log = open(self.log, "ab")
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "JITNEY_"))},
                            **self.cloud.environment(), "JITNEY_CONFIG_TEXT": self.text}
        self.functions = {name: [self._function(name) for _ in range(count)] for name, count in (
            ("create_runner", environments), ("stop_runner", environments), ("move_jobs", 1), ("sweep", 1))}
        self.functions["autoscaler"] = [self._emulated("autoscaler") if emulated else self._function("autoscaler")]
        self._threads = []

    def _function(self, name):
        return Function(BUILD / "bootstrap", name, self.environment, self._log)

    def _emulated(self, name):
        return EmulatedFunction(RIE, BUILD / "bootstrap", name, self.environment, self._log, (free_port(), free_port()))

    # What wakes functions.
    def start(self, wait=True):
        world = self

        class Gateway(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                event = {"version": "2.0", "routeKey": "POST /webhook", "rawPath": self.path, "rawQueryString": "",
                         "headers": {k.lower(): v for k, v in self.headers.items()},
                         "requestContext": {"requestId": "e2e", "stage": "$default",
                                            "http": {"method": "POST", "path": self.path}},
                         "body": body, "isBase64Encoded": False}
                try:
                    answer = world.functions["autoscaler"][0].invoke(event)
                    status, text = answer["statusCode"], answer.get("body", "")
                except FunctionError as error:
                    world.failures.append(str(error))
                    status, text = 500, '{"message":"Internal Server Error"}'
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.gateway = Quiet(("127.0.0.1", self.port), Gateway)
        threading.Thread(target=self.gateway.serve_forever, daemon=True).start()
        for work in (self._sweep, self._watch_machines,
                     lambda: self._map(self.cloud.create, "create_runner"),
                     lambda: self._map(self.cloud.stop, "stop_runner")):
            thread = threading.Thread(target=self._until_stopped, args=(work,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _until_stopped(self, work):
        while not self.stopping:
            work()

    def _map(self, queue, name):
        """One poll of an event source mapping. Short polls: moto spends its time on long ones."""
        messages = self.cloud.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10,
                                                  AttributeNames=["All"]).get("Messages", [])
        if not messages:
            time.sleep(0.2)  # between two polls
            return
        event = {"Records": [{
            "messageId": m["MessageId"], "receiptHandle": m["ReceiptHandle"], "body": m["Body"],
            "attributes": m["Attributes"], "messageAttributes": {}, "md5OfBody": m["MD5OfBody"],
            "eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{name}",
            "awsRegion": "us-east-1"} for m in messages]}
        functions = self.functions[name]
        chosen = functions[:2] if self.twice else functions[:1]
        outcomes = list(self.pool.map(lambda f: self._deliver(f, event), chosen))
        failed = set.union(*outcomes)
        for m in messages:
            if m["MessageId"] not in failed:
                self.cloud.sqs.delete_message(QueueUrl=queue, ReceiptHandle=m["ReceiptHandle"])

    def _deliver(self, function, event):
        """The ids that failed."""
        try:
            answer = function.invoke(event)
        except FunctionError as error:
            self.failures.append(str(error))
            return {record["messageId"] for record in event["Records"]}
        return {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}

    def _sweep(self):
        time.sleep(2)  # its schedule
        try:
            self.functions["sweep"][0].invoke(json.loads(envelope("aws.events", "Scheduled Event", {})))
        except FunctionError as error:
            self.failures.append(str(error))

    def _watch_machines(self):
        """EventBridge: what changed since the last look, and a stranger's machine now and then."""
        time.sleep(0.4)  # between two looks
        seen, self._states = getattr(self, "_states", {}), self.cloud.instances()
        for machine, state in self._states.items():
            if seen.get(machine) != state:
                queue = self.cloud.create if state in ("pending", "running") else self.cloud.stop
                for one in (machine, "i-0aaaaaaaaaaaaaaaa"):
                    self.cloud.tell(queue, envelope("aws.ec2", "EC2 Instance State-change Notification",
                                                    {"instance-id": one, "state": state}))
                if state in ("shutting-down", "terminated"):
                    self.cloud.agents.machine_lost(machine)

    # The rest of a World.
    def stop(self):
        if self.stopping:
            return
        self.stopping = True
        for thread in self._threads:
            thread.join(timeout=30)
        self.gateway.shutdown()
        self.gateway.server_close()
        for functions in self.functions.values():
            for function in functions:
                function.close()
        self.pool.shutdown()
        self.cloud.close()
        self._log.close()

    def jitney(self, *words, check=True):
        """The same commands as on one machine, reading the ledger on AWS."""
        done = subprocess.run([BUILD / "jitney", *words, "--config", self.path / "jitney.toml"], capture_output=True,
                              text=True, cwd=self.path, check=False, timeout=60, env=self.environment)
        if check and done.returncode != 0:
            raise AssertionError(f"jitney {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def jobs(self):
        return json.loads(self.jitney("--output", "json", "jobs", "--all").stdout)["jobs"]

    def runners(self):
        return json.loads(self.jitney("--output", "json", "runners").stdout)["runners"]

    def metrics(self, name):
        """Lines of the embedded metric format."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{") and "_aws" in line]
        return [line for line in lines if name in line]
