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

  // Queues.
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
  int few_calls = 60;  // of worlds: a primary limit that others have nearly used up

  // Machines, wherever they are.
  int no_capacity = 60;  // EC2: of a type in a zone for a while; a computer: a full disk
  int launch_throttled = 30;
  int never_answers = 30;  // of machines
  int interrupted = 40;    // of machines, some time in their life, half of them unannounced
  int runner_dies = 30;    // of runners, before they take a job
  int job_kills = 10;      // of runners, with their job
  int end_unheard = 50;    // the end of a runner is not told, only seen
  core::Duration list_lag{std::chrono::seconds(40)};

  // EC2 and SSM.
  int slow_boot = 20;      // of machines: up to twelve minutes
  int fails_at_boot = 10;  // of machines: gone before it ran
  int command_lost = 15;   // of commands: never reaches the machine
  int command_late = 30;   // ... minutes later
  int agent_flaps = 30;    // of commands: the agent is away for a moment, nothing was sent
  int busy_account = 100;  // of worlds: others use up nearly all calls to EC2 and SSM
  int templates = 20;      // new versions of launch templates, in all

  // Jobs.
  int cancelled = 60;
  int rerun = 30;   // of runs
  int stolen = 60;  // of jobs: a foreign runner with the same labels is about
  int gated = 30;   // of jobs: wait for an approval first

  // The deployment.
  int clock_jumps = 2;  // in all
  int restarts = 3;     // the server, or every function: all die at once
  int reboots = 1;      // of the computer that the runners run on
};

// Every rate of a fault, for mixes that vary them all.
inline constexpr std::array kFaults{
    &Mix::die_before,    &Mix::die_after,     &Mix::fail_before,   &Mix::fail_after,
    &Mix::duplicate,     &Mix::late,          &Mix::webhook_lost,  &Mix::webhook_vanished,
    &Mix::end_vanished,  &Mix::webhook_twice, &Mix::webhook_late,  &Mix::outages,
    &Mix::throttled,     &Mix::few_calls,     &Mix::no_capacity,   &Mix::launch_throttled,
    &Mix::never_answers, &Mix::interrupted,   &Mix::runner_dies,   &Mix::job_kills,
    &Mix::end_unheard,   &Mix::slow_boot,     &Mix::fails_at_boot, &Mix::command_lost,
    &Mix::command_late,  &Mix::agent_flaps,   &Mix::busy_account,  &Mix::templates,
    &Mix::cancelled,     &Mix::rerun,         &Mix::stolen,        &Mix::gated,
    &Mix::clock_jumps,   &Mix::restarts,      &Mix::reboots};

// No faults at all: what must hold anyway, and how fast it then is.
inline constexpr Mix calm() {
  Mix mix;
  for (int Mix::* rate : kFaults) mix.*rate = 0;
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
  for (int Mix::* rate : kFaults) {
    constexpr std::array kTimes{0, 1, 1, 5};
    mix.*rate *= kTimes[random.below(kTimes.size())];
  }
  return mix;
}

// "mixed", "calm", "lost_ends" or "swarm"; any other name is "mixed".
inline Mix mix_of(std::string_view name, std::uint64_t seed) {
  if (name == "calm") return calm();
  if (name == "lost_ends") return lost_ends();
  if (name == "swarm") return swarm(seed);
  return {};
}

}  // namespace jitney::sim
