# SPDX-License-Identifier: Apache-2.0
"""The unit as it is shipped: keeps jobs apart, starts with the README's configuration.

usage: unit_test.py PROCESS_FLEET_TEST
"""
import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UNIT = (ROOT / "packaging/systemd/jitney.service").read_text()
README = (ROOT / "README.md").read_text()
FLEET_TEST = sys.argv.pop()


def setting(name):
    return [value for key, _, value in (line.partition("=") for line in UNIT.splitlines()) if key == name]


def as_the_unit(*command):
    names = " ".join(setting("CapabilityBoundingSet")).split()
    kept = ",".join("+" + name.removeprefix("CAP_").lower() for name in names)
    assert setting("NoNewPrivileges") == ["yes"]
    return ["setpriv", f"--bounding-set=-all,{kept}", "--no-new-privs", *command]


class Unit(unittest.TestCase):
    @unittest.skipIf(os.geteuid() != 0, "only root has capabilities to bound")
    def test_its_capabilities_do_to_keep_runners_apart(self):
        own = ["unshare", "--fork", "--pid", "--mount", "--ipc", "true"]
        if subprocess.run(own, capture_output=True).returncode != 0:
            self.skipTest("root has no namespaces here")
        ran = subprocess.run(as_the_unit(FLEET_TEST, "--gtest_filter=HostileJobTest.*"), capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("[  PASSED  ]", ran.stdout)
        # They skip themselves where namespaces cannot be made.
        self.assertNotIn("SKIPPED", ran.stdout)

    def test_it_starts_without_credentials_and_offers_the_files_of_the_readme(self):
        self.assertEqual(setting("LoadCredential"), [], "a missing file would keep the unit from starting")
        offered = dict(re.findall(r"^# LoadCredential=([^:]+):(\S+)$", UNIT, re.MULTILINE))
        self.assertEqual(set(offered.values()), set(re.findall(r'{ file = "([^"]+)" }', README)))
        for name, path in offered.items():
            self.assertEqual(name, pathlib.PurePath(path).name)

    def test_runners_groups_are_below_another_unit_which_it_starts(self):
        group = pathlib.PurePath(setting("Environment")[0].removeprefix("JITNEY_RUNNERS_CGROUP="))
        self.assertEqual(group.parent, pathlib.PurePath("/sys/fs/cgroup/system.slice"))
        self.assertIn(group.name, setting("Wants")[0].split())
        self.assertIn(group.name, setting("After")[0].split())
        holder = (ROOT / "packaging/systemd" / group.name).read_text().splitlines()
        for line in ("Delegate=yes", "KillMode=process", "Restart=always"):
            self.assertIn(line, holder)
        self.assertNotIn("Delegate=yes", UNIT.splitlines(), "what it hands down keeps it from starting again")

    def test_it_starts_what_script_install_installs(self):
        command = setting("ExecStart")[0].split()
        directory = re.search(r"^directory=\$\{1:-(\S+)\}$", (ROOT / "script/install").read_text(), re.MULTILINE)
        self.assertEqual(command[0], f"{directory[1]}/jitney")
        self.assertIn(f"as `{command[-1]}`", README)


if __name__ == "__main__":
    unittest.main()
