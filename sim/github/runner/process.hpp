// SPDX-License-Identifier: Apache-2.0
// Runs one shell script of a job as a child in a process group of its own. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace jitney::sim::runner {

using Environment = std::map<std::string, std::string>;
Environment own_environment();

struct Script {
  std::string file;       // run as `bash -e file`
  std::string directory;  // working directory
  std::string log_file;   // gets stdout and stderr appended; empty: ours
  Environment environment;
};

// The exit status, 128 + signal for a death by signal, 127 when bash could not be started. When
// `cancelled` turns true the group gets SIGINT, after 7.5 s SIGTERM, after 2.5 s more SIGKILL, as
// the real runner does.
int run_script(const Script& script, const std::function<bool()>& cancelled);

// Kills every process that still bears this RUNNER_TRACKING_ID; how many there were.
int kill_orphans(const std::string& tracking_id);

}  // namespace jitney::sim::runner
