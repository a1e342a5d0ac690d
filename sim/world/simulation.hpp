// SPDX-License-Identifier: Apache-2.0
// One run of the real core in a simulated world: hours of virtual time in milliseconds, every
// choice from one seed. Promises P1 to P8 are checked all through and at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/world/mix.hpp"

namespace jitney::sim {

// What the core stands in.
enum class Shape {
  serve,      // `jitney serve` with runners as processes of its own computer
  serve_ec2,  // `jitney serve` with machines of EC2
  lambda,     // functions of Lambda, SQS and EC2
};
std::string_view to_string(Shape shape);

struct Verdict {
  std::uint64_t seed = 0;
  Shape shape = Shape::serve;
  std::vector<std::string> violations;  // empty: every promise held
  std::vector<std::string> story;       // the last events of what was violated, for people
  long jobs = 0;
  long machines = 0;
  long github_calls = 0;
  long fleet_calls = 0;
  long deaths = 0;                // dead letters at the end
  core::Duration longest_wait{};  // of a job, from the end of the faults until a runner had it
  std::size_t deepest_queue = 0;
  core::Duration virtual_time{};
};

// Deterministic: the same seed and mix give the same verdict on any machine. Thread-safe: shares
// nothing.
Verdict simulate(std::uint64_t seed, const Mix& mix);

// Violations, story, and how to see it again: `mix` is the name of the mix.
std::string told(const Verdict& verdict, std::string_view mix);

}  // namespace jitney::sim
