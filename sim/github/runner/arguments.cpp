// SPDX-License-Identifier: Apache-2.0
#include "sim/github/runner/arguments.hpp"

#include <stdlib.h>
#include <strings.h>

#include <string_view>

#include "sim/github/runner/process.hpp"

namespace jitney::sim::runner {
namespace {

constexpr std::string_view kInput = "ACTIONS_RUNNER_INPUT_";

// Taken and forgotten: no child inherits it.
core::Secret take_input_variables() {
  core::Secret jit;
  for (const auto& [name, value] : own_environment()) {
    if (!name.starts_with(kInput)) continue;
    if (strcasecmp(name.c_str() + kInput.size(), "jitconfig") == 0) jit = core::Secret(value);
    unsetenv(name.c_str());
  }
  return jit;
}

}  // namespace

const char* const kHelp =
    "\nCommands:\n"
    " ./config.sh         Configures the runner\n"
    " ./config.sh remove  Unconfigures the runner\n"
    " ./run.sh            Runs the runner interactively. Does not require any options.\n"
    "\nOptions:\n"
    " --help      Prints the help for each command\n"
    " --version   Prints the runner version\n"
    " --commit    Prints the runner commit\n"
    "\nRun options:\n"
    " --jitconfig string  Base64 of a just-in-time configuration\n"
    " --once              Take one job, then end\n"
    "\nThis is the stand-in runner of Jitney's simulated GitHub.\n";

Arguments read_arguments(int argc, char** argv) {
  using Command = Arguments::Command;
  Arguments found;
  found.jit = take_input_variables();
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "run") {
      found.command = Command::run;
    } else if (argument == "configure") {
      found.command = Command::configure;
    } else if (argument == "remove") {
      found.command = Command::remove;
    } else if (argument == "warmup" || argument == "--warmup") {
      found.command = Command::warmup;
    } else if (argument == "--version") {
      found.command = Command::version;
    } else if (argument == "--commit") {
      found.command = Command::commit;
    } else if (argument == "--help" || argument == "-h") {
      found.command = Command::help;
    } else if (argument == "--once") {
      found.once = true;
    } else if (argument == "--jitconfig" && i + 1 < argc) {
      found.jit = core::Secret(argv[++i]);
    } else if (argument == "--startuptype" && i + 1 < argc) {
      ++i;
    } else {
      found.unknown.push_back(argument);
    }
  }
  return found;
}

}  // namespace jitney::sim::runner
