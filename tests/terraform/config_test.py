# SPDX-License-Identifier: Apache-2.0
"""The jitney.toml that the module renders is one that jitney accepts.

usage: config_test.py JITNEY
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

from state import EVERY, deployed

JITNEY = sys.argv.pop(1)


class Configuration(unittest.TestCase):
    def test_jitney_has_nothing_to_say_against_it(self):
        self.assertGreater(len(EVERY), 2)
        for name in EVERY:
            function = deployed(name).of("aws_lambda_function")["create_runner"]
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "jitney.toml"
                path.write_text(function["environment"][0]["variables"]["JITNEY_CONFIG_TEXT"])
                done = subprocess.run([JITNEY, "config", "check", "--file-only", "--config", path], capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertNotIn("is not known", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
