# SPDX-License-Identifier: Apache-2.0
"""The autoscaler of `bootstrap` beside the same function for Python and for Node: start, answers, memory.

usage: script/bench lambda [--rounds 9] [--warm 100]
Three paths: a ping (answer only); a queued job with an AWS that answers at once; the same with moto. Rounds are
interleaved; prints medians and, last, one JSON line. Compare figures within one run only.
"""
import argparse
import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOME = ROOT / "build/bench"
SECRET = "bench-webhook-secret-0123456789abcdef"
QUEUE = "bench-queue"
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/aws")]
import node  # noqa: E402
from emulator import KEYS, REGION, Moto, ledger_table  # noqa: E402
from stand_ins import InstantAws, RuntimeApi  # noqa: E402

CONFIG = """
deployment = "bench"
ledger = "dynamodb"
fleet = "ec2"
[aws]
region = "{region}"
table = "{table}"
queue_url = "{queue}"
stop_queue_url = "{queue}-stop"
dead_letter_queue_url = "{queue}-dead"
bucket = "bench-jit"
[ec2]
runner_script = "s3://bench-runner/jitney-runner"
machine_role_id = "AROAEXAMPLEEXAMPLE"
[[github]]
name = "bench"
url = "https://github.com/{owner}"
token = {{ secret = "bench/token" }}
webhook_secret = {secret}
[[pool]]
name = "bench"
max = 8
[pool.ec2]
instance_types = ["c6i.large"]
"""
PATHS = ("ping", "instant", "moto")


class Payloads:
    """GitHub's own example of a queued job, with an id of its own each time, and of a ping; signed, as API Gateway
    hands them over."""

    def __init__(self):
        found = {}
        for each in node.examples():
            payload = json.loads(each["body"])
            if each["event"] == "ping":
                found.setdefault("ping", payload)
            if each["event"] == "workflow_job" and payload["action"] == "queued":
                found.setdefault("job", payload)
        found["job"]["workflow_job"]["labels"] = ["self-hosted", "bench"]
        self.owner = found["job"]["repository"]["full_name"].split("/")[0]
        self.size = len(json.dumps(found["job"]))
        self._found, self._next = found, 1_000_000_001

    def event(self, path):
        kind = "ping" if path == "ping" else "job"
        payload = self._found[kind]
        if kind == "job":
            payload["workflow_job"]["id"] = self._next
            self._next += 1
        body = json.dumps(payload)
        signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-github-event": "ping" if kind == "ping" else "workflow_job",
                   "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
                   "x-hub-signature-256": "sha256=" + signature, "user-agent": "GitHub-Hookshot/0000000"}
        return json.dumps({"version": "2.0", "routeKey": "POST /webhook", "rawPath": "/webhook", "rawQueryString": "",
                           "headers": headers, "requestContext": {"requestId": "bench", "stage": "$default", "http": {
                               "method": "POST", "path": "/webhook"}}, "body": body, "isBase64Encoded": False}).encode()


class Subject:
    """One of the three functions: how its process is started."""

    def __init__(self, name, command, environment):
        self.name, self.command, self.environment = name, [str(word) for word in command], environment


def subjects(zip_path, owner):
    task = HOME / "task"
    with zipfile.ZipFile(zip_path) as package:
        package.extractall(task)
    (task / "bootstrap").chmod(0o755)

    def jitney(aws):
        secret = '{ env = "WEBHOOK_SECRET" }' if "WEBHOOK_SECRET" in aws else '{ secret = "bench" }'
        return {"LAMBDA_TASK_ROOT": str(task), "_HANDLER": "autoscaler", "JITNEY_CONFIG_TEXT": CONFIG.format(
            region=REGION, table=aws["TABLE"], queue=aws["QUEUE_URL"], owner=owner, secret=secret)}

    return [Subject("jitney", [task / "bootstrap"], jitney),
            Subject("python", [os.path.realpath(sys.executable), "-S", "-m", "awslambdaric", "handler.handler"],
                    lambda _: {"PYTHONPATH": str(HOME / "python"), "LAMBDA_TASK_ROOT": str(HOME / "python")}),
            Subject("node", [shutil.which("node"), HOME / "node/function.mjs"], lambda _: {})]


class Process:
    """One environment of a function, from its start to its end."""

    def __init__(self, subject, aws, log):
        self.api = RuntimeApi()
        environment = {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.api.port}", **aws,
                       **subject.environment(aws)}
        actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                   (os.POSIX_SPAWN_DUP2, 1, 2)]
        self.began = time.perf_counter()
        self.pid = os.posix_spawnp(subject.command[0], subject.command, environment, file_actions=actions)
        self._ended = False

    def alive(self):
        if not self._ended:
            self._ended = os.waitpid(self.pid, os.WNOHANG)[0] != 0
        return not self._ended

    def peak_mib(self):
        return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1]) / 1024

    def cpu_ms(self):
        """As the scheduler counts it, not in ticks."""
        return sum(int(pathlib.Path(f"/proc/{self.pid}/task/{task}/schedstat").read_text().split()[0])
                   for task in os.listdir(f"/proc/{self.pid}/task")) / 1e6

    def close(self):
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._ended = True
        self.api.close()


def measure(subject, path, aws, options, payloads, log):
    process = Process(subject, aws, log)
    try:
        statuses = (200,) if path == "ping" else (202,)

        def invoke():
            at, took, answer = process.api.invoke(payloads.event(path), process.alive)
            if answer["statusCode"] not in statuses:
                raise RuntimeError(f"answered {answer}")
            return at, took * 1000

        at, _ = invoke()
        result = {"cold": (at - process.began) * 1000, "init": (process.api.asked.get() - process.began) * 1000,
                  "peak_first": process.peak_mib()}
        for _ in range(10):  # caches and compilers of theirs
            invoke()
        before = process.cpu_ms()
        warm = sorted(invoke()[1] for _ in range(options.warm))
        result["cpu"] = (process.cpu_ms() - before) / options.warm
        result.update(p50=statistics.median(warm), p99=warm[min(len(warm) - 1, int(len(warm) * 0.99))],
                      peak=process.peak_mib())
        return result
    except RuntimeError as error:
        sys.exit(f"{subject.name}, {path}: {error}; {log} has what it wrote")
    finally:
        process.close()


class Aws:
    """What a function is told of AWS, anew for each process: moto's time depends on what its table holds."""

    def __init__(self, moto):
        self._moto, self._made = moto, 0
        self.instant = InstantAws("bench", SECRET)
        moto.boto("secretsmanager").create_secret(Name="bench", SecretString=SECRET)
        self._queue = moto.boto("sqs").create_queue(QueueName=QUEUE)["QueueUrl"]
        self._dynamodb = moto.boto("dynamodb")
        self.table = "bench"

    def environment(self, path):
        told = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": KEYS[0],
                "AWS_SECRET_ACCESS_KEY": KEYS[1], "AWS_EC2_METADATA_DISABLED": "true", "TABLE": "bench",
                "QUEUE_URL": self._queue}
        if path == "moto":
            self._made += 1
            self.table = f"bench-{self._made}"
            self._dynamodb.create_table(**{**ledger_table(), "TableName": self.table})
            return {**told, "AWS_ENDPOINT_URL": self._moto.url, "TABLE": self.table, "WEBHOOK_SECRET_NAME": "bench"}
        if path == "instant":
            # The SDK for JavaScript sends to the host of the queue's address, whatever the endpoint is.
            here = f"http://127.0.0.1:{self.instant.port}"
            return {**told, "AWS_ENDPOINT_URL": here, "QUEUE_URL": self._queue.replace(self._moto.url, here),
                    "WEBHOOK_SECRET_NAME": "bench"}
        return {**told, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "WEBHOOK_SECRET": SECRET}

    def stored(self):
        """How many jobs the table of the last process holds; it is dropped."""
        found = self._dynamodb.scan(TableName=self.table, Select="COUNT", FilterExpression="sk = :row",
                                    ExpressionAttributeValues={":row": {"S": "row"}})["Count"]
        self._dynamodb.delete_table(TableName=self.table)
        return found


def check_same_work(subject, aws, payloads, log):
    """The names of the calls of one start and one job."""
    aws.instant.operations.clear()
    process = Process(subject, aws.environment("instant"), log)
    try:
        process.api.invoke(payloads.event("instant"), process.alive)
    finally:
        process.close()
    return list(aws.instant.operations)


def run(options, payloads, log):
    with Moto(log=HOME / "logs/moto.log") as moto:
        aws = Aws(moto)
        measured = subjects(options.zip, payloads.owner)
        works = {subject.name: check_same_work(subject, aws, payloads, log) for subject in measured}
        if len({tuple(work) for work in works.values()}) != 1:
            sys.exit(f"they do not do the same work: {works}")
        results = {(path, subject.name): [] for path in PATHS for subject in measured}
        for round_ in range(options.rounds):
            for path in PATHS:
                for subject in measured[round_ % 3:] + measured[:round_ % 3]:
                    result = measure(subject, path, aws.environment(path), options, payloads, log)
                    results[path, subject.name].append(result)
                    if path == "moto" and aws.stored() != options.warm + 11:
                        sys.exit(f"{subject.name}: not every job was stored")
            print(f"round {round_ + 1} of {options.rounds}", file=sys.stderr)
        aws.instant.close()
        return works["jitney"], results


def show(payloads, options, work, results):
    keys = ("cold", "init", "p50", "p99", "cpu", "peak_first", "peak")
    print(f"{payloads.size} bytes a webhook; medians of {options.rounds} interleaved rounds, {options.warm} warm "
          f"invocations each; ratios of each round to jitney's, medians\ncalls of a start and a job: {', '.join(work)}")
    medians = {}
    for path in PATHS:
        print(f"{path:14}{'cold ms':>9}{'ratio':>7}{'init ms':>9}{'p50 ms':>9}{'ratio':>7}{'p99 ms':>9}{'CPU ms':>9}"
              f"{'MiB first':>10}{'MiB peak':>9}{'ratio':>7}")
        for name in ("jitney", "python", "node"):
            rounds, base = results[path, name], results[path, "jitney"]
            row = {key: statistics.median(r[key] for r in rounds) for key in keys}
            for key in ("cold", "p50", "peak"):
                row[key + "_ratio"] = statistics.median(r[key] / b[key] for r, b in zip(rounds, base, strict=True))
            medians[f"{path} {name}"] = {key: round(value, 3) for key, value in row.items()}
            print(f"  {name:12}{row['cold']:9.1f}{row['cold_ratio']:7.1f}{row['init']:9.1f}{row['p50']:9.2f}"
                  f"{row['p50_ratio']:7.1f}{row['p99']:9.2f}{row['cpu']:9.3f}{row['peak_first']:10.1f}"
                  f"{row['peak']:9.1f}{row['peak_ratio']:7.1f}")
    print(json.dumps(medians))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=100)
    parser.add_argument("--zip", required=True, help="what script/package made; script/bench fills it in")
    options = parser.parse_args()
    subprocess.run([HERE / "peers/install"], check=True, timeout=900)
    log = HOME / "logs/functions.log"
    log.unlink(missing_ok=True)
    payloads = Payloads()
    show(payloads, options, *run(options, payloads, log))


if __name__ == "__main__":
    main()
