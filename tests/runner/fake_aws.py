# SPDX-License-Identifier: Apache-2.0
"""The metadata service and S3 for the script's tests, on one loopback port.

Objects are files under DIRECTORY/objects/BUCKET/KEY. Every S3 request must bear exactly the signature that botocore makes for
it; a wrong one is 403 and a line in DIRECTORY/refused. What was asked is in DIRECTORY/asked. Prints its port, ends with its stdin.
"""

import http.server
import json
import pathlib
import sys
import threading
import urllib.parse

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = ("AKIDEXAMPLE", "not+a/real/secret", "a//session+token==")
REGION = "eu-central-1"
directory = pathlib.Path(sys.argv[1])


class FixedTime(S3SigV4Auth):
    """botocore's signer at the time that the request states, over the headers that it states as signed."""

    def __init__(self, stamp):
        super().__init__(Credentials(*KEYS), "s3", REGION)
        self.stamp = stamp

    def signature_for(self, method, url, headers):
        request = AWSRequest(method=method, url=url, headers=headers)
        request.context["timestamp"] = self.stamp
        return self.signature(self.string_to_sign(request, self.canonical_request(request)), request)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        with open(directory / "asked", "a", encoding="utf-8") as out:
            out.write(f"{self.command} {urllib.parse.unquote(self.path)} {status}\n")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def metadata(self):
        if (directory / "no-metadata").exists():
            return self.answer(503)
        if self.command == "PUT":
            return self.answer(200, b"imds-token")
        if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
            return self.answer(401)
        pages = {
            "iam/security-credentials/": "runner-role",
            "iam/security-credentials/runner-role": json.dumps(
                {"Code": "Success", "AccessKeyId": KEYS[0], "SecretAccessKey": KEYS[1], "Token": KEYS[2]}
            ),
            "placement/region": REGION,
            "services/domain": "amazonaws.com",
        }
        page = pages.get(self.path.removeprefix("/latest/meta-data/"))
        return self.answer(404) if page is None else self.answer(200, page.encode())

    def rightly_signed(self):
        given = self.headers.get("Authorization", "")
        parts = dict(part.strip().split("=", 1) for part in given.partition(" ")[2].split(",") if "=" in part)
        signed = parts.get("SignedHeaders", "").split(";")
        if not {"host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"} <= set(signed):
            return False
        signer = FixedTime(self.headers["x-amz-date"])
        headers = {name: self.headers[name] for name in signed}
        url = f"http://{self.headers['host']}{self.path}"
        return parts.get("Signature") == signer.signature_for(self.command, url, headers)

    def do_GET(self):
        if self.path.startswith("/latest/"):
            return self.metadata()
        failures = directory / "s3-failures"
        left = int(failures.read_text()) if failures.exists() else 0
        if left:
            failures.write_text(str(left - 1))
            return self.answer(503)
        if not self.rightly_signed():
            with open(directory / "refused", "a", encoding="utf-8") as out:
                out.write(f"{self.command} {self.path}\n")
            return self.answer(403)
        found = directory / "objects" / urllib.parse.unquote(self.path).lstrip("/")
        if self.command == "DELETE":
            found.unlink(missing_ok=True)
            return self.answer(204)
        # S3 says 403, not 404, to a role that may not list the bucket.
        return self.answer(200, found.read_bytes()) if found.is_file() else self.answer(403)

    do_PUT = do_DELETE = do_GET

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
