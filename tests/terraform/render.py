# SPDX-License-Identifier: Apache-2.0
"""Writes rendered/: what OpenTofu makes of the module, which the tests of CI then look at without OpenTofu.

Run it after a change in terraform/ or runner/user-data: script/test-terraform --render. Each file says from what it was made,
and a test fails when that has changed since.
"""
import json
import pathlib
import sys
import zipfile

import inputs
from workspace import ROOT, Refused, Workspace

HERE = pathlib.Path(__file__).resolve().parent
WEBHOOK_SECRET = "0123456789abcdef-webhook-secret"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nnever-in-the-state\n-----END RSA PRIVATE KEY-----\n"
APP = {"webhook_secret": WEBHOOK_SECRET, "private_key": PRIVATE_KEY}
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:{}-AbCdEf"

DEPLOYMENTS = {
    "minimal": ("examples/minimal", {"secrets": {"acme": APP}}),
    "templates": ("examples/templates", {"secrets": {"acme": APP}, "gpu_image": "ami-00112233445566778"}),
    "baked-image": ("examples/baked-image", {"secrets": {"acme": APP}, "image": "ami-00112233445566778"}),
    "private-subnets": ("examples/private-subnets", {
        "secrets": {"acme": APP}, "vpc_id": "vpc-00112233445566778", "route_table_ids": ["rtb-00112233445566778"],
        "subnet_ids": ["subnet-00112233445566778", "subnet-0fedcba9876543210"]}),
    "token": ("examples/token", {
        "token_arn": SECRET.format("token"), "webhook_secret_arn": SECRET.format("webhook"),
        "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/00000000-1111-2222-3333-444444444444"}),
    # The root itself, called otherwise, with two organisations and much else set: what two deployments in one account share is seen
    # by comparing it with minimal.
    "root": ("", {
        "region": "eu-central-1", "name": "ci-two", "tags": {"team": "build"}, "secrets_version": 3,
        "github": {
            "acme": {"url": "https://github.com/acme", "client_id": "Iv1", "installation_id": 7},
            "shop": {"url": "https://github.com/acme-shop/web"}},
        "secrets": {"acme": APP, "shop": {"webhook_secret": WEBHOOK_SECRET, "token": "github_pat_never-in-the-state"}},
        "pools": [
            {"name": "cpu", "github": "acme", "warm": 1, "repositories": ["acme/*"], "deadlines": {"boot": "5m"},
             "settings": {"JITNEY_SUDO": "yes"}, "user_data": "echo prepared", "other_types": ["c7i.large"]},
            {"name": "web", "github": "shop", "image": "ubuntu-24.04", "on_demand": "only", "instance_types": ["m7i.large"]}],
        "alarms": {"topic_arn": "arn:aws:sns:eu-central-1:123456789012:oncall"}}),
}
# The others are only applied.
KEPT = ("minimal", "root", "templates", "token")
SECRETS = (WEBHOOK_SECRET, "never-in-the-state")


def without_nothing(value):
    """Null and what has no content is how a state says that an argument was not given."""
    if isinstance(value, dict):
        return {k: without_nothing(v) for k, v in value.items() if v is not None and v != [] and v != {}}
    if isinstance(value, list):
        return [without_nothing(v) for v in value]
    return value


def resources(module):
    for resource in module.get("resources", []):
        yield resource["address"], resource
    for child in module.get("child_modules", []):
        yield from resources(child)


def rendered(name):
    root, variables = DEPLOYMENTS[name]
    with Workspace(root, variables) as workspace:
        workspace.tofu("plan", "-input=false", "-out=plan.zip")
        with zipfile.ZipFile(workspace.folder / "plan.zip") as plan:
            written = [plan.read(part).decode(errors="replace") for part in plan.namelist()]
        shown = workspace.apply()
        written.append(workspace.state_text())
        leaked = [secret for secret in SECRETS if any(secret in text for text in written)]
        if leaked:
            raise Refused(f"{name}: the plan or the state holds a secret: {leaked}")
        workspace.tofu("plan", "-detailed-exitcode")  # fails when a second apply would change anything
        workspace.tofu("destroy", "-auto-approve")
        values = shown["values"]
        made = {
            "outputs": {key: output["value"] for key, output in values["outputs"].items()},
            "resources": [
                {"type": r["type"], "name": r["name"], "key": r.get("index"), "values": without_nothing(r["values"])}
                for _, r in sorted(resources(values["root_module"])) if r["mode"] == "managed"],
        }
        # The folder is another one each time.
        return json.loads(json.dumps(made).replace(str(workspace.home), "HOME"))


def main():
    """render.py [--into FOLDER]"""
    into = pathlib.Path(sys.argv[2]) if sys.argv[1:2] == ["--into"] else HERE / "rendered"
    into.mkdir(exist_ok=True)
    wanted = inputs.digest(ROOT)
    for name in DEPLOYMENTS:
        made = rendered(name)
        lines = ",\n".join("  " + json.dumps(r, sort_keys=True, separators=(",", ":")) for r in made["resources"])
        if name in KEPT:
            (into / f"{name}.json").write_text(f'{{"made_from": "{wanted}",\n"outputs": {json.dumps(made["outputs"], sort_keys=True)},\n"resources": [\n{lines}\n]}}\n')
        print(f"{name}: {len(made['resources'])} resources")


if __name__ == "__main__":
    sys.exit(main())
