# SPDX-License-Identifier: Apache-2.0
"""Fails when a test file is in no target: a test that is not built is a lie.

usage: targets.py ROOT COMPILE_COMMANDS
"""
import json
import pathlib
import subprocess
import sys


def unbuilt(tests, commands, root):
    built = {str(pathlib.Path(entry["file"]).resolve()) for entry in commands}
    return [test for test in tests if str((root / test).resolve()) not in built]


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    commands = json.loads(pathlib.Path(sys.argv[2]).read_text())
    if unbuilt(["planted_test.cpp"], commands, root) != ["planted_test.cpp"]:
        sys.exit("self-check: a file in no target was not found")
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*_test.cpp"],
                            cwd=root, capture_output=True, text=True, check=True)
    tests = [test for test in listed.stdout.split() if (root / test).exists()]
    missing = unbuilt(tests, commands, root)
    for test in missing:
        print(f"{test} is in no target: add it to a CMakeLists.txt")
    print(f"{len(tests)} test files, {len(missing)} in no target")
    return 1 if missing or not tests else 0


sys.exit(main())
