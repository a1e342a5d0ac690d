// SPDX-License-Identifier: Apache-2.0
// The command line: parses, finds the configuration, carries one command out. One thread.
#pragma once

#include <functional>
#include <string>

#include "apps/jitney/config.hpp"
#include "apps/jitney/demo.hpp"

namespace jitney::app {

// Exit statuses, as `jitney --help` tells them.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;           // the command line or the configuration is wrong
inline constexpr int kNotFound = 3;        // no such job, no database yet
inline constexpr int kUnreachable = 4;     // the running server does not answer
inline constexpr int kConfiguration = 78;  // of `serve`: systemd is told not to try again

// The commands that live as long as a server does; main.cpp brings them, so that tests of all
// others need none of it.
struct Hosts {
  std::function<int(const Config&)> serve;
  std::function<int(const DemoOptions&)> demo;
  std::function<int(const std::string& directory)> shim;  // the process that stands over one runner
};

// Returns the exit status. Never throws.
int run(int argc, char** argv, const Hosts& hosts);

std::string_view version();

}  // namespace jitney::app
