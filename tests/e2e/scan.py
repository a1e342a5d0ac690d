# SPDX-License-Identifier: Apache-2.0
"""Looks for secrets in bytes, in files, and in what /proc tells about every process while a test runs."""
import base64
import contextlib
import json
import os
import pathlib
import threading
import urllib.parse

SHORTEST = 12


def forms(secret):
    """The ways in which a secret might stand in other bytes: itself, escaped, in hex, in base64 at any offset."""
    found = {secret, json.dumps(secret.decode())[1:-1].encode(), urllib.parse.quote(secret).encode(),
             secret.hex().encode(), secret.hex().upper().encode()}
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The first and the last characters depend on the neighbours.
            text = encode(b"\0" * offset + secret)
            found.add(text[4 if offset else 0:(len(secret) + offset) // 3 * 4])
    return {form for form in found if len(form) >= SHORTEST}


class Needles:
    """Named secrets. Thread-safe, because adding replaces."""

    def __init__(self):
        self.by_form = {}

    def add(self, name, secret):
        secret = secret if isinstance(secret, bytes) else secret.encode()
        if len(secret) < SHORTEST:
            raise ValueError(f"{name} is too short to be told from other bytes")
        self.by_form = {**self.by_form, **{form: name for form in forms(secret)}}

    def add_key(self, name, pem):
        for line in pem.splitlines():
            if len(line) > 40 and "-----" not in line:
                self.by_form = {**self.by_form, line.encode(): name}

    def add_jit(self, blob):
        """A JIT configuration: parts of the text that no other one has, and the private key in it."""
        third = len(blob) // 3
        marks = {blob[at:at + 60] for at in (third, 2 * third, len(blob) - 64)}
        self.by_form = {**self.by_form, **{mark.encode(): "JIT configuration" for mark in marks}}
        files = json.loads(base64.b64decode(blob))
        key = json.loads(base64.b64decode(files[".credentials_rsaparams"]))["d"]
        self.by_form = {**self.by_form, key[:60].encode(): "key of a JIT configuration"}

    def found_in(self, data):
        return {name for form, name in self.by_form.items() if form in data}


def found_in_files(needles, root, inputs=(), skip=lambda path: False):
    """{"file: secret"} below root; `inputs` are the files that the secrets are configured in."""
    found = set()
    for folder, _, names in os.walk(root):
        for name in names:
            path = pathlib.Path(folder, name)
            if path in inputs or skip(path):
                continue
            with contextlib.suppress(OSError):  # gone by now, or a pipe that nobody reads
                if path.is_file() and not path.is_symlink():
                    found |= {f"{path}: {name}" for name in needles.found_in(path.read_bytes())}
    return found


class ProcessWatch:
    """Keeps the command line and the environment of every process that there is, as often as it can."""

    def __init__(self, but=()):
        self.but = set(but)
        self.seen = {}  # (command line, environment): pid
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def _run(self):
        while not self.ending.is_set():
            self.look()
            self.ending.wait(0.01)

    def look(self):
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit() or int(entry.name) in self.but:
                continue
            with contextlib.suppress(OSError):
                before = pathlib.Path(entry.path, "cmdline").read_bytes()
                environment = pathlib.Path(entry.path, "environ").read_bytes()
                after = pathlib.Path(entry.path, "cmdline").read_bytes()
                # Else the two are of different programs of one process.
                if before == after and (before, environment) not in self.seen:
                    self.seen[before, environment] = int(entry.name)

    def called(self, words):
        """What was seen of processes whose command line has these words: [(command line, environment), ...]"""
        return [pair for pair in list(self.seen) if words.encode() in pair[0].replace(b"\0", b" ")]

    def found(self, needles, may_have=lambda command_line, name: False):
        """{"where: secret"}; may_have() says which process has one by design, in its environment."""
        found = set()
        for (command_line, environment), pid in list(self.seen.items()):
            words = command_line.replace(b"\0", b" ").decode(errors="replace")
            for name in needles.found_in(command_line):
                found.add(f"command line of {pid}: {name}")
            for name in needles.found_in(environment):
                if not may_have(words, name):
                    found.add(f"environment of {pid} ({words[:100]}): {name}")
        return found
