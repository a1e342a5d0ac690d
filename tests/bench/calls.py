# SPDX-License-Identifier: Apache-2.0
"""How many calls a job costs, counted between the functions and what they call: the chain of the AWS shape, end to end.

usage: script/bench calls [--jobs 1 100] [--environments 5] [--boot 15] [--seconds 5]
Each number of jobs is one workflow run in a world of its own: webhooks, the five functions, moto, our Systems Manager,
the simulated GitHub, stand-in runners; one sweep at the end. Prints tables and, last, one JSON line.
"""
import argparse
import collections
import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("JITNEY_BUILD", str(ROOT / "build/dev"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from aws_cloud import envelope  # noqa: E402
from event_sources import Mapping  # noqa: E402
from lambda_world import LambdaWorld  # noqa: E402
from world import until  # noqa: E402

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
write_spacing = "0ms"
[[pool]]
name = "template_cpu"
max = 200
[pool.ec2]
instance_types = ["c6i.large", "c5.large"]
"""
SERVICES = {"DynamoDB": "DynamoDB", "AmazonSQS": "SQS", "AmazonSSM": "SSM", "EC2": "EC2", "S3": "S3", "github": "GitHub"}
FUNCTIONS = ("autoscaler", "create_runner", "stop_runner", "sweep")
COLUMNS = tuple(SERVICES.values())


class OneOfMany(Mapping):
    """A poller of a queue with a process of its own, as Lambda has several."""

    def __init__(self, world, queue, name, function):
        super().__init__(world, queue, name)
        self._function = function

    def _deliver(self, _, batches):
        return super()._deliver(self._function, batches)


class CountedWorld(LambdaWorld):
    """No schedule runs, and only machines of ours are told of."""

    def __init__(self, options):
        self._more = []
        super().__init__(sweeping=False)
        self.bridge.strangers = ()
        self.cloud.agents.boot = options.boot
        self.sim("POST", "rules", {"accept_within_ms": 60_000, "offline_after_ms": 60_000, "lost_after_ms": 120_000})
        for queue, name in ((self.cloud.create, "create_runner"), (self.cloud.stop, "stop_runner")):
            for _ in range(options.environments - 1):
                self._more.append((queue, OneOfMany(self, queue, name, self.another(name))))

    def _config(self, api):
        return CONFIG.format(aws=self.cloud.config(), api=api, port=self.port)

    def start(self, wait=True):
        super().start(wait)
        for _, mapping in self._more:
            self._sources.append(mapping)
            mapping.start()

    def _sent(self, queue, delay):
        super()._sent(queue, delay)
        for of, mapping in self._more:
            if of == queue:
                mapping.expect(delay)

    def sweep_once(self):
        self.functions["sweep"][0].invoke(json.loads(envelope("aws.events", "Scheduled Event", {})))

    def counted(self):
        """{function: {(service, operation): calls}}; what a start of a process asks for is not a job's."""
        counts = {name: collections.Counter() for name in FUNCTIONS}
        for call in list(self.vendors.calls):
            if call.vendor in SERVICES:
                counts[call.line.name][SERVICES[call.vendor], call.operation] += 1
        return counts

    def over(self):
        return (not self.cloud.instances("pending", "running", "shutting-down", "stopping") and not self.registrations()
                and self.cloud.waiting(self.cloud.create) + self.cloud.waiting(self.cloud.stop) == 0)


def live(jobs, options):
    """The calls of so many jobs, by function and operation, and how long it all took."""
    with CountedWorld(options) as world:
        began = time.monotonic()
        world.queue([("template_cpu", f"sleep {options.seconds}")] * jobs)
        world.wait_completed(jobs, 600 + 10 * jobs)
        until(world.over, 600, "the end of every machine", 1)
        took = time.monotonic() - began
        world.sweep_once()
        counts = world.counted()
        if world.failures:
            print(f"{len(world.failures)} invocations failed, the first: {world.failures[0]}", file=sys.stderr)
        if world.cloud.waiting(world.cloud.dead):
            sys.exit("there are dead letters")
        return counts, took


def show(jobs, counts, took):
    print(f"\n{jobs} job{'s' if jobs > 1 else ''} of one run, {took:.0f} s; calls a job, of the sweep in all")
    print(f"{'':16}" + "".join(f"{name:>10}" for name in COLUMNS) + f"{'AWS':>10}")
    totals = collections.Counter()
    for function in FUNCTIONS:
        share = 1 if function == "sweep" else jobs
        row = collections.Counter()
        for (service, _), calls in counts[function].items():
            row[service] += calls / share
        if function != "sweep":
            totals.update(row)
        print_row(function, row)
    print_row("all but sweep", totals)
    for function in FUNCTIONS:
        share = 1 if function == "sweep" else jobs
        told = sorted(counts[function].items(), key=lambda item: -item[1])
        print(f"  {function}: " + ", ".join(f"{name} {calls / share:.2f}" for (_, name), calls in told))
    return {"jobs": jobs, "per_job": {name: round(totals[name], 2) for name in COLUMNS},
            "aws_per_job": round(sum(totals.values()) - totals["GitHub"], 2)}


def print_row(name, row):
    print(f"{name:16}" + "".join(f"{row[column]:10.2f}" for column in COLUMNS)
          + f"{sum(row.values()) - row['GitHub']:10.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--environments", type=int, default=5, help="processes of each function that a queue wakes")
    parser.add_argument("--boot", type=float, default=15, help="seconds until a machine answers")
    parser.add_argument("--seconds", type=float, default=5, help="how long a job lasts")
    options = parser.parse_args()
    print(json.dumps([show(jobs, *live(jobs, options)) for jobs in options.jobs]))


if __name__ == "__main__":
    main()
