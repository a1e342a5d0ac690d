// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/cli.hpp"
#include "apps/jitney/demo.hpp"
#include "apps/serve/serve.hpp"
#include "local/shim.hpp"

int main(int argc, char** argv) {
  return jitney::app::run(argc, argv,
                          {.serve = jitney::app::serve,
                           .demo = jitney::app::demo,
                           .shim = [](const std::string& directory) {
                             return jitney::local::run_shim({.directory = directory});
                           }});
}
