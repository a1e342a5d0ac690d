#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# script/install, in a checkout whose build is a stub: what the installed command needs lies where it looks for it.

setup() {
  checkout=$BATS_TEST_TMPDIR/checkout
  stubs=$BATS_TEST_TMPDIR/stubs
  prefix=$BATS_TEST_TMPDIR/prefix
  mkdir -p "$checkout/script" "$stubs"
  cp "$BATS_TEST_DIRNAME/../../script/install" "$checkout/script/install"
  stub "$checkout/script/setup" ':'
  stub "$stubs/cmake" ':'
  # Builds what it is asked for, and nothing else.
  stub "$stubs/ninja" 'cd "$2"; for target in "${@:3}"; do "$target"; done'
  stub "$stubs/jitney" 'printf "#!/bin/sh\necho jitney 1\n" >jitney'
  stub "$stubs/runner_package" 'mkdir -p runner-package/bin
cd runner-package && touch config.sh run.sh run-helper.sh bin/Runner.Listener'
  mkdir -p "$checkout/build/release"
  export PATH=$stubs:$PATH
}

stub() {
  printf '#!/usr/bin/env bash\nset -e\n%s\n' "$2" >"$1"
  chmod +x "$1"
}

@test "the command is installed, and beside it all that its demo runs" {
  umask 077
  run "$checkout/script/install" "$prefix/bin"
  [ "$status" -eq 0 ]
  [[ ${lines[-1]} == "jitney 1" ]]
  package=$prefix/share/jitney/runner-package
  [ -x "$package/bin/Runner.Listener" ]
  diff <(cd "$checkout/build/release/runner-package" && find . -type f | sort) <(cd "$package" && find . -type f | sort)
  # Another user than the one who installed runs it.
  [ -z "$(find "$package" ! -perm -005)" ]
}

@test "installing again replaces both" {
  "$checkout/script/install" "$prefix/bin"
  stub "$stubs/runner_package" 'echo new >runner-package/run.sh'
  run "$checkout/script/install" "$prefix/bin"
  [ "$status" -eq 0 ]
  [ "$(cat "$prefix/share/jitney/runner-package/run.sh")" = new ]
}

@test "a build that fails installs nothing and shows why" {
  stub "$stubs/jitney" 'echo "the reason"; exit 1'
  run "$checkout/script/install" "$prefix/bin"
  [ "$status" -eq 1 ]
  [[ $output == *"the reason"* ]]
  [ ! -e "$prefix/bin" ]
}
