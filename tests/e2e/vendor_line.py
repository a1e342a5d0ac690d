# SPDX-License-Identifier: Apache-2.0
"""The lines from functions to AWS and GitHub. Every call passes here, where it can be counted, refused, held up or lost.

Each process of a function has a line of its own, so that it is known who called. What moto cannot play is played here:
client tokens (of CreateFleet and TransactWriteItems), launches without capacity, throttles.
"""
import http.client
import http.server
import json
import threading
import time
import urllib.parse
import xml.sax.saxutils

from lambda_host import Quiet

GITHUB = "/api/v3"  # what our GitHub serves there as well; all else is AWS
HANG_UP = "hang up"  # instead of an answer
PATIENCE = 30  # seconds that a call may be held up

# What changes something: of DynamoDB, SQS, EC2, Systems Manager, S3 and GitHub.
EFFECTS = {
    "TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem",
    "SendMessage", "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility",
    "StartMessageMoveTask", "CreateFleet", "TerminateInstances", "CancelSpotInstanceRequests", "SendCommand",
    "PUT object", "DELETE object", "POST generate-jitconfig", "POST attempts", "DELETE runners"}


def ec2_error(code):
    return (f"<Response><Errors><Error><Code>{code}</Code><Message>a bad day</Message></Error></Errors>"
            "<RequestID>r</RequestID></Response>").encode()


class Call:
    """One request: `operation` is AWS's own name, or for S3 and GitHub the method and what it is about."""

    def __init__(self, line, method, path, headers, body):
        self.line, self.method, self.path, self.headers, self.body = line, method, path, headers, body
        self.at, self.answer = time.monotonic(), (0, {}, b"")
        target = headers.get("X-Amz-Target", "")
        if path.startswith(GITHUB + "/"):
            words = [word for word in path.split("?")[0].split("/") if word and not word.isdigit()]
            self.vendor, self.operation = "github", f"{method} {words[-1]}"
        elif target:
            self.vendor, self.operation = target.split(".")[0].split("_")[0], target.split(".")[-1]
        elif method == "POST":
            self.vendor, self.operation = "EC2", self.form.get("Action", "")
        else:
            self.vendor, self.operation = "S3", f"{method} object"

    @property
    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def changes(self):
        return self.operation in EFFECTS

    @property
    def done(self):
        return 200 <= self.answer[0] < 300

    def __str__(self):
        return f"{self.line.name}: {self.operation}"


class Gate:
    """Holds a call up until it is opened."""

    def __init__(self):
        self._arrived, self._open, self.call = threading.Event(), threading.Event(), None

    def __call__(self, call):
        self.call = self.call or call
        self._arrived.set()
        self._open.wait(PATIENCE)

    def wait(self):
        """Until a call stands before it."""
        if not self._arrived.wait(PATIENCE):
            raise AssertionError("the call that was to be held up did not come")
        return self.call

    def open(self):
        self._open.set()


class Vendors:
    """What all lines lead to. `sent(queue_url, delay)` and `machines_changed()` are told what happened."""

    def __init__(self, moto, agents, github, sent, machines_changed):
        self._upstream = {"github": github, "AmazonSSM": agents}
        self._moto, self._sent, self._machines_changed = moto, sent, machines_changed
        self._lock, self._tokens = threading.Lock(), threading.Lock()
        self._traps, self._answered = [], {}
        self._no_capacity = {}
        self.calls = []  # as they ended

    # What goes wrong. `times` None: until pass_all().
    def trap(self, operation, act, when="before", times=1, where=lambda call: True):
        """act(call) gives the answer, or None to let it go on. "before" its effect, or "after" it."""
        with self._lock:
            self._traps.append({"operation": operation, "act": act, "when": when, "left": times, "where": where})

    def refuse(self, operation, status, code, times=1, headers=None):
        def act(call):
            return status, headers or {}, ec2_error(code) if call.vendor == "EC2" else json.dumps(
                {"__type": code, "message": "a bad day"}).encode()
        self.trap(operation, act, times=times)

    def lose(self, operation, times=1):
        """It is done, but nobody is told."""
        self.trap(operation, lambda call: HANG_UP, "after", times)

    def hold(self, operation, when="before", where=lambda call: True, times=1):
        gate = Gate()
        self.trap(operation, gate, when, times, where)
        return gate

    def no_capacity(self, market, code="InsufficientInstanceCapacity", message="We have none."):
        with self._lock:
            self._no_capacity[market] = (code, message)

    def pass_all(self):
        with self._lock:
            self._traps, self._no_capacity = [], {}

    def operations(self, *names):
        with self._lock:
            return [call for call in self.calls if call.operation in names]

    def launches(self):
        """The distinct client tokens that were answered with machines."""
        with self._tokens:
            return [key for key, (_, answer) in self._answered.items()
                    if key[0] == "CreateFleet" and b"<instanceIds>" in answer[2]]

    def handle(self, call):
        answer = self._trapped(call, "before")
        if answer is None:
            answer = call.answer = self._carry_out(call)
            instead = self._trapped(call, "after")
            self._tell(call)
            answer = answer if instead is None else instead
        elif answer != HANG_UP:
            call.answer = answer
        with self._lock:
            self.calls.append(call)
        return answer

    def _trapped(self, call, when):
        acts = []
        with self._lock:
            for trap in self._traps:
                if trap["operation"] not in ("*", call.operation) or trap["when"] != when or not trap["where"](call):
                    continue
                if trap["left"] is None or trap["left"] > 0:
                    trap["left"] = trap["left"] and trap["left"] - 1
                    acts.append(trap["act"])
        for act in acts:
            answer = act(call)
            if answer is not None:
                return answer
        return None

    def _tell(self, call):
        if not call.done:
            return
        if call.operation in ("SendMessage", "SendMessageBatch"):
            body = json.loads(call.body)
            for entry in body.get("Entries", [body]):
                self._sent(body["QueueUrl"], entry.get("DelaySeconds", 0))
        elif call.operation in ("CreateFleet", "TerminateInstances"):
            self._machines_changed()

    def _carry_out(self, call):
        if call.operation == "CreateFleet":
            asked = call.form
            return self._once(call, asked.pop("ClientToken", ""), asked,
                              (400, {}, ec2_error("IdempotentParameterMismatch")))
        if call.operation == "TransactWriteItems":
            asked = json.loads(call.body)
            return self._once(call, asked.pop("ClientRequestToken", ""), asked, (400, {}, (
                b'{"__type":"IdempotentParameterMismatchException","message":"other parameters"}')))
        return self._send_on(call)

    def _once(self, call, token, asked, mismatch):
        """Under one token it happens once; whoever asks again gets the same answer."""
        with self._tokens:
            key = (call.operation, token)
            if token and key in self._answered:
                before, answer = self._answered[key]
                return answer if before == asked else mismatch
            answer = self._launch(call) if call.operation == "CreateFleet" else self._send_on(call)
            if token and answer[0] < 300:
                self._answered[key] = (asked, answer)
            return answer

    def _launch(self, call):
        form = call.form
        market = form["TargetCapacitySpecification.DefaultTargetCapacityType"]
        with self._lock:
            why = self._no_capacity.get(market)
        if why is None:
            return self._send_on(call)
        code, message = (xml.sax.saxutils.escape(text) for text in why)
        place = "LaunchTemplateConfigs.1.Overrides."
        errors = "".join(
            f"<item><launchTemplateAndOverrides><overrides><instanceType>{form[key]}</instanceType></overrides>"
            f"</launchTemplateAndOverrides><lifecycle>{market}</lifecycle><errorCode>{code}</errorCode>"
            f"<errorMessage>{message}</errorMessage></item>"
            for key in form if key.startswith(place) and key.endswith("InstanceType"))
        return 200, {"Content-Type": "text/xml"}, (
            '<CreateFleetResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>'
            f"<fleetId>fleet-0</fleetId><fleetInstanceSet/><errorSet>{errors}</errorSet></CreateFleetResponse>").encode()

    def _send_on(self, call):
        upstream = self._upstream.get(call.vendor, self._moto)
        connection = http.client.HTTPConnection(upstream.removeprefix("http://"), timeout=PATIENCE)
        try:
            headers = {name: value for name, value in call.headers.items() if name.lower() != "connection"}
            connection.request(call.method, call.path, call.body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders()
                    if name.lower() not in ("connection", "content-length", "transfer-encoding", "server", "date")}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


class Line:
    """One process's way to its vendors, on loopback until close(). `function`: whose it is, once that is known."""

    def __init__(self, vendors, name):
        self.name, self.function = name, None
        line = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = vendors.handle(Call(line, self.command, self.path, dict(self.headers), body))
                if answer == HANG_UP:
                    self.close_connection = True
                    return
                status, headers, data = answer
                self.send_response(status)
                for header, value in headers.items():
                    self.send_header(header, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True, args=(0.05,)).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

