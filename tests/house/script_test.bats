#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# script/test itself, in a checkout whose compiler and tests are stubs: a section fails when something is wrong, and
# only then. By hand: bats tests/house

setup() {
  checkout=$BATS_TEST_TMPDIR/checkout
  stubs=$BATS_TEST_TMPDIR/stubs
  mkdir -p "$checkout"/{script,tests/node} "$stubs"
  cp "$BATS_TEST_DIRNAME/../../script/test" "$checkout/script/test"
  for each in script/setup script/venv script/lint script/fuzz tests/node/install; do
    stub "$checkout/$each" ':'
  done
  # What is built ahead is told by the -j that it is given.
  stub "$stubs/cmake" 'mkdir -p "build/$2" && touch "build/$2/build.ninja"'
  stub "$stubs/ninja" 'case " $* " in *" -j "*) echo $$ >ahead.pid && mv ahead.pid ahead && exec bash -c "$AHEAD" ;; esac'
  stub "$stubs/ctest" 'eval "$TESTS"; echo "100% tests passed, 0 tests failed out of 3"'
  # Idle time may be long in coming on a busy machine.
  stub "$stubs/chrt" 'exec "${@:3}"'
  export PATH=$stubs:$PATH AHEAD=: TESTS=:
}

stub() {
  printf '#!/usr/bin/env bash\nset -e\n%s\n' "$2" >"$1"
  chmod +x "$1"
}

# wait_until CONDITION: the code that waits for it, ten seconds at most. A stub of ctest runs it in build/dev.
wait_until() { echo "for _ in {1..1000}; do $1 && break; sleep 0.01; done; $1"; }

@test "a section whose tests pass is ok, and so is the whole" {
  run "$checkout/script/test" lint house
  [ "$status" -eq 0 ]
  [[ $output == *"lint      ok"* ]]
  [[ $output == *"house     ok"* ]]
  [[ ${lines[-1]} == "4 passed, 0 failed" ]]
}

@test "what is built ahead may end before the section does" {
  # Not only ended: its parent has taken note.
  TESTS=$(wait_until '[ -e ../../ahead ] && ! [ -e "/proc/$(cat ../../ahead)" ]')
  run "$checkout/script/test" house asan
  [ "$status" -eq 0 ]
  [[ ${lines[-1]} == "6 passed, 0 failed" ]]
}

@test "what is built ahead may fail: its own section tells" {
  AHEAD='exit 1' TESTS=$(wait_until '[ -e ../../ahead ]')
  run "$checkout/script/test" house asan
  [ "$status" -eq 0 ]
}

@test "what is built ahead ends with the section" {
  AHEAD='exec sleep 600' TESTS=$(wait_until '[ -e ../../ahead ]')
  run "$checkout/script/test" house tsan
  [ "$status" -eq 0 ]
  [ ! -e "/proc/$(cat "$checkout/ahead")" ]
}

@test "a test that fails fails the section, and its output is shown" {
  stub "$stubs/ctest" 'echo "the reason"; echo "67% tests passed, 1 tests failed out of 3"; exit 8'
  run "$checkout/script/test" house
  [ "$status" -eq 1 ]
  [[ $output == *"house     FAILED"*"the reason"*"house ended with status 8"* ]]
  [[ ${lines[-1]} == "2 passed, 1 failed" ]]
}

@test "a build that fails fails the section and no other" {
  stub "$stubs/ninja" '[ "$2" != build/dev ]'
  run "$checkout/script/test" lint house sim tsan
  [ "$status" -eq 1 ]
  [[ $output == *"tsan      ok"* ]]
  [[ ${lines[-1]} == "4 passed, 2 failed" ]]
}

@test "a process that outlives its section fails it, and is ended" {
  TESTS='sleep 600 & echo $! >../../left'
  run "$checkout/script/test" house
  [ "$status" -eq 1 ]
  [[ $output == *"left behind: $(cat "$checkout/left") sleep"* ]]
  [[ ${lines[-1]} == "3 passed, 1 failed" ]]
  # A zombie has ended.
  eval "$(wait_until "! ps -o stat= -p $(cat "$checkout/left") | grep -v '^Z'")"
}

@test "a section that is none is refused before anything runs" {
  run "$checkout/script/test" house nothing
  [ "$status" -eq 2 ]
  [[ $output == *"no section nothing"* ]]
  [ ! -e "$checkout/build" ]
}
