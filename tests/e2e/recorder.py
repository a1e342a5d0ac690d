# SPDX-License-Identifier: Apache-2.0
"""A proxy between the server and GitHub that keeps every call and its answer, with headers and bodies."""
import http.client
import http.server
import threading


class Recorder:
    """Serves on loopback until close(). `calls` is what tests/node/openapi.mjs reads."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.calls = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else headers and body leave as two packets, and every call waits for a delayed acknowledgement.
            disable_nagle_algorithm = True
            wbufsize = -1

            def do(self):
                recorder.forward(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def forward(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        try:
            status, headers, answer = self._ask(handler, body)
        except OSError:
            handler.send_error(502)
            return
        self.calls.append({
            "method": handler.command, "target": handler.path, "body": body.decode(), "status": status,
            "headers": {name.lower(): value for name, value in handler.headers.items()},
            "answer_headers": {name.lower(): value for name, value in headers}, "answer": answer.decode()})
        handler.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                handler.send_header(name, value.replace(self.upstream, self.url))
        answer = answer.replace(self.upstream.encode(), self.url.encode())
        if status != 204:
            handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def _ask(self, handler, body):
        connection = http.client.HTTPConnection(self.upstream.removeprefix("http://"), timeout=60)
        try:
            connection.request(handler.command, handler.path, body, {
                name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
