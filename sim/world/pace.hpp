// SPDX-License-Identifier: Apache-2.0
// How long things take when nothing is wrong, and how much of them the vendors allow. What stands
// here is what seeds are run with. Immutable values.
#pragma once

#include "core/time.hpp"

namespace jitney::sim {

// Anything between, all equally likely.
struct Span {
  core::Duration least{};
  core::Duration most{};
};

struct Pace {
  Span webhook{std::chrono::milliseconds(200), std::chrono::seconds(3)};   // from event to delivery
  Span running{std::chrono::seconds(6), std::chrono::seconds(35)};         // EC2: from launch
  Span agent{std::chrono::seconds(4), std::chrono::seconds(45)};           // ... until it answers
  Span command{std::chrono::milliseconds(300), std::chrono::seconds(6)};   // SSM: until it runs
  Span listener{std::chrono::milliseconds(500), std::chrono::seconds(8)};  // until it polls
  Span work{std::chrono::seconds(10), std::chrono::minutes(8)};            // a job

  // GitHub's secondary limits, each minute.
  int points = 900;
  int created = 80;
  // SendCommand: no number is published.
  int commands = 20;
  int commands_a_second = 3;
};

}  // namespace jitney::sim
