# SPDX-License-Identifier: Apache-2.0
"""Scripts of tests/node, which speak for GitHub: its example payloads, its signatures, its API description."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def install():
    """Without network only after a first time; quiet unless it fails."""
    subprocess.run([ROOT / "tests/node/install"], check=True, timeout=300)


def run(script, *words, stdin=None, environment=None):
    """What the script prints, read as JSON."""
    done = subprocess.run(["node", ROOT / "build/node-tests" / script, *words], input=json.dumps(stdin), text=True,
                          capture_output=True, check=False, timeout=120, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise AssertionError(f"{script} {' '.join(words)}: exit {done.returncode}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


def examples():
    """GitHub's example payloads: [{"set", "event", "body"}, ...]."""
    install()
    return run("webhooks.mjs", "examples")


def sign(bodies, secret):
    """The signatures that octokit makes for these texts."""
    return run("webhooks.mjs", "sign", stdin=bodies, environment={"WEBHOOK_SECRET": secret})
