// SPDX-License-Identifier: Apache-2.0
// What `jitney shim` is to the program, for tests of the fleet alone.
#include "local/shim.hpp"

int main(int count, char** arguments) {
  return count == 2 ? jitney::local::run_shim({arguments[1]}) : 2;
}
