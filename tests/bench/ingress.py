# SPDX-License-Identifier: Apache-2.0
"""Webhooks a second: the same listener durable and without any storage, in turn, under wrk with signed bodies.

usage: script/bench ingress [--rounds 3] [--seconds 8] [--connections 64]
Prints a table and, last, one JSON line. Figures are compared within one run only: wrk shares the machine.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build/release"
SECRET = "bench-webhook-secret-0123456789abcdef"
sys.path.insert(0, str(ROOT / "tests/e2e"))
import node  # noqa: E402


def body():
    """GitHub's own example of a queued job, of a pool that the servers have."""
    queued = [json.loads(each["body"]) for each in node.examples() if each["event"] == "workflow_job"]
    payload = next(each for each in queued if each["action"] == "queued")
    payload["workflow_job"].update(id="__ID__", labels=["self-hosted", "bench"])
    return json.dumps(payload).replace('"__ID__"', "__ID__")


class Server:
    def __init__(self, storage, directory):
        self.directory = directory
        self.process = subprocess.Popen([BUILD / "tests/bench/ingress_bench_server", storage, directory, SECRET],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def end(self):
        metrics, _ = self.process.communicate("", timeout=60)
        return metrics


def load(server, options, text, first):
    environment = {**os.environ, "BENCH_BODY": text, "BENCH_SECRET": SECRET, "BENCH_FIRST": str(first)}
    before = server.cpu_seconds()
    done = subprocess.run(["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--timeout", "10s", "-s",
                           HERE / "webhooks.lua", f"http://127.0.0.1:{server.port}/webhook"],
                          capture_output=True, text=True, check=True, env=environment, timeout=options.seconds + 60)
    result = json.loads(done.stdout.strip().splitlines()[-1])
    result["per_second"] = result["requests"] / (result["duration_us"] / 1e6)
    result["cpu_us"] = (server.cpu_seconds() - before) * 1e6 / result["requests"]
    result["memory_mib"] = server.memory_mib()
    return result


def one(storage, options, text):
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        server = Server(storage, directory)
        result = load(server, options, text, 1_000_000_000)
        metrics = server.end()
        if result["refused"] or result["broken"]:
            sys.exit(f"{storage}: {result['refused']} refused, {result['broken']} broken")
        if storage == "sqlite":
            sum_, count = (float(re.search(rf"jitney_ingress_group_requests_{name} (\S+)", metrics)[1])
                           for name in ("sum", "count"))
            result["group"] = sum_ / count
            with sqlite3.connect(f"{directory}/jitney.db") as database:
                rows = database.execute("SELECT count(*) FROM jobs").fetchone()[0]
            # Those that were answered are there; a few more were stored while wrk was stopping.
            if not result["requests"] <= rows <= result["requests"] + options.connections:
                sys.exit(f"{result['requests']} answered, {rows} stored")
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--directory", default=str(BUILD), help="where the databases lie: its disk is measured too")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("needs wrk: script/setup --dev")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(body())
        file.flush()
        size = os.path.getsize(file.name)
        results = {"none": [], "sqlite": []}
        for round_ in range(options.rounds):
            for storage in results if round_ % 2 == 0 else reversed(results):
                results[storage].append(one(storage, options, file.name))
                print(f"round {round_ + 1} {storage:6} {results[storage][-1]['per_second']:8.0f}/s", file=sys.stderr)
    keys = ("per_second", "p50_us", "p90_us", "p99_us", "max_us", "cpu_us", "memory_mib")
    medians = {storage: {key: statistics.median(each[key] for each in rounds) for key in keys}
               for storage, rounds in results.items()}
    medians["sqlite"]["group"] = statistics.median(each["group"] for each in results["sqlite"])
    ratios = [durable["per_second"] / bare["per_second"]
              for durable, bare in zip(results["sqlite"], results["none"], strict=True)]
    print(f"{options.connections} connections, {size} bytes a webhook, {options.rounds} rounds of {options.seconds} s")
    print(f"{'':8}{'req/s':>9}{'p50 ms':>9}{'p90 ms':>9}{'p99 ms':>9}{'max ms':>9}{'CPU us':>9}{'MiB':>7}{'group':>7}")
    for storage, name in (("none", "no store"), ("sqlite", "durable")):
        row = medians[storage]
        print(f"{name:8}{row['per_second']:9.0f}{row['p50_us'] / 1000:9.2f}{row['p90_us'] / 1000:9.2f}"
              f"{row['p99_us'] / 1000:9.2f}{row['max_us'] / 1000:9.1f}{row['cpu_us']:9.1f}{row['memory_mib']:7.0f}"
              f"{row.get('group', 0):7.1f}")
    print(json.dumps({"ratio": round(statistics.median(ratios), 3), "ratios": [round(ratio, 3) for ratio in ratios],
                      **medians}))


if __name__ == "__main__":
    main()
