# SPDX-License-Identifier: Apache-2.0
# The world of the runner script's tests: stubs on PATH, a metadata service and S3 of our own,
# directories in place of /etc and /run. Loaded by the .bats files.

readonly HERE=$BATS_TEST_DIRNAME
readonly SCRIPT=$HERE/../../runner/jitney-runner
readonly JIT_KEY='jit/AROAEXAMPLE:i-0123456789abcdef0/acme-cpu-7'
readonly JIT=eyIucnVubmVyIjoiZXlKQloyVnVkRWxrSWpveGZRPT0ifQ==

start_world() {
  export STUB=$BATS_TEST_TMPDIR/stub
  export JITNEY_ETC=$BATS_TEST_TMPDIR/etc JITNEY_RUN=$BATS_TEST_TMPDIR/run
  export JITNEY_SUDOERS=$BATS_TEST_TMPDIR/sudoers.d JITNEY_RETRY_SCALE=0.01
  RUNNER_DIR=$BATS_TEST_TMPDIR/actions-runner
  BIN=$BATS_TEST_TMPDIR/bin
  mkdir -p "$STUB/units" "$STUB/objects" "$JITNEY_ETC" "$BIN"
  : >"$STUB/calls"
  local name
  for name in systemd-run systemctl id uname curl; do ln -s "$HERE/stubs/$name" "$BIN/$name"; done
  for name in shutdown useradd usermod chown; do ln -s "$HERE/stubs/record" "$BIN/$name"; done
  export PATH=$BIN:$PATH
  printf 'JITNEY_RUNNER_DIR=%s\nJITNEY_RESTART_DELAY=0\nJITNEY_UPDATE_WAIT=5\n' "$RUNNER_DIR" \
    >"$JITNEY_ETC/runner.env"
  mkfifo "$STUB/hold"
  "${JITNEY_PYTHON:-python3}" "$HERE/fake_aws.py" "$STUB" <"$STUB/hold" >"$STUB/port" 3>&- &
  AWS=$!
  exec 8>"$STUB/hold" # closed at the end of the test: the server's end
  wait_for test -s "$STUB/port"
  AWS_ENDPOINT_URL_S3=http://127.0.0.1:$(cat "$STUB/port")
  export AWS_ENDPOINT_URL_S3
  export AWS_EC2_METADATA_SERVICE_ENDPOINT=$AWS_ENDPOINT_URL_S3
  put_jit
}

end_world() {
  : >"$STUB/go"
  exec 8>&-
  wait "$AWS" || true
  units_ended
}
# systemd ends a unit a moment after the last that the unit did.
units_ended() {
  local unit
  for unit in "$STUB"/units/*/of-systemd; do
    [ ! -e "$unit" ] || wait_for ended "$(cat "$unit")"
  done
}
# Another machine, for another command: nothing of the last unit writes here any more.
next_machine() {
  units_ended
  rm -rf "$JITNEY_RUN" "$STUB/units"
  mkdir "$STUB/units"
}
# A zombie has ended: it waits for init, which may be slow, or not care.
ended() {
  if grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; then return 1; fi
}

put_jit() { put "$JIT_KEY" "$JIT"; }
put() {
  mkdir -p "$STUB/objects/jit-bucket/$(dirname "$1")"
  printf '%s\n' "$2" >"$STUB/objects/jit-bucket/$1"
}
jit_object() { printf '%s/objects/jit-bucket/%s' "$STUB" "$JIT_KEY"; }

# A runner as an image has it.
bake_runner() {
  mkdir -p "${1:-$RUNNER_DIR}/bin"
  cp "$HERE/stubs/listener" "${1:-$RUNNER_DIR}/bin/Runner.Listener"
}

# A runner as GitHub packs it; prints its checksum.
pack_runner() {
  bake_runner "$BATS_TEST_TMPDIR/packed"
  tar -czf "$STUB/archive" -C "$BATS_TEST_TMPDIR/packed" .
  sha256sum "$STUB/archive" | cut -d' ' -f1
}

# cloud_init COMMAND: what the machine's `cloud-init status --wait` does.
cloud_init() {
  # shellcheck disable=SC2016  # the stub expands it
  printf '#!/bin/sh\nprintf "cloud-init %%s\\n" "$*" >>"$STUB/calls"\n%s\n' "$1" >"$BIN/cloud-init"
  chmod +x "$BIN/cloud-init"
}
setting() { printf '%s=%s\n' "$1" "$2" >>"$JITNEY_ETC/runner.env"; }
plan() { printf '%s\n' "$@" >"$STUB/plan"; }
hook() {
  mkdir -p "$JITNEY_ETC/$1.d"
  printf '#!/bin/sh\n%s\n' "$3" >"$JITNEY_ETC/$1.d/$2"
  chmod +x "$JITNEY_ETC/$1.d/$2"
}

runner() {
  bash "$SCRIPT" --jit "s3://jit-bucket/${1:-$JIT_KEY}" --name acme-cpu-7 --region eu-central-1 8>&- 3>&-
}
# The script itself, not a shell around it, so that a signal meets it.
runner_in_background() {
  bash "$SCRIPT" --jit "s3://jit-bucket/$JIT_KEY" --name acme-cpu-7 --region eu-central-1 \
    >"$STUB/output-$1" 2>&1 8>&- 3>&- &
}

wait_for() {
  local end=$((SECONDS + 60))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || {
      echo "waited 60 s in vain for: $*"
      return 1
    }
    sleep 0.05
  done
}
# `wait` that gives the status without ending the test.
status_of() {
  local status=0
  wait "$1" || status=$?
  echo "$status" >"$STUB/status-of"
  [ "$status" -eq "$2" ] || {
    echo "ended with $status instead of $2"
    return 1
  }
}
listener_runs() { grep -c . "$STUB/listener-argv" 2>/dev/null || true; }
called() { grep -q -- "$1" "$STUB/calls"; }
not_called() {
  if called "$1"; then return 1; fi
}
powered_off() { wait_for called '^shutdown -h +1'; }
# The JIT configuration is nowhere: neither on a disk nor in what was printed or called.
no_secret_left() {
  if [ -e "$(jit_object)" ] || [[ ${output:-} == *"$JIT"* ]]; then return 1; fi
  lacks "$JIT" "$JITNEY_RUN" "$JITNEY_ETC" "$STUB/calls" "$STUB/parent-argv"
}
# bash's own `!` never ends a test.
lacks() {
  if grep -rF -- "$@" 2>/dev/null; then return 1; fi
}
