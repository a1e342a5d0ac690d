# SPDX-License-Identifier: Apache-2.0
"""What a person has after a clone and script/package, with OpenTofu and the stand-in for AWS: evaluated for real, made nowhere."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build/terraform"
ZIP = "../../../build/package/jitney-lambda-x86_64.zip"  # as the examples write it
LIMIT = 120  # seconds; an apply takes two


class Refused(Exception):
    """OpenTofu's own words, on one line."""


class Workspace:
    """A copy of terraform/ and runner/; `root` is the folder below terraform/ that is applied. `rc` names the provider."""

    def __init__(self, root, variables, rc=BUILT / "tofu.rc", environment=None, limit=LIMIT):
        self._environment = {**os.environ, **(environment or {}), "TF_CLI_CONFIG_FILE": str(rc), "TF_IN_AUTOMATION": "1",
                             "CHECKPOINT_DISABLE": "1"}
        self._limit = limit
        self._temporary = tempfile.TemporaryDirectory(prefix="jitney-terraform-")
        self.home = pathlib.Path(self._temporary.name)
        untouched = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.auto.tfvars", "secrets.tfvars")
        shutil.copytree(ROOT / "terraform", self.home / "terraform", ignore=untouched)
        shutil.copytree(ROOT / "runner", self.home / "runner")
        self.folder = self.home / "terraform" / root
        archive = self.home / "jitney.zip"
        archive.write_bytes(b"zip")
        if root:
            main = self.folder / "main.tf"
            main.write_text(main.read_text().replace(ZIP, str(archive)))
        else:
            variables = {"package": str(archive), **variables}
        (self.folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        self.tofu("init")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._temporary.cleanup()

    def tofu(self, command, *arguments):
        done = subprocess.run([BUILT / "tofu", command, "-no-color", *arguments], cwd=self.folder, env=self._environment,
                              capture_output=True, text=True, timeout=self._limit)
        if done.returncode != 0:
            raise Refused(" ".join((done.stdout + done.stderr).split())[-4000:])
        return done.stdout

    def apply(self):
        """Applies, and returns `tofu show -json` of what then stands."""
        self.tofu("apply", "-auto-approve", "-input=false")
        return json.loads(self.tofu("show", "-json"))

    def state_text(self):
        return (self.folder / "terraform.tfstate").read_text()
