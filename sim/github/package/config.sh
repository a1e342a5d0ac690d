#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ "$1" = remove ]; then
  shift
  exec "$root/bin/Runner.Listener" remove "$@"
fi
exec "$root/bin/Runner.Listener" configure "$@"
