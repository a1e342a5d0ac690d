#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the zip for AWS Lambda of a built `bootstrap`, and refuses one that would not run there, or start slowly.

usage: lambda_zip.py ZIP BOOTSTRAP CERTIFICATES [CONFIG]
CERTIFICATES is a directory with one root a file, named by its hash: a connection reads the one it needs.
"""
import pathlib
import re
import subprocess
import sys
import zipfile

GLIBC = (2, 34)  # of Amazon Linux 2023, which has none of our libraries
LIBRARIES = re.compile(r"(libc|libm|ld-linux.*)\.so\.\d+")
MOST_BOOTSTRAP, MOST_ZIP = 3_000_000, 4_000_000  # bytes packed; more start slowly


class Unfit(Exception):
    """Why this is nothing for Lambda, for whoever builds it."""


def objdump(option, binary):
    done = subprocess.run(["objdump", option, binary], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unfit(f"{binary} is no executable: {done.stderr.strip()}")
    return done.stdout


def check_binary(binary):
    headers = objdump("-p", binary)
    needed = re.findall(r"^\s*NEEDED\s+(\S+)", headers, re.MULTILINE)
    if strange := [name for name in needed if not LIBRARIES.fullmatch(name)]:
        raise Unfit(f"bootstrap wants libraries that Lambda has not: {' '.join(strange)}")
    if "Dynamic Section:" not in headers:
        return  # linked statically: it takes no symbol of any library
    late = {}
    for major, minor, name in re.findall(r"\bGLIBC_(\d+)\.(\d+)\S*\s+(?:\.\w+\s+)?(\S+)$", objdump("-T", binary),
                                         re.MULTILINE):
        if (int(major), int(minor)) > GLIBC:
            late.setdefault((int(major), int(minor)), []).append(name)
    if late:
        wants = "; ".join(f"GLIBC_{major}.{minor} for {', '.join(names)}"
                          for (major, minor), names in sorted(late.items()))
        raise Unfit(f"bootstrap wants {wants}; Lambda has GLIBC_{GLIBC[0]}.{GLIBC[1]}")


def write(target, bootstrap, certificates, config=None):
    """(bytes of the zip, bytes of bootstrap in it). The same bytes for the same content, so that Terraform sees a
    change only where there is one."""
    roots = sorted(path for path in pathlib.Path(certificates).iterdir() if re.search(r"\.\d+$", path.name))
    if not roots:
        raise Unfit(f"{certificates} has no hashed certificates; install ca-certificates")
    files = [("bootstrap", bootstrap, 0o755), *((f"certs/{path.name}", path, 0o644) for path in roots)]
    if config:
        files.append(("jitney.toml", config, 0o644))
    with zipfile.ZipFile(target, "w") as made:
        for name, path, mode in files:
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.create_system = 3  # Unix: the mode counts
            made.writestr(entry, pathlib.Path(path).read_bytes(), zipfile.ZIP_DEFLATED, 9)
        packed = made.getinfo("bootstrap").compress_size
    total = pathlib.Path(target).stat().st_size
    for name, size, most in (("bootstrap", packed, MOST_BOOTSTRAP), ("the zip", total, MOST_ZIP)):
        if size > most:
            raise Unfit(f"{name} has {size} bytes packed; {most} are the most that start quickly")
    return total, packed


def main():
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    target, bootstrap, certificates, *config = sys.argv[1:]
    try:
        check_binary(bootstrap)
        total, packed = write(target, bootstrap, certificates, *config)
    except Unfit as unfit:
        pathlib.Path(target).unlink(missing_ok=True)
        sys.exit(f"script/package: {unfit}")
    print(f"{target}: {total / 1e6:.2f} MB, bootstrap {packed / 1e6:.2f} MB of it", file=sys.stderr)


if __name__ == "__main__":
    main()
