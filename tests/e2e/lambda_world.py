# SPDX-License-Identifier: Apache-2.0
"""The AWS shape on one machine: sim_github, moto, the five functions of `bootstrap`, and what wakes them.

Between functions and vendors stand the lines of vendor_line.py, where a test sees every call and may spoil it.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess

from aws_cloud import Cloud, envelope
from event_sources import EventBridge, Gateway, Mapping, Schedule
from lambda_host import EmulatedFunction, Function, FunctionError
from vendor_line import GITHUB, Line, Vendors
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
batch = "{batch}"
boot = "{boot}"
start = "15s"
lease = "{lease}"
online = "10s"
idle = "60s"
surplus = "{surplus}"
[retry]
delays = {delays}
[sweep]
interval = "{interval}"
orphan_grace = "{orphan_grace}"
check_after = "20s"
settle = "1s"
"""
# The interval is longer than the schedule's, so that on a slow computer no sweep takes itself for one after a long sleep.
TIMES = {"batch": "20s", "boot": "20s", "lease": "3s", "surplus": "5s", "interval": "15s", "orphan_grace": "4s",
         "delays": ["1s", "1s"]}


class LambdaWorld(World):
    """Options: `how` batches come to functions (Mapping); `emulated`: what webhooks and queues wake runs under AWS's
    emulator; `sweep_every`; `sweeping`: the schedule is on from the start; `moto`: one that is there already, empty; and
    the times in TIMES."""

    def __init__(self, how="once", emulated=False, sweep_every=2, sweeping=True, moto=None, **times):
        super().__init__()
        self.cloud = self._cloud(moto)
        times = {**TIMES, **times}
        self._times = {**times, "delays": json.dumps(times["delays"])}
        self._write("jitney.toml", self._config(self.api))
        self.failures, self.stopping = [], False  # what invocations ended with that did not end well
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=4)
        self.log = self.path / "functions.log"
        self._log = open(self.log, "ab")
        self.cloud.agents.tell = self.tell
        self.bridge, self.schedule = EventBridge(self), Schedule(self, sweep_every)
        if sweeping:
            self.schedule.allowed.set()
        self.mappings = {self.cloud.create: Mapping(self, self.cloud.create, "create_runner", how),
                         self.cloud.stop: Mapping(self, self.cloud.stop, "stop_runner", how)}
        self.vendors = Vendors(self.cloud.moto.url, self.cloud.agents.url, self.api, self._sent, self.bridge.look)
        self._lines = []
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "JITNEY_"))}
        many = 1 if how == "once" else 2
        self.functions = {name: [self._function(name, emulated and name != "sweep") for _ in range(count)]
                          for name, count in (("autoscaler", 1), ("create_runner", many), ("stop_runner", many),
                                              ("move_jobs", 1), ("sweep", 1))}

    def _cloud(self, moto):
        cloud = Cloud(self.path, BUILD / "runner-package", moto)
        cloud.keep_secret("e2e/token", TOKEN)
        cloud.keep_secret("e2e/webhook", SECRET)
        return cloud

    def _start_github(self):
        self.gateway = Gateway(self)
        self.port = self.gateway.port
        super()._start_github()

    def _config(self, api):
        return CONFIG.format(aws=self.cloud.config(), api=api, port=self.port, **self._times)

    def _function(self, name, emulated):
        line = Line(self.vendors, name)
        self._lines.append(line)
        environment = {**self._environment, **self.cloud.moto.environment(), "AWS_ENDPOINT_URL": line.url,
                       "JITNEY_CONFIG_TEXT": self._config(line.url + GITHUB)}
        if emulated:
            made = EmulatedFunction(RIE, BUILD / "bootstrap", name, environment, self._log, (free_port(), free_port()))
        else:
            made = Function(BUILD / "bootstrap", name, environment, self._log, self.path)
        line.function = made
        return made

    def another(self, name):
        """One more process of a function, that no mapping knows."""
        self.functions[name].append(self._function(name, False))
        return self.functions[name][-1]

    def start(self, wait=True):
        self._sources = [self.gateway, self.bridge, self.schedule, *self.mappings.values()]
        for source in self._sources:
            source.start()

    def stop(self):
        if self.stopping:
            return
        self.stopping = True
        self.vendors.pass_all()
        for source in self._sources:
            source.close()
        for functions in self.functions.values():
            for function in functions:
                function.close()
        for line in self._lines:
            line.close()
        self.pool.shutdown()
        self.cloud.close()
        self._log.close()

    # What happens to queues and machines.
    def _sent(self, queue, delay):
        if queue in self.mappings:
            self.mappings[queue].expect(delay)

    def tell(self, queue, body):
        self.cloud.sqs.send_message(QueueUrl=queue, MessageBody=body)
        self._sent(queue, 0)

    def invoke(self, name, event):
        """As a schedule does: what goes wrong is only noted. The answer, or None."""
        try:
            return self.functions[name][0].invoke(event)
        except FunctionError as error:
            self.failures.append(str(error))
            return None

    def interrupt(self, machine):
        """Spot's word that it takes the machine back in two minutes."""
        self.tell(self.cloud.stop, envelope("aws.ec2", "EC2 Spot Instance Interruption Warning",
                                            {"instance-id": machine, "instance-action": "terminate"}))

    def lose_machine(self, machine):
        """It goes, whoever wants it."""
        self.cloud.ec2.terminate_instances(InstanceIds=[machine])
        self.bridge.look()

    # The rest of a World.
    def jitney(self, *words, check=True):
        """The same commands as on one machine, reading the ledger on AWS."""
        done = subprocess.run([BUILD / "jitney", *words, "--config", self.path / "jitney.toml"], capture_output=True,
                              text=True, cwd=self.path, check=False, timeout=60,
                              env={**self._environment, **self.cloud.environment()})
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

    def claimed(self):
        """How many runners were claimed in all."""
        return sum(sum(line["RunnersClaimed"]) for line in self.metrics("RunnersClaimed"))
