# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy-19 on files, two at a time, and skips those that were clean before.

usage: tidy.py BUILD_DIR FILE ...
What was clean is remembered in BUILD_DIR/tidy-clean by a hash of the file, of every header of ours and of
.clang-tidy, so that a second run takes seconds.
"""
import concurrent.futures
import hashlib
import os
import pathlib
import subprocess
import sys


def digest(paths):
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(pathlib.Path(path).read_bytes())
    return total.hexdigest()


def tracked(pattern):
    listed = subprocess.run(["git", "ls-files", pattern], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def tidy(build, file):
    # The compile commands are g++'s: clang does not know two of its warning flags, and finds fault inside libstdc++.
    return subprocess.run(
        ["clang-tidy-19", "-p", build, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
         "--extra-arg=-Wno-deprecated-declarations", file],
        capture_output=True, text=True, check=False)


def main():
    build, files = sys.argv[1], sys.argv[2:]
    memory = pathlib.Path(build) / "tidy-clean"
    memory.mkdir(exist_ok=True)
    headers = digest(tracked("*.hpp") + [".clang-tidy"])
    wanted = []
    for file in files:
        mark = memory / hashlib.sha256((headers + digest([file]) + file).encode()).hexdigest()
        if not mark.exists():
            wanted.append((file, mark))
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for (file, mark), done in zip(wanted, pool.map(lambda one: tidy(build, one[0]), wanted)):
            if done.returncode == 0:
                mark.touch()
            else:
                bad += 1
                print(done.stdout, done.stderr if not done.stdout else "", sep="", file=sys.stderr)
    print(f"clang-tidy: {len(files)} files, {len(files) - len(wanted)} known clean, {bad} with findings")
    return 1 if bad else 0


sys.exit(main())
