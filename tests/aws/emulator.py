# SPDX-License-Identifier: Apache-2.0
"""moto on a free port of loopback: AWS for tests. It ends with the test, whatever happens.

    with Moto() as moto:
        moto.boto("sqs").create_queue(QueueName="a")
        subprocess.run([...], env={**os.environ, **moto.environment()})
"""
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys

import boto3
import botocore.config

REGION = "us-east-1"
KEYS = ("AKIAIOSFODNN7EXAMPLE", "not-so-secret")


def ledger_table():
    """The definition that the documentation gives, as create_table takes it."""
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs/formats.md").read_text()
    return json.loads(re.search(r'```json\n(\{"TableName".*?)\n```', text, re.DOTALL)[1])


class Moto:
    def __init__(self, checks_signatures=False, log=None, region=REGION):
        """checks_signatures: also policies and tokens, from begin_checking() on."""
        self.region = region
        self._log = open(log or os.devnull, "wb")
        self._clients = {}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        if checks_signatures:
            environment["INITIAL_NO_AUTH_ACTION_COUNT"] = "1000000"
        # moto itself undoes what other threads wrote when it takes a transaction back: see there.
        server = pathlib.Path(__file__).with_name("moto_server.py")
        self._process = subprocess.Popen([sys.executable, str(server)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._log, env=environment)
        port = self._process.stdout.readline()
        if not port:
            raise RuntimeError(f"moto ended with {self._process.wait()}")
        self.port = int(port)
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.communicate()
        self._log.close()

    def _control(self, method, path, body=""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        # Under a form's content type moto answers 500.
        connection.request(method, path, body, {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: HTTP {answer.status}")

    def reset(self):
        self._control("POST", "/moto-api/reset")

    def begin_checking(self):
        """From now on every call needs a right signature and a policy that allows it."""
        self._control("POST", "/moto-api/reset-auth", "0")

    def stop_checking(self):
        self._control("POST", "/moto-api/reset-auth", "1000000")

    def boto(self, service, keys=KEYS, token=None):
        """A client; the same one for the same words, since making one takes long."""
        made = self._clients.get((service, keys, token))
        if made is None:
            made = self._clients[(service, keys, token)] = self._client(service, keys, token)
        return made

    def _client(self, service, keys, token):
        return boto3.client(service, endpoint_url=self.url, region_name=self.region, aws_access_key_id=keys[0],
                            aws_secret_access_key=keys[1], aws_session_token=token,
                            config=botocore.config.Config(retries={"max_attempts": 1}))

    def environment(self, keys=KEYS, token=None):
        """What a process needs in order to call this AWS and no other."""
        made = {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": self.region, "AWS_ACCESS_KEY_ID": keys[0],
                "AWS_SECRET_ACCESS_KEY": keys[1], "AWS_EC2_METADATA_DISABLED": "true"}
        if token:
            made["AWS_SESSION_TOKEN"] = token
        return made
