#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# runner/jitney-runner with every command stubbed that would change this machine.

load world.bash
setup() { start_world; }
teardown() { end_world; }

@test "runs the image's runner with the JIT configuration in its environment only, then powers off" {
  bake_runner
  run runner
  [ "$status" -eq 0 ]
  [[ $output == *"runner ended (0)"* ]]
  [ "$(cat "$STUB/listener-argv")" = run ]
  grep -qx "ACTIONS_RUNNER_INPUT_JITCONFIG=$JIT" "$STUB/listener-environment"
  [ "$(cut -d' ' -f1 "$STUB/environment-files")" = 600 ]
  powered_off
  no_secret_left
  [ ! -e "$STUB/refused" ]
}

@test "runs the listener as the unprivileged user, in a clean environment, without the metadata service" {
  bake_runner
  PLANTED_SECRET=1 run runner
  [ "$status" -eq 0 ]
  called 'useradd .* runner'
  called 'systemd-run .*--uid=runner'
  called 'IPAddressDeny=169.254.169.254'
  called 'OOMPolicy=continue'
  lacks PLANTED_SECRET "$STUB/listener-environment"
  lacks AWS_ "$STUB/listener-environment"
}

@test "lets jobs reach the metadata service only when told to" {
  bake_runner
  setting JITNEY_METADATA allow
  run runner
  [ "$status" -eq 0 ]
  not_called IPAddressDeny
}

@test "waits for user data, and takes the settings that it writes" {
  bake_runner
  cloud_init "echo JITNEY_USER=builder >>$JITNEY_ETC/runner.env"
  run runner
  [ "$status" -eq 0 ]
  called '^cloud-init status --wait$'
  called 'systemd-run .*--uid=builder'
}

@test "user data that failed is said, and the runner starts" {
  bake_runner
  cloud_init 'exit 1'
  run runner
  [ "$status" -eq 0 ]
  [[ $output == *"user data failed"* ]]
  [ "$(listener_runs)" = 1 ]
}

@test "warnings of cloud-init are not called a failure" {
  bake_runner
  cloud_init 'exit 2'
  run runner
  [ "$status" -eq 0 ]
  [[ $output == *"with warnings"* ]]
  [[ $output != *"failed"* ]]
}

@test "user data that does not end is not waited for without bound" {
  bake_runner
  cloud_init 'exec sleep 30'
  JITNEY_USER_DATA_TIME=1 run runner
  [ "$status" -eq 0 ]
  [[ $output == *"not done after 1 s"* ]]
  [ "$(listener_runs)" = 1 ]
}

@test "SIGTERM while waiting for user data: nothing starts, nothing secret stays, the machine goes" {
  bake_runner
  cloud_init "echo \$\$ >$STUB/in-cloud-init; exec sleep 30"
  runner_in_background one
  local one=$!
  wait_for test -s "$STUB/in-cloud-init"
  local since=$SECONDS
  kill -TERM $one
  status_of $one 143
  [ $((SECONDS - since)) -lt 10 ]
  wait_for ended "$(cat "$STUB/in-cloud-init")"
  not_called systemd-run
  powered_off
  no_secret_left
}

@test "SIGTERM ends what a timeout has just started, though the timeout does not pass it on" {
  bake_runner
  # As GNU timeout does it for a moment: between its fork and its note of the child's number.
  printf '#!%s\nimport os, subprocess, sys\nos.setpgid(0, 0)\nsubprocess.call(sys.argv[3:])\n' \
    "$(command -v "${JITNEY_PYTHON:-python3}")" >"$BIN/timeout"
  chmod +x "$BIN/timeout"
  cloud_init "echo \$\$ >$STUB/in-cloud-init; exec sleep 30"
  runner_in_background one
  local one=$!
  wait_for test -s "$STUB/in-cloud-init"
  kill -TERM $one
  status_of $one 143
  wait_for ended "$(cat "$STUB/in-cloud-init")"
}

@test "a signal after user data, while hooks run, is heard as ever" {
  bake_runner
  cloud_init 'exit 0'
  hook before 10-slow "touch $STUB/in-hook; exec sleep 30"
  runner_in_background one
  local one=$!
  wait_for test -e "$STUB/in-hook"
  kill -TERM $one
  status_of $one 143
  not_called systemd-run
  powered_off
}

@test "a mistake in the settings ends the machine, too" {
  bake_runner
  setting JITNEY_MAX_TIME soon
  run runner
  [ "$status" -eq 78 ]
  [[ $output == *JITNEY_MAX_TIME* ]]
  powered_off
  no_secret_left
}

@test "a listener that cannot be executed leaves no diagnostics, and its status is told" {
  bake_runner
  printf '#!/bin/sh\nexit 203\n' >"$RUNNER_DIR/bin/Runner.Listener"
  run runner
  [ "$status" -eq 203 ]
  [[ $output == *"cannot be executed"* ]]
  powered_off
}

@test "directories made for the runner let its user through" {
  sed -i "s,^JITNEY_RUNNER_DIR=.*,JITNEY_RUNNER_DIR=$BATS_TEST_TMPDIR/made/here/runner," "$JITNEY_ETC/runner.env"
  setting JITNEY_RUNNER_SHA256 "$(pack_runner)"
  run runner
  [ "$status" -eq 0 ]
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/made" "$BATS_TEST_TMPDIR/made/here" | sort -u)" = 755 ]
}

@test "what a hook makes may be read by jobs" {
  bake_runner
  hook before 10-install "mkdir $BATS_TEST_TMPDIR/tool"
  run runner
  [ "$status" -eq 0 ]
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/tool")" = 755 ]
}

@test "supervises in a unit of its own that powers the machine off however it ends" {
  bake_runner
  run runner
  called 'systemd-run .*--unit=jitney-runner .*ExecStopPost=.*shutdown -h +1'
}

@test "takes an existing user as he is" {
  bake_runner
  echo 1001 >"$STUB/user-runner"
  run runner
  [ "$status" -eq 0 ]
  not_called useradd
}

@test "refuses a user that is root by another name" {
  bake_runner
  echo 0 >"$STUB/user-runner"
  run runner
  [ "$status" -eq 78 ]
  [ "$(listener_runs)" = "" ]
}

@test "downloads the pinned version, checks it, and unpacks it" {
  setting JITNEY_RUNNER_SHA256 "$(pack_runner)"
  run runner
  [ "$status" -eq 0 ]
  called 'curl .*--proto =https .*/releases/download/v2.337.0/actions-runner-linux-x64-2.337.0.tar.gz'
  [ "$(listener_runs)" = 1 ]
  [ ! -e "$RUNNER_DIR/.download.tar.gz" ]
}

@test "downloads the arm64 runner on arm64" {
  echo aarch64 >"$STUB/machine"
  setting JITNEY_RUNNER_SHA256 "$(pack_runner)"
  run runner
  [ "$status" -eq 0 ]
  called 'actions-runner-linux-arm64-2.337.0.tar.gz'
}

@test "downloads from the mirror in S3 with the machine's role" {
  setting JITNEY_RUNNER_SHA256 "$(pack_runner)"
  setting JITNEY_MIRROR s3://mirror/runners
  mkdir -p "$STUB/objects/mirror/runners"
  mv "$STUB/archive" "$STUB/objects/mirror/runners/actions-runner-linux-x64-2.337.0.tar.gz"
  run runner
  [ "$status" -eq 0 ]
  not_called curl
  [ "$(listener_runs)" = 1 ]
}

@test "another version needs its checksum" {
  setting JITNEY_RUNNER_VERSION 2.340.0
  run runner
  [ "$status" -eq 78 ]
  [[ $output == *JITNEY_RUNNER_SHA256* ]]
}

@test "an archive that is not the pinned one is thrown away unopened" {
  pack_runner
  run runner
  [ "$status" -eq 65 ]
  [[ $output == *"nothing of it was run"* ]]
  [ ! -e "$RUNNER_DIR/bin" ]
  [ ! -e "$RUNNER_DIR/.download.tar.gz" ]
  not_called 'systemd-run'
  powered_off
  no_secret_left
}

@test "an unknown machine says so" {
  echo riscv64 >"$STUB/machine"
  run runner
  [ "$status" -eq 71 ]
  [[ $output == *riscv64* ]]
}

@test "a missing JIT object starts nothing" {
  bake_runner
  rm "$(jit_object)"
  run runner
  [ "$status" -eq 66 ]
  [[ $output == *"taken before, expired or not ours"* ]]
  not_called systemd-run
  powered_off
}

@test "an object that is no JIT configuration starts nothing" {
  bake_runner
  put "$JIT_KEY" $'abc\nLD_PRELOAD=/tmp/x'
  sed -i '1s/.*/abc def/' "$(jit_object)"
  run runner
  [ "$status" -eq 66 ]
  not_called systemd-run
  [ ! -e "$(jit_object)" ]
}

@test "only the first line of the object reaches the unit's environment" {
  bake_runner
  printf '%s\nLD_PRELOAD=/tmp/x\n' "$JIT" >"$(jit_object)"
  run runner
  [ "$status" -eq 0 ]
  lacks LD_PRELOAD "$STUB/listener-environment"
}

@test "an enormous object is not read" {
  bake_runner
  head -c 70000 /dev/zero | tr '\0' A >"$(jit_object)"
  run runner
  [ "$status" -eq 66 ]
  not_called systemd-run
}

@test "two answers of 503 from S3 do no harm" {
  bake_runner
  echo 2 >"$STUB/s3-failures"
  run runner
  [ "$status" -eq 0 ]
}

@test "no network: S3 does not answer" {
  bake_runner
  AWS_ENDPOINT_URL_S3=http://127.0.0.1:9 run runner
  [ "$status" -eq 69 ]
  [[ $output == *"cannot reach S3"* ]]
  not_called systemd-run
  powered_off
}

@test "no network: the metadata service does not answer" {
  bake_runner
  : >"$STUB/no-metadata"
  run runner
  [ "$status" -eq 69 ]
  [[ $output == *"metadata service"* ]]
}

@test "no network: GitHub does not answer" {
  run runner
  [ "$status" -eq 69 ]
  [[ $output == *JITNEY_MIRROR* ]]
  powered_off
  no_secret_left
}

@test "codes 2, 3 and 4 start the listener again, without the JIT configuration" {
  bake_runner
  plan 2 update 4 0
  run runner
  [ "$status" -eq 0 ]
  [ "$(listener_runs)" = 4 ]
  [ "$(grep -c '^ACTIONS_RUNNER_INPUT_JITCONFIG=' "$STUB/listener-environment")" = 1 ]
  [ ! -e "$RUNNER_DIR/update.finished" ]
}

@test "a listener that always fails in passing is given up after ten restarts" {
  bake_runner
  plan 2 2 2 2 2 2 2 2 2 2 2 2 2
  run runner
  [ "$status" -eq 2 ]
  [ "$(listener_runs)" = 11 ]
  powered_off
}

@test "codes 1, 5, 7 and unknown ones end the command with themselves and a reason" {
  bake_runner
  local code
  for code in 1 5 7 42; do
    next_machine
    put_jit
    plan $code
    run runner
    [ "$status" -eq $code ]
    [[ $output == *"runner ended ($code)"* ]]
  done
}

@test "a listener killed by a signal is told from one that ended" {
  bake_runner
  plan kill
  run runner
  [ "$status" -eq 137 ]
  [[ $output == *"killed by signal 9"* ]]
  powered_off
}

@test "a listener killed for want of memory is named so" {
  bake_runner
  plan oom
  run runner
  [ "$status" -eq 137 ]
  [[ $output == *"want of memory"* ]]
}

@test "two commands at once start one runner; both end with it" {
  bake_runner
  plan wait
  runner_in_background one
  local one=$!
  runner_in_background two
  local two=$!
  wait_for test -e "$STUB/running"
  wait_for grep -q 'starts none' "$STUB/output-one" "$STUB/output-two"
  kill -0 $one
  kill -0 $two
  : >"$STUB/go"
  status_of $one 0
  status_of $two 0
  [ "$(listener_runs)" = 1 ]
  [ "$(cat "$STUB/output-one" "$STUB/output-two" | grep -c 'starts none')" = 1 ]
  no_secret_left
}

@test "a command after the end starts nothing, deletes its object and repeats the status" {
  bake_runner
  plan 7
  run runner
  put jit/AROAEXAMPLE:i-0123456789abcdef0/other "$JIT"
  run runner jit/AROAEXAMPLE:i-0123456789abcdef0/other
  [ "$status" -eq 7 ]
  [ "$(listener_runs)" = 1 ]
  [ ! -e "$STUB/objects/jit-bucket/jit/AROAEXAMPLE:i-0123456789abcdef0/other" ]
}

@test "a command killed while preparing leaves the machine to the next one" {
  bake_runner
  hook before 10-slow "echo \$\$ >$STUB/in-hook; exec sleep 30"
  runner_in_background one
  local one=$!
  wait_for test -s "$STUB/in-hook"
  kill -KILL $one
  status_of $one 137
  kill -KILL "$(cat "$STUB/in-hook")"
  rm "$JITNEY_ETC/before.d/10-slow"
  run runner
  [ "$status" -eq 0 ]
  [ "$(listener_runs)" = 1 ]
}

@test "SIGTERM while preparing: nothing starts, nothing secret stays, the machine goes" {
  bake_runner
  hook before 10-slow "touch $STUB/in-hook; exec sleep 30"
  runner_in_background one
  local one=$!
  wait_for test -e "$STUB/in-hook"
  local since=$SECONDS
  kill -TERM $one
  status_of $one 143
  [ $((SECONDS - since)) -lt 10 ]
  not_called systemd-run
  powered_off
  no_secret_left
}

# The command ends, and the runner does in its own time.
cancelled_without_the_runner() {
  status_of "$1" 143
  not_called '^shutdown -h'
  grep -q 'the runner goes on' "$STUB/output-one"
  : >"$STUB/go"
  powered_off
  [ "$(cat "$JITNEY_RUN/status")" = 0 ]
}

@test "SIGTERM while systemd starts the supervisor: it may run already, so it goes on" {
  bake_runner
  plan wait
  rm "$BIN/systemd-run"
  # shellcheck disable=SC2016  # the stub expands it
  printf '#!/bin/sh\n%s "$@"\nstatus=$?\ncase "$*" in *--unit=jitney-runner\\ *) until [ -e %s ]; do sleep 0.05; done ;; esac\nexit $status\n' \
    "$HERE/stubs/systemd-run" "$STUB/signalled" >"$BIN/systemd-run"
  chmod +x "$BIN/systemd-run"
  runner_in_background one
  local one=$!
  wait_for test -e "$STUB/running"
  kill -TERM $one
  : >"$STUB/signalled"
  cancelled_without_the_runner $one
}

@test "SIGTERM while the runner runs: the command ends, the runner does not" {
  bake_runner
  plan wait
  runner_in_background one
  local one=$!
  wait_for test -e "$STUB/running"
  kill -TERM $one
  cancelled_without_the_runner $one
}

@test "SIGTERM to the supervisor ends the listener with SIGTERM, then everything else as ever" {
  bake_runner
  plan wait
  hook after 10-note "echo \$JITNEY_STATUS >$STUB/after"
  runner_in_background one
  local one=$!
  wait_for test -e "$STUB/running"
  kill -TERM "$(cat "$STUB/units/jitney-runner/MainPID")"
  status_of $one 0
  called 'systemctl stop .*jitney-listener-0'
  grep -q 'told to stop' "$STUB/output-one"
  [ "$(listener_runs)" = 1 ]
  [ "$(cat "$STUB/after")" = 0 ]
  powered_off
}

@test "a listener that ends while the supervisor still asks for its end keeps its status" {
  bake_runner
  plan wait
  rm "$BIN/systemctl"
  # shellcheck disable=SC2016  # the stub expands it
  printf '#!/bin/sh\n%s "$@"\n[ "$1" != stop ] || while pgrep -r D,R,S -f "%s"; do sleep 0.05; done\n' \
    "$HERE/stubs/systemctl" "systemd-run.*WorkingDirectory=$RUNNER_DIR" >"$BIN/systemctl"
  chmod +x "$BIN/systemctl"
  runner_in_background one
  local one=$!
  wait_for test -e "$STUB/running"
  kill -TERM "$(cat "$STUB/units/jitney-runner/MainPID")"
  status_of $one 0
  [ "$(cat "$JITNEY_RUN/status")" = 0 ]
}

@test "a supervisor that was killed is not taken for a finished job" {
  bake_runner
  plan wait
  runner_in_background one
  local one=$!
  wait_for test -e "$STUB/running"
  kill -KILL "$(cat "$STUB/units/jitney-runner/MainPID")"
  status_of $one 70
  grep -q 'nobody knows' "$STUB/output-one"
  powered_off
}

@test "systemd that starts no unit is an unsuitable machine" {
  bake_runner
  : >"$STUB/no-systemd"
  run runner
  [ "$status" -eq 71 ]
  powered_off
  no_secret_left
}

@test "hooks run in order, before and after, with the runner's name and status" {
  bake_runner
  plan 1
  hook before 20-b "echo before-b >>$STUB/hooks"
  hook before 10-a "echo before-a \$JITNEY_RUNNER_NAME >>$STUB/hooks"
  hook after 10-c "echo after \$JITNEY_STATUS >>$STUB/hooks"
  printf '#!/bin/sh\nexit 1\n' >"$JITNEY_ETC/before.d/30-not-executable"
  run runner
  [ "$status" -eq 1 ]
  [ "$(cat "$STUB/hooks")" = $'before-a acme-cpu-7\nbefore-b\nafter 1' ]
}

@test "a before hook that fails starts no runner" {
  bake_runner
  hook before 10-bad 'exit 3'
  run runner
  [ "$status" -eq 73 ]
  [[ $output == *"10-bad ended with status 3"* ]]
  not_called systemd-run
  powered_off
  no_secret_left
}

@test "a before hook that hangs is ended" {
  bake_runner
  setting JITNEY_HOOK_TIME 1
  hook before 10-hangs 'exec sleep 30'
  run runner
  [ "$status" -eq 73 ]
}

@test "an after hook that fails changes nothing" {
  bake_runner
  hook after 10-bad 'exit 3'
  run runner
  [ "$status" -eq 0 ]
  [[ $output == *"10-bad ended with status 3"* ]]
  powered_off
}

@test "ships the listener's diagnostics, the workers' only when asked, and follows no link" {
  bake_runner
  mkdir -p "$RUNNER_DIR/_diag"
  echo private >"$BATS_TEST_TMPDIR/private"
  ln -s "$BATS_TEST_TMPDIR/private" "$RUNNER_DIR/_diag/Runner_0.log"
  run runner
  [[ $output == *"diagnostics of a run"* ]]
  [[ $output != *"of a worker"* ]]
  [[ $output != *private* ]]
  next_machine
  put_jit
  setting JITNEY_DIAGNOSTICS all
  run runner
  [[ $output == *"of a worker"* ]]
}

@test "the machine stays on when told to" {
  bake_runner
  setting JITNEY_POWEROFF no
  run runner
  [ "$status" -eq 0 ]
  not_called '^shutdown -h'
}

@test "variables for every job become the runner's .env" {
  bake_runner
  echo FOO=bar >"$JITNEY_ETC/job.env"
  run runner
  [ "$(cat "$RUNNER_DIR/.env")" = FOO=bar ]
}

@test "sudo is given only when asked for" {
  bake_runner
  run runner
  [ ! -e "$JITNEY_SUDOERS/jitney" ]
  next_machine
  put_jit
  setting JITNEY_SUDO yes
  setting JITNEY_GROUPS docker,video
  run runner
  [ "$status" -eq 0 ]
  grep -q '^runner ALL=(ALL) NOPASSWD:ALL$' "$JITNEY_SUDOERS/jitney"
  called 'usermod --append --groups video runner'
}

@test "mistakes in the settings and arguments are named" {
  bake_runner
  run bash "$SCRIPT" --jit https://example.org/x --name a
  [ "$status" -eq 64 ]
  run bash "$SCRIPT" --jit 's3://jit-bucket/x;reboot' --name a
  [ "$status" -eq 64 ]
  run bash "$SCRIPT" --jit s3://jit-bucket/x --name 'a b'
  [ "$status" -eq 64 ]
  run bash "$SCRIPT" --wrong
  [ "$status" -eq 64 ]
  setting JITNEY_MAX_TIME soon
  run runner
  [ "$status" -eq 78 ]
  [[ $output == *JITNEY_MAX_TIME* ]]
}

@test "refuses to run as anyone but root" {
  echo 1000 >"$STUB/uid"
  run runner
  [ "$status" -eq 64 ]
}
