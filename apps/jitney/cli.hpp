// SPDX-License-Identifier: Apache-2.0
// The command line: parses, finds the configuration, carries one command out. One thread.
#pragma once

#include <functional>
#include <string>

#include "apps/config/config.hpp"
#include "apps/host/exit_status.hpp"
#include "apps/jitney/demo.hpp"

namespace jitney::app {

// The commands that live as long as a server does; main.cpp brings them, so that tests of all
// others need none of it.
struct Hosts {
  std::function<int(const Config&)> serve;
  std::function<int(const DemoOptions&)> demo;
  std::function<int(const std::string& directory)> shim;  // the process that stands over one runner
};

// Returns the exit status. Never throws.
int run(int argc, char** argv, const Hosts& hosts);

}  // namespace jitney::app
