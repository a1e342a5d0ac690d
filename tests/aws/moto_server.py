# SPDX-License-Identifier: Apache-2.0
"""moto as a server on a free loopback port, for the tests of the adapters in aws/.

Prints its port, serves until standard input ends, and leaves nothing behind. It is moto as installed, but for four
things that a test on a live server cannot do without:

- its clock: PUT /jitney/clock with milliseconds since 1970 sets what SQS believes (delays, leases), so that no test waits;
- one request at a time for DynamoDB: moto takes a transaction back by putting a copy of the whole table in its place,
  which would undo what other threads wrote meanwhile;
- that copy is made once a transaction, where moto makes it once an action;
- one request at a time for EC2, whose lists of machines are read while others write to them.
"""

import copy
import logging
import os
import sys
import threading

os.environ.setdefault("MOTO_ACCOUNT_ID", "123456789012")

import moto.dynamodb.models as dynamodb
import moto.sqs.models as sqs
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


class Clock:
    """What SQS calls now; the system's until it is set. It creeps on by a microsecond with each look, as a clock does:
    to moto a lease is over a moment after its end."""

    def __init__(self):
        self.milliseconds = None
        self.looks = 0
        self.seconds_of_system = sqs.unix_time

    def seconds(self, *_):
        if self.milliseconds is None:
            return self.seconds_of_system()
        self.looks += 1
        return self.milliseconds / 1000.0 + self.looks / 1e6

    def install(self):
        sqs.unix_time = self.seconds
        sqs.unix_time_millis = lambda *_: self.seconds() * 1000.0


class CopyOncePerTransaction:
    """The `copy` module as moto's transactions see it."""

    def __init__(self):
        self.tables = {}

    def deepcopy(self, value, *rest):
        if not isinstance(value, dynamodb.Table):
            return copy.deepcopy(value, *rest)
        if id(value) not in self.tables:
            self.tables[id(value)] = copy.deepcopy(value)
        return self.tables[id(value)]

    def copy(self, value):
        return copy.copy(value)


def copy_tables_once(backend):
    plain = backend.transact_write_items

    def transact_write_items(self, transact_items):
        dynamodb.copy = CopyOncePerTransaction()
        try:
            return plain(self, transact_items)
        finally:
            dynamodb.copy = copy

    backend.transact_write_items = transact_write_items


class Front:
    def __init__(self, application, clock):
        self.application = application
        self.clock = clock
        self.dynamodb = threading.Lock()
        self.ec2 = threading.Lock()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/jitney/clock":
            self.clock.milliseconds = int(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            start_response("204 No Content", [])
            return []
        if environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_"):
            with self.dynamodb:
                return self.application(environ, start_response)
        if "/ec2/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
            with self.ec2:
                return self.application(environ, start_response)
        return self.application(environ, start_response)


class Quiet(MotoRequestHandler):
    def log_request(self, *_):
        pass


def main():
    logging.disable(logging.ERROR)  # a call that moto does not know is answered with 500, and no trace
    clock = Clock()
    clock.install()
    copy_tables_once(dynamodb.DynamoDBBackend)
    application = Front(DomainDispatcherApplication(create_backend_app), clock)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # no thread may hold up the end


if __name__ == "__main__":
    main()
