# SPDX-License-Identifier: Apache-2.0
"""Which calls to AWS each function of Lambda can come to make, read from the sources.

A function of the core calls ports; a port's method is one of an adapter, which calls AWS. Both ways are followed by name through
function bodies. Where a name could mean two things, both are followed: rather one call too many, which a test then shows, than one
too few.
"""
import pathlib
import re

# What wakes each function of Lambda, as functions of the core (apps/lambda/host.cpp, batch.cpp and machine_events.cpp).
ROOTS = {
    "autoscaler": ["autoscaler"],
    "create_runner": ["create_runner", "check_job", "check_run"],
    "stop_runner": ["stop_runner", "runner_ended"],
    "move_jobs": ["move_jobs"],
    "sweep": ["sweep", "poll"],
}
# What the shell around the core calls itself, as port and method (apps/lambda; apps/host/settle.cpp for a message that failed).
SHELL = {
    "autoscaler": {("queue", "push")},
    "create_runner": {("queue", "push"), ("queue", "retry"), ("queue", "bury"), ("ledger", "runner_on")},
    "stop_runner": {("queue", "push"), ("queue", "retry"), ("queue", "bury"), ("ledger", "runner_on"), ("fleet", "find")},
    "move_jobs": {("queue", "note_deaths")},
    "sweep": {("queue", "dead_letters")},
}
ADAPTER = {"ledger": "DynamoLedger", "queue": "SqsQueue", "fleet": "Ec2Fleet"}

BEGINNING = re.compile(r"(?![\s#}/]|namespace|using|struct|enum|constexpr|static_assert|template <)")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)\'')
CLASS = re.compile(r"class (\w+)")
NAME = re.compile(r"([A-Za-z_]\w*(?:::[A-Za-z_~]\w*)*)\(")
CALL = re.compile(r"(?:(\w+)(?:\.|->))?\b([A-Za-z_]\w*)\(")
PORT = re.compile(r"\b(ledger|queue|fleet)\.(\w+)\(")
MEMBER = re.compile(r"^\s+(?:const )?(\w+)&? (\w+_);", re.MULTILINE)
OPERATION = re.compile(r'Service::(\w+),\s*"(\w+)"')
S3 = re.compile(r'\bs3\(\s*"(\w+)"')


def chunks(text):
    """What begins in the first column, up to where its braces close."""
    chunk, depth = [], 0
    for line in text.splitlines():
        if not chunk and not (line and BEGINNING.match(line)):
            continue
        chunk.append(line)
        bare = STRING.sub("", line)
        depth += bare.count("{") - bare.count("}")
        if depth == 0 and bare.rstrip().endswith(("}", ";")):
            yield "\n".join(chunk)
            chunk = []


class Sources:
    """Function bodies below one folder, by file and name."""

    def __init__(self, folder):
        self.bodies = {}  # (file, name) -> [body]: overloads share a name
        self.by_name = {}
        self.members = {}
        for path in sorted(folder.glob("*.?pp")):
            # What `jitney doctor` looks at is no function's: a person's credentials ask.
            if "_test" in path.name or path.name.startswith("survey"):
                continue
            text = re.sub(r"//[^\n]*", "", path.read_text())
            self.members |= {name: kind for kind, name in MEMBER.findall(text)}
            if path.suffix != ".cpp":
                continue
            for chunk in chunks(text):
                # A class that is private to its file is one body, which runs where its name stands.
                named = CLASS.match(chunk) or NAME.search(chunk)
                if named and "{" in chunk:
                    self.bodies.setdefault((path.name, named[1]), []).append(chunk[named.end():])
                    self.by_name.setdefault(named[1], set()).add(path.name)

    def find(self, name, near=None):
        """Where a function of that name may be: in the same file if it is there, else anywhere."""
        files = self.by_name.get(name, set())
        return [(near, name)] if near in files else [(file, name) for file in sorted(files)]

    def reachable(self, start):
        """Bodies that may run once `start`, a list of (file, name), does."""
        seen, waiting = set(), list(start)
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            file, name = here
            owner = name.rpartition("::")[0]
            for body in self.bodies[here]:
                for receiver, called in CALL.findall(body):
                    if receiver in self.members:
                        waiting += self.find(f"{self.members[receiver]}::{called}")
                    elif not receiver:
                        waiting += self.find(f"{owner}::{called}") if owner else []
                        waiting += self.find(called, file)
                waiting += [(file, word) for word in re.findall(r"\b[A-Z]\w+\b", body) if (file, word) in self.bodies]
        return [body for where in seen for body in self.bodies[where]]


def operations(bodies):
    found = {pair for body in bodies for pair in OPERATION.findall(body)}
    return found | {("s3", method) for body in bodies for method in S3.findall(body)}


def ports_of(core, function):
    start = [where for root in ROOTS[function] for where in core.find(root)]
    if len({name for _, name in start}) != len(ROOTS[function]):
        raise LookupError(f"core/ has not all of {ROOTS[function]}")
    return {pair for body in core.reachable(start) for pair in PORT.findall(body)} | SHELL[function]


def calls(root):
    """By function of Lambda: the (service, operation) pairs that it may come to call."""
    core, aws = Sources(root / "core"), Sources(root / "aws")
    found = {}
    for function in ROOTS:
        start = []
        # Every function reads and changes rows, and the ledger's calls are one set: a narrower one would break with the first new row.
        found[function] = operations(p.read_text() for p in (root / "aws").glob("dynamo_*.cpp") if "_test" not in p.name)
        for port, method in sorted(ports_of(core, function)):
            if port == "ledger":
                continue
            where = aws.find(f"{ADAPTER[port]}::{method}")
            if not where:
                raise LookupError(f"{ADAPTER[port]} has no {method}, which {function} calls")
            start += where
        found[function] |= operations(aws.reachable(start)) | {("secretsmanager", "GetSecretValue")}
    return found


def all_operations(root):
    """Every call that stands anywhere in the adapters."""
    return operations(path.read_text() for path in (root / "aws").glob("*.cpp") if "_test" not in path.name)


if __name__ == "__main__":
    for name, pairs in calls(pathlib.Path(__file__).resolve().parents[2]).items():
        print(name, *sorted(f"{s}:{o}" for s, o in pairs), sep="\n  ")
