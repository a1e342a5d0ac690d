# SPDX-License-Identifier: Apache-2.0
"""What a measured process talks to, on loopback: Lambda's Runtime API, and an AWS that answers at once.

Both read and write sockets themselves: a framework would take longer than what is measured."""
import hashlib
import json
import queue
import socket
import threading
import time
import uuid


class Loopback:
    """HTTP/1.1 with kept-alive connections, a thread each. Subclasses answer(connection, ...)."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        pending = b""
        with connection:
            try:
                while True:
                    while b"\r\n\r\n" not in pending:
                        more = connection.recv(65536)
                        if not more:
                            return
                        pending += more
                    head, pending = pending.split(b"\r\n\r\n", 1)
                    first, *lines = head.decode("latin-1").split("\r\n")
                    headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
                    size = int(headers.get("content-length", 0))
                    while len(pending) < size:
                        more = connection.recv(65536)
                        if not more:
                            return
                        pending += more
                    body, pending = pending[:size], pending[size:]
                    method, path, _ = first.split(" ", 2)
                    if not self.answer(connection, method, path, headers, body):
                        return
            except OSError:
                return  # the process was ended

    def answer(self, connection, method, path, headers, body):
        """False: hang up."""
        raise NotImplementedError


def response(status, body, headers=()):
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RuntimeApi(Loopback):
    """One function's environment: gives events one after the other, and says when each was answered."""

    def __init__(self):
        super().__init__()
        self.asked = queue.Queue()  # when an event was asked for
        self._events, self._answers = queue.Queue(), queue.Queue()
        self._sent = 0.0

    def answer(self, connection, method, path, headers, body):
        if method == "GET":
            self.asked.put(time.perf_counter())
            event = self._events.get()
            if event is None:
                return False
            data = response("200 OK", event, (
                ("Lambda-Runtime-Aws-Request-Id", uuid.uuid4()),
                ("Lambda-Runtime-Deadline-Ms", int((time.time() + 10) * 1000)),
                ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:autoscaler")))
            self._sent = time.perf_counter()
            connection.sendall(data)
            return True
        now = time.perf_counter()
        connection.sendall(response("202 Accepted", b'{"status":"OK"}'))
        self._answers.put((path.rsplit("/", 1)[1], now, now - self._sent, body))
        return True

    def invoke(self, event, alive):
        """(when it was answered, seconds it took, answer as JSON). alive() is asked while nothing comes."""
        self._events.put(event)
        end = time.monotonic() + 30
        while time.monotonic() < end and alive():
            try:
                kind, at, took, body = self._answers.get(timeout=0.5)
            except queue.Empty:
                continue
            if kind != "response":
                raise RuntimeError(f"the function failed: {body.decode(errors='replace')}")
            return at, took, json.loads(body)
        raise RuntimeError("no answer")

    def close(self):
        self._events.put(None)
        super().close()


class InstantAws(Loopback):
    """Answers the calls of a webhook with what an empty table and a queue would, and keeps their names."""

    def __init__(self, table, secret):
        super().__init__()
        self._table, self._secret = table, secret
        self.operations = []

    def answer(self, connection, method, path, headers, body):
        operation = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        self.operations.append(operation)
        kinds = {"BatchGetItem": self._nothing, "TransactWriteItems": lambda _: {}, "SendMessage": self._sent,
                 "GetSecretValue": self._value}
        if operation not in kinds:
            connection.sendall(response("400 Bad Request", json.dumps(
                {"__type": "UnknownOperationException", "message": operation or method + " " + path}).encode()))
            return True
        answer = json.dumps(kinds[operation](body)).encode()
        connection.sendall(response("200 OK", answer, (("x-amzn-RequestId", "bench"),)))
        return True

    def _nothing(self, _):
        return {"Responses": {self._table: []}, "UnprocessedKeys": {}}

    def _sent(self, body):
        text = json.loads(body)["MessageBody"]
        return {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": hashlib.md5(text.encode()).hexdigest()}

    def _value(self, _):
        return {"ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:bench", "Name": "bench",
                "VersionId": str(uuid.uuid4()), "SecretString": self._secret}
