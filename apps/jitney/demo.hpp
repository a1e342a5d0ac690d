// SPDX-License-Identifier: Apache-2.0
// `jitney demo`: a simulated GitHub, the real server and real processes on this machine, in a state
// directory of its own, with jobs moving through two pools.
#pragma once

#include <string>

namespace jitney::app {

struct DemoOptions {
  int jobs = 20;
  bool exit = false;      // end when all are done, one JSON line last on stdout
  int cpu_max = 8;        // cap of pool template_cpu
  int gpu_max = 2;        // cap of pool template_gpu
  std::string state_dir;  // where no demo was; empty: a temporary one, removed at the end
};

// Returns the exit status: 0 only if every job completed and nothing is left over.
int demo(const DemoOptions& options);

}  // namespace jitney::app
