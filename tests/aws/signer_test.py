# SPDX-License-Identifier: Apache-2.0
"""Our signer and botocore's, over awkward and generated requests: the same Authorization header.

By hand: AWS_PROBE=build/dev/tests/aws/aws_probe build/venv/bin/python3 tests/aws/signer_test.py
"""
import base64
import datetime
import json
import os
import random
import subprocess
import unittest
from unittest import mock
from urllib.parse import quote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PROBE = os.environ["AWS_PROBE"]
SEED = int(os.environ.get("SEED", "20261128"))
LONG_TOKEN = "IQoJb3JpZ2luX2VjE" + "aB9+/=" * 270


def case(service="sqs", path="/", query="", method="POST", headers=(), body=b"", **more):
    made = {
        "service": service, "method": method, "target": path + (f"?{query}" if query else ""),
        "host": f"{service}.eu-west-1.amazonaws.com", "headers": [list(h) for h in headers], "body": body,
        "region": "eu-west-1", "time": "2026-11-28T13:33:38Z", "id": "AKIDEXAMPLE",
        "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token": "",
    }
    made.update(more)
    return made


def by_botocore(one):
    request = AWSRequest(method=one["method"], url=f"https://{one['host']}{one['target']}", data=one["body"])
    for name, value in one["headers"]:
        request.headers.add_header(name, value)
    keys = Credentials(one["id"], one["secret"], one["token"] or None)
    signer = botocore.auth.S3SigV4Auth if one["service"] == "s3" else botocore.auth.SigV4Auth
    now = datetime.datetime.strptime(one["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        signer(keys, one["service"], one["region"]).add_auth(request)
    return request.headers["Authorization"]


def by_us(cases):
    lines = [json.dumps({**one, "body": base64.b64encode(one["body"]).decode()}) for one in cases]
    done = subprocess.run([PROBE, "sign"], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Signer(unittest.TestCase):
    def check(self, cases):
        answers = by_us(cases)
        self.assertEqual(len(answers), len(cases))
        for one, answer in zip(cases, answers):
            self.assertEqual(answer.get("authorization"), by_botocore(one), one)

    def test_plain_calls(self):
        as_json = [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "AmazonSQS.SendMessage")]
        form = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
        self.check([
            case(headers=as_json, body=b'{"QueueUrl":"https://q","MessageBody":"\xc3\xa9"}'),
            case(service="ec2", headers=form, body=b"Action=DescribeInstances&Version=2016-11-15"),
            case(body=b""), case(method="GET"), case(method="DELETE"), case(body=bytes(range(256)) * 300),
            case(time="2024-02-29T00:00:00Z"), case(time="2027-01-01T00:00:00Z"), case(time="1999-12-31T23:59:59Z"),
            case(secret="x" * 200), case(secret="/+=" * 13), case(region="us-gov-west-1"),
            case(host="127.0.0.1:5555"), case(host="[::1]:5555"),
        ])

    def test_temporary_credentials(self):
        self.check([case(token="short"), case(token=LONG_TOKEN), case(service="s3", method="GET", token=LONG_TOKEN)])

    def test_headers(self):
        self.check([
            case(headers=[("X-Amz-Meta", "1"), ("X-Amz-Meta-A", "2")]),
            case(headers=[("x-amz-meta-a", "2"), ("X-AMZ-META", "1")]),
            case(headers=[("X-Amz-B", "one"), ("X-Amz-A", "two"), ("x-amz-b", "three")]),
            case(headers=[("X-Amz-Blanks", "  a   b \t c  ")]), case(headers=[("X-Amz-Empty", "")]),
            case(headers=[("X-Amz-Quoted", '"a   b"')]), case(headers=[("Range", "bytes=0-9"), ("If-None-Match", "*")]),
            case(headers=[("User-Agent", "jitney/1"), ("Expect", "100-continue"), ("X-Amzn-Trace-Id", "Root=1-2")]),
            case(headers=[("Accept", "*/*"), ("Date-Not", "x")]),
        ])

    def test_paths_of_s3_are_encoded_once(self):
        keys = ["plain", "a b", "a+b", "a=b", "a:b", "é/ü", "a//b", "/lead", "trail/", "./a", "../a", "a/../b", "a/./b",
                "~t_i-l.d", "100%", "a%2Fb", "q?x", "h#x", "a&b", "*(!)'", "日本", "a,b;c@d$e", "\t"]
        self.check([case(service="s3", method=method, path="/bucket/" + quote(key, safe="/~"))
                    for key in keys for method in ("GET", "PUT", "DELETE", "HEAD")])

    def test_paths_of_others_are_encoded_twice_and_normalized(self):
        arn = quote("arn:aws:lambda:eu-west-1:1:function:f", safe="")
        paths = [f"/2015-03-31/functions/{arn}/invocations", "/a%20b", "/a%2Fb", "//a//b/", "/a/../b", "/a/./b/.",
                 "/..", "/../../", "/.", "/a/..", "/a/../", "/%C3%A9", "/~a", "/a/b/", "//"]
        self.check([case(service="lambda", path=path) for path in paths])

    def test_queries_are_sorted(self):
        queries = ["list-type=2&prefix=a%2Fb", "prefix=n&list-type=2", "acl", "acl=", "uploads&a=1", "a=2&a=1",
                   "a=&a=1", "ab=1&a=2", "a-b=1&a=2", "a.b=1&a_b=2&a~b=3", "A=1&a=2&B=3", "x=%C3%A9&x=%7B",
                   "a=b=c", "k=%2B&k=%20&k=-", "continuation-token=..%2F..%3D", "=1", "a=1&&b=2", "z=1&a"]
        self.check([case(service=service, method="GET", query=query) for query in queries
                    for service in ("s3", "sqs")])

    def test_what_a_server_may_read_otherwise_is_refused(self):
        targets = ["/a b", "/a+b", "/%c3%a9", "/é", "/%7Ea", "/a%2", "/a%", "/a%GG", "/a:b", "/a=b", "a", "", "/?a=b+c",
                   "/?a=b/c", "/?a=%7e", "/?a=b?c", "/?a b", "/#x", "/a\nb", "/?a=é"]
        for service in ("s3", "sqs"):
            for target, answer in zip(targets, by_us([case(service=service, target=t) for t in targets])):
                self.assertEqual(answer.get("fault"), "invalid", target)

    def test_without_a_region_nothing_is_signed(self):
        self.assertEqual(by_us([case(region="")])[0].get("fault"), "invalid")

    def test_generated_requests(self):
        rng = random.Random(SEED)
        letters = "abzAZ019-._~ /%+:=&?#@!$'()*,;[]{}\"\\é日\x7f"

        def text(longest):
            return "".join(rng.choice(letters) for _ in range(rng.randrange(longest)))

        def one():
            service = rng.choice(["s3", "sqs", "lambda", "execute-api"])
            pairs = [quote(text(6), safe="-_.~") + ("=" + quote(text(8), safe="-_.~") if rng.random() < .9 else "")
                     for _ in range(rng.randrange(6))]
            headers = [(f"X-Amz-{rng.choice('AaBbCc')}{rng.randrange(3)}", rng.choice(["", "v", " a  b ", "x\ty", "1,2"]))
                       for _ in range(rng.randrange(5))]
            when = datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=rng.randrange(10 ** 9))
            return case(service=service, method=rng.choice(["GET", "POST", "PUT", "DELETE"]),
                        path="/" + quote(text(30), safe="/~"), query="&".join(p for p in pairs if p), headers=headers,
                        body=rng.randbytes(rng.randrange(200)), time=when.strftime("%Y-%m-%dT%H:%M:%SZ"),
                        token=rng.choice(["", LONG_TOKEN]), region=rng.choice(["us-east-1", "ap-southeast-3"]))
        self.check([one() for _ in range(2000)])


if __name__ == "__main__":
    unittest.main()
