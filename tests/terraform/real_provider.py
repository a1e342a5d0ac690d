#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the AWS provider from the Go module proxy, with the services alone that the module uses: all 250 take hours on two cores.

usage: real_provider.py INTO. Makes INTO/terraform-provider-aws_v<version>, and prints its path; run again it does nothing.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

MODULE = "github.com/hashicorp/terraform-provider-aws"
# The proxy has no version of the provider's own after v1.60.0 of 2019: its path names no major version. Upbound's copy of 6.34.0 adds
# a package that exports it, and leaves alone what the module uses.
COPY = "github.com/upbound/terraform-provider-aws@v0.0.0-20260305123303-f7691456b787"
SUM = "h1:dJlp2eNgY/iVKTPINdguYlHbHc9CtXBZKmQmqYq0REs="
SERVICES = {"apigatewayv2", "cloudwatch", "dynamodb", "ec2", "events", "iam", "kms", "lambda", "logs", "meta", "s3",
            "secretsmanager", "sqs", "ssm", "sts"}


def go(*words, cwd):
    # What COPY is, SUM says; its own go.sum says what the rest is.
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false", "GONOSUMDB": "github.com/upbound/*"}
    return subprocess.run(["go", *words], cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def sources(folder):
    return [path for path in folder.glob("*.go") if not path.name.endswith("_test.go")]


def with_what_they_import(root):
    """The services, and the others that their code needs."""
    known, new = set(), set(SERVICES)
    while new:
        known |= new
        text = "".join(path.read_text() for name in new for path in sources(root / "internal/service" / name))
        new = set(re.findall(rf'"{MODULE}/internal/service/([a-z0-9]+)"', text)) - known
    return known


def trim_packages(root, services):
    path = root / "internal/provider/sdkv2/service_packages_gen.go"
    text = path.read_text()
    for name in set(re.findall(r"^\t\t(\w+)\.ServicePackage\(ctx\),$", text, re.MULTILINE)) - services:
        text = re.sub(rf"^\t\t{name}\.ServicePackage\(ctx\),\n", "", text, flags=re.MULTILINE)
        text = re.sub(rf'^\t"{MODULE}/internal/service/{name}"\n', "", text, flags=re.MULTILINE)
    path.write_text(text)


def trim_clients(root, used):
    """Makers of clients that nothing left calls, with the SDKs behind them."""
    path = root / "internal/conns/awsclient_gen.go"
    text = path.read_text()
    for maker, package in re.findall(r"^func \(c \*AWSClient\) (\w+)\(ctx context\.Context\) \*(\w+)\.Client", text, re.MULTILINE):
        if f".{maker}(" in used:
            continue
        text = re.sub(rf"^func \(c \*AWSClient\) {maker}\(.*?^}}\n\n?", "", text, flags=re.MULTILINE | re.DOTALL)
        if not re.search(rf"\b{package}\.Client\b", text):
            text = re.sub(rf'^\t(\w+ )?"github.com/aws/aws-sdk-go-v2/service/{package}"\n', "", text, flags=re.MULTILINE)
            text = re.sub(rf'^\t{package} "github.com/aws/aws-sdk-go-v2/service/\w+"\n', "", text, flags=re.MULTILINE)
    path.write_text(text)


def main():
    into = pathlib.Path(sys.argv[1]).resolve()
    into.mkdir(parents=True, exist_ok=True)
    got = json.loads(go("mod", "download", "-json", COPY, cwd=into))
    if got["Sum"] != SUM:
        sys.exit(f"{COPY} has the sum {got['Sum']}, not {SUM}")
    original = pathlib.Path(got["Dir"])
    version = (original / "version/VERSION").read_text().strip()
    made = into / f"terraform-provider-aws_v{version}"
    if not made.exists():
        copy = into / "provider-source"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(original, copy, ignore=shutil.ignore_patterns("website", "testdata", "docs", "*_test.go"))
        subprocess.run(["chmod", "-R", "u+w", copy], check=True)
        services = with_what_they_import(copy)
        used = "".join(path.read_text() for name in services for path in sources(copy / "internal/service" / name))
        used += "".join(path.read_text() for folder in ("internal/conns", "internal/provider/sdkv2", "internal/provider/framework")
                        for path in sources(copy / folder) if path.name != "awsclient_gen.go")
        trim_packages(copy, services)
        trim_clients(copy, used)
        go("build", "-trimpath", "-ldflags", "-s -w", "-o", str(made), ".", cwd=copy)
        shutil.rmtree(copy)
    print(made)


if __name__ == "__main__":
    main()
