# SPDX-License-Identifier: Apache-2.0
"""What wakes functions: API Gateway, event source mappings with their receive counts, EventBridge, and the sweep's schedule.

Each is a thread that ends with close(). A world (lambda_world.py) is what they call back.
"""
import heapq
import http.server
import json
import threading
import time

from aws_cloud import envelope
from lambda_host import FunctionError, Quiet


def sqs_event(name, messages):
    """What a mapping hands to a function; messages as boto3 gives them."""
    return {"Records": [{
        "messageId": m["MessageId"], "receiptHandle": m["ReceiptHandle"], "body": m["Body"],
        "attributes": m["Attributes"], "messageAttributes": {}, "md5OfBody": m["MD5OfBody"], "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{name}", "awsRegion": "us-east-1"} for m in messages]}


class Source:
    def __init__(self):
        self.closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def close(self):
        self.closing.set()
        if self._thread.ident:
            self._thread.join(timeout=40)

    def _run(self):
        while not self.closing.is_set():
            self.turn()


class Mapping(Source):
    """One queue's. `how`: "once"; "twice": every batch to two processes at once; "regrouped": to one process as it is,
    and at the same time to another one message by message, the last one first."""

    def __init__(self, world, queue, name, how="once"):
        super().__init__()
        self._world, self._queue, self._name, self._how = world, queue, name, how
        self._due, self._changed = [], threading.Condition()

    def expect(self, delay):
        """A message was sent that may be taken after so many seconds."""
        with self._changed:
            heapq.heappush(self._due, time.monotonic() + delay)
            self._changed.notify()

    def turn(self):
        with self._changed:
            wait = min([0.5] + [at - time.monotonic() for at in self._due[:1]])  # leases end without a word
            if wait > 0:
                self._changed.wait(wait)
            while self._due and self._due[0] <= time.monotonic():
                heapq.heappop(self._due)
        while not self.closing.is_set() and self._poll():
            pass

    def _poll(self):
        messages = self._world.cloud.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10,
                                                         AttributeNames=["All"]).get("Messages", [])
        if not messages:
            return False
        functions = self._world.functions[self._name]
        if self._how == "once":
            failed = self._deliver(functions[0], [messages])
        else:
            again = [messages] if self._how == "twice" else [[m] for m in reversed(messages)]
            both = [self._world.pool.submit(self._deliver, functions[0], [messages]),
                    self._world.pool.submit(self._deliver, functions[1], again)]
            failed = set.union(*(one.result() for one in both))
        for m in messages:
            if m["MessageId"] not in failed:
                self._world.cloud.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=m["ReceiptHandle"])
        return True

    def _deliver(self, function, batches):
        """The ids that failed."""
        failed = set()
        for messages in batches:
            try:
                answer = function.invoke(sqs_event(self._name, messages))
                failed |= {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            except FunctionError as error:
                self._world.failures.append(str(error))
                failed |= {m["MessageId"] for m in messages}
                self._end_leases(messages)
        return failed

    def _end_leases(self, messages):
        """Nobody has them any more: their visibility timeout is over at once, where AWS lets it pass."""
        for m in messages:
            self._world.cloud.sqs.change_message_visibility(QueueUrl=self._queue, ReceiptHandle=m["ReceiptHandle"],
                                                            VisibilityTimeout=0)
        self.expect(0)


class EventBridge(Source):
    """Tells of machines what changed since the last look, and of a stranger's machine each time."""

    strangers = ("i-0aaaaaaaaaaaaaaaa",)

    def __init__(self, world):
        super().__init__()
        self._world, self._states, self._changed = world, {}, threading.Event()

    def look(self):
        self._changed.set()

    def turn(self):
        self._changed.wait(1)
        self._changed.clear()
        cloud, seen = self._world.cloud, self._states
        self._states = cloud.instances()
        for machine, state in self._states.items():
            if seen.get(machine) == state:
                continue
            for one in (machine, *self.strangers):
                self._world.tell(cloud.create if state == "running" else cloud.stop, envelope(
                    "aws.ec2", "EC2 Instance State-change Notification", {"instance-id": one, "state": state}))
            if state in ("shutting-down", "terminated"):
                cloud.agents.machine_lost(machine)


class Schedule(Source):
    """The sweep's. It may be held until a test lets it go."""

    def __init__(self, world, every):
        super().__init__()
        self._world, self._every = world, every
        self.allowed = threading.Event()
        self.sweeps = 0

    def turn(self):
        if self.closing.wait(self._every) or not self.allowed.is_set():
            return
        self._world.invoke("sweep", json.loads(envelope("aws.events", "Scheduled Event", {})))
        self.sweeps += 1


class Gateway:
    """The HTTP API before the autoscaler, on a port that is its own from the first moment."""

    def __init__(self, world):
        class Handler(http.server.BaseHTTPRequestHandler):
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

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port

    def start(self):
        threading.Thread(target=self._server.serve_forever, daemon=True, args=(0.05,)).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
