// SPDX-License-Identifier: Apache-2.0
// How bad the world is. Rates are per mille of calls unless said otherwise. Immutable values.
#pragma once

#include <array>
#include <string_view>

#include "core/time.hpp"
#include "sim/world/random.hpp"

namespace jitney::sim {

struct Mix {
  // Every port call.
  int die_before = 2;   // the function is killed before the effect
  int die_after = 2;    // ... after it, before the answer
  int fail_before = 8;  // `transient`, nothing happened
  int fail_after = 4;   // `transient`, but it happened: the answer was lost
  core::Duration slow{std::chrono::milliseconds(300)};  // latency up to this, more now and then

  // Queue.
  int duplicate = 50;  // a message comes twice
  int late = 50;       // ... much later than asked

  // Webhooks.
  int webhook_lost = 30;     // the delivery failed; GitHub keeps it for redelivery
  int webhook_vanished = 5;  // no trace
  int end_vanished = 5;      // the same, of `completed`
  int webhook_twice = 50;
  int webhook_late = 150;  // minutes later, so out of order

  // GitHub.
  int outages = 2;  // in all, each up to two hours
  int throttled = 5;

  // Machines.
  int no_capacity = 60;  // of launches: none or fewer
  int launch_throttled = 30;
  int never_answers = 30;  // of machines
  int interrupted = 40;    // of machines, some time in their life
  int runner_dies = 30;    // of runners, before they take a job
  int end_unheard = 50;    // the end of a runner is not told, only listed
  core::Duration list_lag{std::chrono::seconds(40)};

  // Jobs.
  int cancelled = 60;
  int rerun = 30;   // of runs
  int stolen = 60;  // of jobs: a foreign runner with the same labels is about

  // The deployment.
  int clock_jumps = 2;  // in all
  int restarts = 3;     // every function dies at once
};

// No faults at all: what must hold anyway, and how fast it then is.
inline constexpr Mix calm() {
  Mix mix;
  mix.die_before = mix.die_after = mix.fail_before = mix.fail_after = 0;
  mix.duplicate = mix.late = 0;
  mix.webhook_lost = mix.webhook_vanished = mix.webhook_twice = mix.webhook_late = 0;
  mix.end_vanished = 0;
  mix.outages = mix.throttled = 0;
  mix.no_capacity = mix.launch_throttled = mix.never_answers = mix.interrupted = 0;
  mix.runner_dies = mix.end_unheard = 0;
  mix.cancelled = mix.rerun = mix.stolen = 0;
  mix.clock_jumps = mix.restarts = 0;
  return mix;
}

// Runners that die at once, for jobs whose end nobody told us.
inline constexpr Mix lost_ends() {
  Mix mix = calm();
  mix.end_vanished = 600;
  mix.cancelled = 600;
  mix.runner_dies = 700;
  return mix;
}

// Each fault absent, as usual, or five times as bad, by the seed: what no fixed mix brings
// together.
inline Mix swarm(std::uint64_t seed) {
  Mix mix;
  Random random(seed ^ 0x5eedf00dULL);
  for (int Mix::* rate :
       {&Mix::die_before,   &Mix::die_after,     &Mix::fail_before,      &Mix::fail_after,
        &Mix::duplicate,    &Mix::late,          &Mix::webhook_lost,     &Mix::webhook_vanished,
        &Mix::end_vanished, &Mix::webhook_twice, &Mix::webhook_late,     &Mix::outages,
        &Mix::throttled,    &Mix::no_capacity,   &Mix::launch_throttled, &Mix::never_answers,
        &Mix::interrupted,  &Mix::runner_dies,   &Mix::end_unheard,      &Mix::cancelled,
        &Mix::rerun,        &Mix::stolen,        &Mix::clock_jumps,      &Mix::restarts}) {
    constexpr std::array kTimes{0, 1, 1, 5};
    mix.*rate *= kTimes[random.below(kTimes.size())];
  }
  return mix;
}

}  // namespace jitney::sim
