# SPDX-License-Identifier: Apache-2.0
"""Refuses includes that cross the allowed directions, and what has no place in core/.

apps -> {local, aws, github} -> net -> core; adapters never include each other; only apps and sim may name two.
usage: includes.py ROOT
"""
import pathlib
import re
import subprocess
import sys

ALLOWED = {
    "core": {"core"},
    "net": {"net", "core"},
    "github": {"github", "net", "core"},
    "local": {"local", "net", "core"},
    "aws": {"aws", "net", "core"},
    "sim": {"sim", "net", "core", "github", "local", "aws", "tests"},
    "apps": {"apps", "sim", "local", "aws", "github", "net", "core"},
    "tests": {"tests", "apps", "sim", "local", "aws", "github", "net", "core"},
}
# The core is a function of (world, time): no I/O, thread, clock or environment.
CORE_HEADERS = {
    "algorithm", "array", "charconv", "chrono", "compare", "concepts", "cstddef", "cstdint",
    "expected", "functional", "iosfwd", "limits", "map", "optional", "ranges", "set", "span",
    "string", "string_view", "tuple", "type_traits", "utility", "variant", "vector",
}
CORE_WORDS = re.compile(r"_clock::now|\bgetenv\b|\bstd::(thread|mutex|atomic|this_thread)\b|\btime\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def findings(path, text):
    """Every line of one file that breaks a rule."""
    folder = path.split("/")[0]
    # What tests share beside the code bears "_test" in its name too.
    test = "_test" in path.rsplit("/", 1)[-1] or path.startswith("tests/")
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}"
        included = INCLUDE.match(line)
        if included and included[1] == '"':
            target = included[2].split("/")[0]
            allowed = ALLOWED.get(folder, set()) | ({"tests"} if test else set())
            if "/" not in included[2]:
                yield f"{where}: include \"{included[2]}\" by its path from the root"
            elif target in ALLOWED and target not in allowed:
                yield f"{where}: {folder}/ may not include {target}/"
        if folder == "core" and not test:
            if included and included[1] == "<" and included[2] not in CORE_HEADERS:
                yield f"{where}: <{included[2]}> has no place in core/"
            if CORE_WORDS.search(line.split("//")[0]):
                yield f"{where}: core/ has no clock, thread or environment: {line.strip()}"


def self_check():
    planted = [
        ("core/x.cpp", '#include "net/http.hpp"'),
        ("core/x.cpp", "#include <thread>"),
        ("core/x.cpp", "auto now = std::chrono::system_clock::now();"),
        ("local/x.cpp", '#include "github/rest.hpp"'),
        ("github/x.cpp", '#include "local/database.hpp"'),
        ("net/x.cpp", '#include "apps/jitney/config.hpp"'),
    ]
    for path, text in planted:
        if not list(findings(path, text)):
            sys.exit(f"self-check: nothing was found in {path}: {text}")
    if list(findings("apps/x.cpp", '#include "local/database.hpp"')):
        sys.exit("self-check: an allowed include was refused")


def main():
    self_check()
    root = pathlib.Path(sys.argv[1])
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.hpp", "*.cpp"],
                            cwd=root, capture_output=True, text=True, check=True)
    files = [f for f in listed.stdout.split() if f.split("/")[0] in ALLOWED and (root / f).exists()]
    bad = [line for file in files for line in findings(file, (root / file).read_text())]
    print("\n".join(bad))
    print(f"{len(files)} files, {len(bad)} findings")
    return 1 if bad or not files else 0


sys.exit(main())
