// SPDX-License-Identifier: Apache-2.0
// One run of the real core in a simulated world: hours of virtual time in milliseconds, every
// choice from one seed. Promises P2 to P7 are checked all through and at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/world/mix.hpp"

namespace jitney::sim {

struct Verdict {
  std::uint64_t seed = 0;
  std::vector<std::string> violations;  // empty: every promise held
  std::vector<std::string> story;       // the last events of what was violated, for people
  long jobs = 0;
  long machines = 0;
  long github_calls = 0;
  long deaths = 0;  // dead letters at the end
  core::Duration
      longest_wait{};  // of a job queued after the faults had stopped, until a runner had it
  core::Duration virtual_time{};
};

// Deterministic: the same seed and mix give the same verdict on any machine. Thread-safe: shares
// nothing.
Verdict simulate(std::uint64_t seed, const Mix& mix);

}  // namespace jitney::sim
