#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Maps the listener's exit code to what run.sh should do.
if [ "$(id -u)" -eq 0 ] && [ -z "$RUNNER_ALLOW_RUNASROOT" ]; then
  echo "Must not run interactively with sudo"
  exit 1
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$root/bin/Runner.Listener" run "$@"
code=$?
case $code in
  0) echo "Runner listener exit with 0 return code, stop the service, no retry needed."; exit 0 ;;
  1) echo "Runner listener exit with terminated error, stop the service, no retry needed."; exit 0 ;;
  2) echo "Runner listener exit with retryable error, re-launch runner in 5 seconds."; sleep 5; exit 2 ;;
  3 | 4) echo "Runner listener exit because of updating, re-launch runner."; exit 2 ;;
  5) echo "Runner listener exit with Session Conflict error, stop the service, no retry needed."; exit 0 ;;
  7) echo "Runner version is deprecated, exit."; exit 7 ;;
  *) echo "Exiting with unknown error code: $code"; exit 0 ;;
esac
