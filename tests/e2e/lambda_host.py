# SPDX-License-Identifier: Apache-2.0
"""Lambda for the end-to-end tests: our own Runtime API, or AWS's Runtime Interface Emulator, around `bootstrap`."""
import http.server
import json
import os
import queue
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid


class FunctionError(Exception):
    """What the function told Lambda, or that its process died."""


class Quiet(http.server.ThreadingHTTPServer):
    """Whoever is killed hangs up: nothing to tell."""

    daemon_threads = True

    def handle_error(self, *_):
        pass


class Function:
    """One environment of one function: a process that asks us for events, one after the other."""

    def __init__(self, bootstrap, handler, environment, log, directory, timeout=20):
        self.handler, self.timeout, self.inits = handler, timeout, 0
        self._command, self._log, self._directory = [bootstrap], log, directory
        self._events, self._answers = queue.Queue(), queue.Queue()
        self._invoking = threading.Lock()
        self._process = None
        function = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                event = function._events.get()
                if event is None:
                    self.close_connection = True
                    return
                request_id, payload = event
                self.reply(200, payload, {"Lambda-Runtime-Aws-Request-Id": request_id,
                                          "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
                                          "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:::function:{handler}"})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                function._answers.put((self.path.split("/")[-2:], body))
                self.reply(202, b'{"status":"OK"}', {})

            def reply(self, status, body, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True, args=(0.05,)).start()
        self._environment = {**environment, "_HANDLER": handler,
                             "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}"}

    def _start(self):
        self.inits += 1
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log, env=self._environment,
                                         cwd=self._directory)

    def invoke(self, event):
        """The answer as JSON. A process that died is started again, as Lambda would."""
        with self._invoking:
            if self._process is None or self._process.poll() is not None:
                self._start()
            request_id = str(uuid.uuid4())
            self._events.put((request_id, json.dumps(event).encode()))
            end = time.monotonic() + self.timeout
            while time.monotonic() < end:
                try:
                    (answered, kind), body = self._answers.get(timeout=0.05)
                except queue.Empty:
                    if self._process.poll() is not None:
                        self._drop_events()
                        raise FunctionError(f"{self.handler}: the process ended with {self._process.returncode}")
                    continue
                if answered == "init":
                    raise FunctionError(f"{self.handler}: init failed: {body.decode()}")
                if answered == request_id:
                    if kind == "error":
                        raise FunctionError(f"{self.handler}: {body.decode()}")
                    return json.loads(body)
            self.kill()
            self._drop_events()
            raise FunctionError(f"{self.handler}: timed out")

    def _drop_events(self):
        while not self._events.empty():
            self._events.get_nowait()

    def kill(self):
        """SIGKILL, at any moment: what a timeout or a lost host is to a function."""
        process = self._process
        if process and process.poll() is None:
            process.kill()
            process.wait()

    def close(self):
        self.kill()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()


class EmulatedFunction:
    """The same under AWS's own Runtime Interface Emulator (tests/aws/rie builds it)."""

    def __init__(self, rie, bootstrap, handler, environment, log, ports):
        self.handler = handler
        runtime, invoke = ports
        self._url = f"http://127.0.0.1:{invoke}/2015-03-31/functions/function/invocations"
        # Its `_HANDLER` is the second word of the command.
        # It takes one event at a time, and ends with a panic when a second one comes.
        self._invoking = threading.Lock()
        self._process = subprocess.Popen(
            [rie, "--runtime-api-address", f"127.0.0.1:{runtime}", "--runtime-interface-emulator-address",
             f"127.0.0.1:{invoke}", bootstrap, handler], stdout=log, stderr=log, start_new_session=True,
            env={**environment, "AWS_LAMBDA_FUNCTION_TIMEOUT": "20"})

    def invoke(self, event):
        with self._invoking:
            return self._invoke(urllib.request.Request(self._url, json.dumps(event).encode(), method="POST"))

    def _invoke(self, request):
        end = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    body = json.loads(answer.read())
                break
            except ConnectionError as error:
                raise FunctionError(str(error)) from error
            except urllib.error.URLError as error:
                # It is not up yet.
                if time.monotonic() > end:
                    raise FunctionError(str(error)) from error
                time.sleep(0.05)
        if isinstance(body, dict) and "errorType" in body:
            raise FunctionError(f"{self.handler}: {body}")
        return body

    def close(self):
        # The emulator's own children, too.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
