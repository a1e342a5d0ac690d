# SPDX-License-Identifier: Apache-2.0
"""What stands after an apply, as rendered/ holds it."""
import functools
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


class State:
    def __init__(self, name):
        read = json.loads((HERE / "rendered" / f"{name}.json").read_text())
        self.made_from = read["made_from"]
        self.outputs = read["outputs"]
        self._resources = read["resources"]

    def of(self, kind, name=None):
        """The values of all resources of a kind (and name), by key; without for_each by name."""
        return {r["key"] if isinstance(r["key"], str) else r["name"]: r["values"]
                for r in self._resources if r["type"] == kind and name in (None, r["name"])}

    def one(self, kind, name=None):
        found = [r["values"] for r in self._resources if r["type"] == kind and name in (None, r["name"])]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources {kind} {name}")
        return found[0]

    def count(self, kind):
        return sum(r["type"] == kind for r in self._resources)

    def kinds(self):
        return {r["type"] for r in self._resources}

    def names(self):
        """What must differ between two deployments of one account: every name and path that was given."""
        given = ("name", "function_name", "bucket", "alarm_name", "dashboard_name", "role_name")
        return {(r["type"], r["values"][a]) for r in self._resources for a in given
                if a in r["values"] and (a != "bucket" or r["type"] == "aws_s3_bucket")
                and r["type"] not in ("aws_iam_role_policy", "aws_apigatewayv2_stage")}

    def policies(self, role):
        return [json.loads(values["policy"]) for values in self.of("aws_iam_role_policy").values() if values["role"] == role]


@functools.cache
def deployed(name):
    return State(name)


EVERY = sorted(path.stem for path in (HERE / "rendered").glob("*.json"))
