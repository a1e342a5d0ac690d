// SPDX-License-Identifier: Apache-2.0
// A burst of jobs on the AWS shape, in virtual time: the real core and apps/lambda's batches, over
// the simulated GitHub, EC2 and SQS of sim/world, with calls that take their time. Deterministic.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/world/pace.hpp"
#include "tests/bench/burst_functions.hpp"

namespace jitney::bench {

struct BurstOptions {
  int jobs = 500;
  int batch_size = 50;  // [launch] batch_size
  FunctionOptions functions;
  sim::Pace pace;
  std::uint64_t seed = 1;
};

// Of one job, from when GitHub queued it. A runner takes any job, so the stages are those of the
// runner that took it.
struct Wait {
  core::Duration launched{};    // its machine was asked for and exists
  core::Duration answered{};    // the machine answers
  core::Duration registered{};  // its JIT configuration was minted
  core::Duration busy{};        // it has the job
};

struct BurstReport {
  std::vector<Wait> waits;  // of the jobs that got a runner, in no order
  int never = 0;            // jobs without a runner after an hour
  std::size_t machines = 0;
  long github_calls = 0;
  int throttled = 0;  // calls to AWS that were refused for now
  int invocations = 0;
  std::map<std::string, long> calls;  // of the ports
};

BurstReport run_burst(const BurstOptions& options);

}  // namespace jitney::bench
