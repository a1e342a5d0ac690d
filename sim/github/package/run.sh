#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# As in the real runner package: starts the listener again when it asks for that (exit 2), and hides every
# other exit code but 7.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
while :; do
  "$root/run-helper.sh" "$@"
  case $? in
    2) echo "Restarting runner..." ;;
    7) exit 7 ;;
    *) echo "Exiting runner..."; exit 0 ;;
  esac
done
