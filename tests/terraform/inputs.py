# SPDX-License-Identifier: Apache-2.0
"""What the rendered files were made from: changes in it call for script/test-terraform --render."""
import hashlib
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
PATTERNS = ("terraform/**/*.tf", "terraform/**/*.tftpl", "runner/user-data", "tests/terraform/stand_in/*.go",
            "tests/terraform/stand_in/schema.json", "tests/terraform/render.py")


def digest(root):
    files = sorted({path for pattern in PATTERNS for path in root.glob(pattern) if ".terraform" not in path.parts})
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()
