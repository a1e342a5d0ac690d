// SPDX-License-Identifier: Apache-2.0
// P4 while the world goes on: once the faults have stopped, nothing of ours is older than its
// deadline plus the sweep that acts on it.
#include <algorithm>

#include "sim/world/invariants.hpp"

namespace jitney::sim {

using core::Duration;
using core::Time;
using namespace std::chrono_literals;

namespace {

// What the trouble left behind first: breakers, leases, what a clock that was ahead wrote.
constexpr Duration kSettling = 30min;
constexpr Duration kListsLag = 40s;

// Two sweeps start an interval apart, and the second has a minute to get there.
Duration one_sweep(const core::Deployment& deployment) { return deployment.sweep_interval + 1min; }

}  // namespace

void Invariants::too_old(const std::string& what, Time due, const core::RunnerName& runner) {
  if (hub_.now() <= due) return;
  violated("P4: " + what + " is older than its deadline and one sweep, by " +
               core::describe(hub_.now() - due),
           {core::runner_subject(runner)});
}

// nullopt: it may stay for as long as it likes.
std::optional<Time> Invariants::due(const core::Runner& runner) const {
  const core::Pool* const pool = deployment_.pool(runner.pool);
  if (pool == nullptr) return std::nullopt;
  const core::Deadlines& limit = pool->deadlines;
  const Duration sweep = one_sweep(deployment_);
  switch (runner.phase) {
    case core::Phase::planned:
      return runner.created_at + limit.batch + sweep;
    case core::Phase::launched:
      return runner.created_at + limit.batch + limit.boot + sweep;
    case core::Phase::starting:
      return runner.phase_since + limit.start + sweep;
    case core::Phase::registered:
      return runner.phase_since + limit.idle + sweep;
    case core::Phase::busy:
      return runner.phase_since + limit.max_job_time + sweep;
    case core::Phase::stopping:
      return runner.phase_since + sweep;
    case core::Phase::ready:  // warm
    case core::Phase::gone:
      break;
  }
  return std::nullopt;
}

void Invariants::check_age(const Box& box) {
  const Duration sweep = one_sweep(deployment_);
  if (box.ended) {
    too_old("machine " + box.id + ", whose runner ended,", box.ended_at + kListsLag + sweep,
            box.runner);
  }
  const auto runner = ledger_.runner_on(box.id);
  if (!runner || (*runner && (*runner)->live())) return;
  // An orphan: seen by one sweep, stopped by the first one after the grace.
  Time since = std::max(box.launched_at, *runner ? (*runner)->phase_since : Time{});
  const auto batch = ledger_.batch(box.batch);
  if (batch && *batch) since = std::max(since, (*batch)->deadline);
  too_old("orphan " + box.id, since + kListsLag + deployment_.orphan_grace + 2 * sweep, box.runner);
}

void Invariants::check_age(const Runner& registration) {
  if (registration.busy()) return;
  const auto runner = ledger_.runner(registration.name);
  if (!runner || (*runner && (*runner)->live() && (*runner)->phase >= core::Phase::starting))
    return;
  const Time since = std::max(registration.created_at, *runner ? (*runner)->phase_since : Time{});
  too_old("registration " + registration.name,
          since + deployment_.orphan_grace + 2 * one_sweep(deployment_), registration.name);
}

void Invariants::check_ages(const Machines& machines) {
  if (!calm_since_ || hub_.now() < *calm_since_ + kSettling + waits_) return;
  for (const auto& [id, box] : machines.boxes()) {
    if (box.alive()) check_age(box);
  }
  for (const auto& [id, registration] : hub_.world().runners()) {
    if (ours(registration)) check_age(registration);
  }
  const auto live = ledger_.live_runners();
  if (!live) return;
  for (const core::Runner& runner : *live) {
    if (const auto at = due(runner)) {
      too_old("runner " + runner.name + ", " + std::string(core::to_string(runner.phase)) + ",",
              *at, runner.name);
    }
  }
}

}  // namespace jitney::sim
