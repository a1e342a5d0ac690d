# SPDX-License-Identifier: Apache-2.0
"""Webhooks made by hand: bodies, signatures, and raw bytes on a socket, for what no proper client would send."""
import hashlib
import hmac
import json
import socket
import sqlite3
import time

from world import SECRET

# What a webhook may change. Notes and pools change by themselves, with every sweep.
TABLES = ("jobs", "job_timeline", "runners", "batches", "messages", "dead_letters")


def job(job_id, action="queued", labels=("self-hosted", "template_cpu"), **fields):
    """A workflow_job payload with what matters of GitHub's."""
    status = "completed" if action == "completed" else action
    body = {"id": job_id, "run_id": job_id + 5, "run_attempt": 1, "name": "build", "workflow_name": "ci",
            "status": status, "conclusion": None, "labels": list(labels), "runner_id": None, "runner_name": None,
            "created_at": "2026-11-24T10:00:00Z", "started_at": "2026-11-24T10:00:00Z", "completed_at": None, **fields}
    return {"action": action, "workflow_job": body, "repository": {"id": 7, "full_name": "acme/widgets"}}


def sign(body, secret=SECRET):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def message(body, headers=(), method="POST", path="/webhook", framing=True):
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    if framing:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def signed(payload, event="workflow_job", path="/webhook", secret=SECRET, more=()):
    """The bytes of one request as GitHub would send it; a payload that is bytes goes as it is."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return message(body, [("Content-Type", "application/json"), ("X-GitHub-Event", event),
                          ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
                          ("X-Hub-Signature-256", sign(body, secret)), *more], path=path)


class Wire:
    """One connection. Whatever the server does to it, reading ends within `patience` seconds."""

    def __init__(self, port, patience=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """True unless the server has hung up."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def end_of_sending(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def answer(self):
        """(status, headers, body); None when the server closed without one."""
        while b"\r\n\r\n" not in self.pending:
            if not self._more():
                return None
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self.pending) < length:
            if not self._more():
                return None
        body, self.pending = self.pending[:length], self.pending[length:]
        return int(lines[0].split()[1]), headers, body

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.pending += data
        return bool(data)


def send(port, data):
    """Sends the bytes on a new connection; the status of the answer, or None."""
    with Wire(port) as wire:
        wire.send(data)
        answer = wire.answer()
        return answer and answer[0]


def ledger(world):
    """All rows that a webhook may change."""
    database = sqlite3.connect(f"file:{world.state}/jitney.db?mode=ro", uri=True, timeout=10)
    try:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}
    finally:
        database.close()


def job_ids(world):
    return {row[0] for row in ledger(world)["jobs"]}


def seconds(call):
    began = time.monotonic()
    result = call()
    return time.monotonic() - began, result
