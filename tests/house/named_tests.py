# SPDX-License-Identifier: Apache-2.0
"""Every test that docs/reliability.md names exists.

Names are in backquotes: `Suite.Test`, `file.py: test_name`, `mutant_name`, or a path.
usage: named_tests.py ROOT
"""
import pathlib
import re
import subprocess
import sys

GTEST = re.compile(r"^(?:TYPED_TEST|TYPED_TEST_P|TEST|TEST_F|TEST_P)\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
PYTEST = re.compile(r"^\s+def (test_\w+)\(", re.MULTILINE)


def tracked(root, *patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=root,
                            capture_output=True, text=True, check=True)
    return [root / name for name in listed.stdout.split()]


def known_tests(root):
    names = set()
    for path in tracked(root, "*.cpp", "*.hpp"):
        names |= {f"{suite}.{test}" for suite, test in GTEST.findall(path.read_text())}
    for path in tracked(root, "*_test.py"):
        names |= {f"{path.name}: {test}" for test in PYTEST.findall(path.read_text())} | {path.name}
    mutants = (root / "sim/world/mutants/CMakeLists.txt").read_text()
    names |= {f"mutant_{name}" for name in re.findall(r"^jitney_mutant\((\w+)", mutants, re.MULTILINE)}
    return names


def missing(root, text, known):
    for name in re.findall(r"`([^`\n]+)`", text):
        is_test = re.fullmatch(r"[A-Z]\w+\.[A-Z]\w+|\w+_test\.py(: test_\w+)?|mutant_\w+", name)
        is_path = re.fullmatch(r"(core|net|local|github|aws|sim|tests|apps)/[\w/.]+", name)
        if is_test and name not in known:
            yield f"no test {name}"
        if is_path and not (root / name).exists():
            yield f"no file {name}"


def main():
    root = pathlib.Path(sys.argv[1])
    known = known_tests(root)
    if not list(missing(root, "`Nowhere.ToBeFound`", known)):
        sys.exit("this check cannot fail")
    found = list(missing(root, (root / "docs/reliability.md").read_text(), known))
    print("\n".join(found) or f"docs/reliability.md: all of its tests are among {len(known)}")
    sys.exit(bool(found))


main()
