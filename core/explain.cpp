// SPDX-License-Identifier: Apache-2.0
#include "core/explain.hpp"

#include <algorithm>

#include "core/breaker.hpp"
#include "core/launch.hpp"

namespace jitney::core {

std::string_view to_string(WaitsFor waits_for) {
  switch (waits_for) {
    case WaitsFor::nothing:
      return "nothing";
    case WaitsFor::gate:
      return "gate";
    case WaitsFor::no_pool:
      return "no_pool";
    case WaitsFor::dead:
      return "dead";
    case WaitsFor::retry:
      return "retry";
    case WaitsFor::github:
      return "github";
    case WaitsFor::cap:
      return "cap";
    case WaitsFor::capacity:
      return "capacity";
    case WaitsFor::disk:
      return "disk";
    case WaitsFor::booting:
      return "booting";
    case WaitsFor::registering:
      return "registering";
    case WaitsFor::pickup:
      return "pickup";
    case WaitsFor::planning:
      return "planning";
    case WaitsFor::server:
      return "server";
  }
  return "unknown";
}

namespace {

std::string quoted_job(const Job& job) {
  return "Job " + std::to_string(job.id) + " (" + job.name + " in " + job.repository + ")";
}

// How many of the pool's waiting jobs stand before this one.
int place_in_line(const Job& job, const Snapshot& snapshot, Time now) {
  int before = 0;
  for (const Job& other : snapshot.jobs) {
    if (other.id == job.id) break;
    before += other.demand(now) ? 1 : 0;
  }
  return before;
}

int count(const Snapshot& snapshot, Phase phase) {
  return static_cast<int>(std::ranges::count(snapshot.runners, phase, &Runner::phase));
}

// The supply that this job will get, nearest to being useful first.
std::optional<Phase> supply_for(int place, const Snapshot& snapshot) {
  for (const Phase phase :
       {Phase::registered, Phase::starting, Phase::ready, Phase::launched, Phase::planned}) {
    const int here = count(snapshot, phase);
    if (place < here) return phase;
    place -= here;
  }
  return std::nullopt;
}

// A wait for what makes machines, or for GitHub, which must let their runners register.
Explanation held(const std::string& who, const std::string& why, Time until, Time now) {
  const bool github = why.starts_with(kGithubRefuses);
  const bool disk = why.find("free disk") != std::string::npos;
  return {github ? WaitsFor::github
          : disk ? WaitsFor::disk
                 : WaitsFor::capacity,
          who + (github ? " waits for GitHub: " : " waits for a machine: ") + why +
              ". The next try is in " + describe(std::max(until - now, Duration::zero())) + ".",
          until};
}

Explanation waiting_batch(const std::string& who, const Snapshot& snapshot, Time now) {
  for (const Batch& batch : snapshot.batches) {
    if (!batch.waiting.empty()) return held(who, batch.waiting, batch.next_try, now);
  }
  return {WaitsFor::booting, who + " waits for its machine, which is being launched.", {}};
}

Explanation with_supply(const std::string& who, Phase phase, const Snapshot& snapshot, Time now) {
  switch (phase) {
    case Phase::planned:
      return waiting_batch(who, snapshot, now);
    case Phase::launched:
      return {WaitsFor::booting, who + " waits for its machine to boot.", {}};
    case Phase::ready:
    case Phase::starting:
      return {WaitsFor::registering, who + " waits for its runner to register with GitHub.", {}};
    case Phase::registered:
    case Phase::busy:
    case Phase::stopping:
    case Phase::gone:
      break;
  }
  return {
      WaitsFor::pickup, who + " has a runner registered and waits for GitHub to hand it over.", {}};
}

Explanation without_supply(const Deployment& deployment, const std::string& who, const Job& job,
                           const Snapshot& snapshot) {
  const Pool* pool = deployment.pool(job.pool);
  if (pool == nullptr) {
    return {WaitsFor::no_pool,
            who + " waits: its pool " + job.pool +
                " is no longer configured. Put it back, or cancel the job on GitHub; within the "
                "hour it becomes a dead letter.",
            {}};
  }
  const int live = static_cast<int>(snapshot.runners.size());
  if (live >= pool->max) {
    return {WaitsFor::cap,
            who + " waits for a free place: pool " + pool->name + " runs " + std::to_string(live) +
                " of at most " + std::to_string(pool->max) + " runners. Raise `max` to run more.",
            {}};
  }
  return {WaitsFor::planning, who + " is about to be planned.", {}};
}

std::optional<Explanation> settled(const Job& job, const std::string& who, Time now) {
  if (job.status == JobStatus::completed) {
    return Explanation{WaitsFor::nothing,
                       who + " completed" +
                           (job.conclusion.empty() ? "" : " with " + job.conclusion) + ", " +
                           describe(now - job.completed_at) + " ago.",
                       {}};
  }
  if (job.status == JobStatus::in_progress) {
    return Explanation{
        WaitsFor::nothing,
        who + " is running" + (job.runner_name.empty() ? "" : " on " + job.runner_name) + ".",
        {}};
  }
  if (job.pool.empty())
    return Explanation{WaitsFor::no_pool, who + " is ignored: " + job.ignored + ".", {}};
  if (job.dead) {
    return Explanation{WaitsFor::dead,
                       who + " was given up " + describe(now - job.dead->at) +
                           " ago: " + job.dead->cause + ". After mending it: jitney dead redrive " +
                           std::to_string(job.id),
                       {}};
  }
  if (job.status == JobStatus::waiting) {
    return Explanation{
        WaitsFor::gate, who + " waits for an approval or another gate on GitHub.", {}};
  }
  if (job.not_before > now) {
    return Explanation{WaitsFor::retry,
                       who + " waits " + describe(job.not_before - now) + " before attempt " +
                           std::to_string(job.failures + 1) +
                           ". The last failed: " + job.last_error,
                       job.not_before};
  }
  return std::nullopt;
}

}  // namespace

Explanation explain(const Deployment& deployment, const Job& job, const Snapshot& snapshot,
                    const Reasons& reasons, Time now) {
  const std::string who = quoted_job(job);
  if (auto known = settled(job, who, now)) return *known;
  const int place = place_in_line(job, snapshot, now);
  const std::optional<Phase> phase = supply_for(place, snapshot);
  if (phase == Phase::registered) return with_supply(who, *phase, snapshot, now);
  if (reasons.breaker && reasons.breaker->expires > now) {
    return {WaitsFor::github,
            who + " waits for GitHub, which cannot be used: " + reasons.breaker->value +
                ". The next try is in " + describe(reasons.breaker->expires - now) + ".",
            reasons.breaker->expires};
  }
  if (phase) return with_supply(who, *phase, snapshot, now);
  if (reasons.hold && reasons.hold->expires > now) {
    return held(who, reasons.hold->value, reasons.hold->expires, now);
  }
  return without_supply(deployment, who, job, snapshot);
}

Explanation without_server(Explanation explanation) {
  if (explanation.waits_for == WaitsFor::nothing) return explanation;
  return {WaitsFor::server,
          "No server runs, so nothing is done for this job: start jitney serve. As the last one "
          "left it: " +
              explanation.sentence,
          {}};
}

Result<Reasons> reasons(Ledger& ledger, const Job& job) {
  Reasons found;
  auto breaker = ledger.note(breaker_key(job.scope));
  if (!breaker) return std::unexpected(breaker.error());
  found.breaker = std::move(*breaker);
  auto hold = ledger.note(hold_key(job.pool));
  if (!hold) return std::unexpected(hold.error());
  found.hold = std::move(*hold);
  return found;
}

}  // namespace jitney::core
