// SPDX-License-Identifier: Apache-2.0
// The command line of Runner.Listener, as the real one reads it. Pure but for the environment,
// which `read_arguments` rids of every ACTIONS_RUNNER_INPUT_ variable.
#pragma once

#include <string>
#include <vector>

#include "core/secret.hpp"

namespace jitney::sim::runner {

struct Arguments {
  enum class Command { run, configure, remove, warmup, version, commit, help };
  Command command = Command::run;
  bool once = false;
  core::Secret jit;
  std::vector<std::string> unknown;
};

Arguments read_arguments(int argc, char** argv);

extern const char* const kHelp;

}  // namespace jitney::sim::runner
