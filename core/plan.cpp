// SPDX-License-Identifier: Apache-2.0
#include "core/plan.hpp"

#include <algorithm>
#include <set>

namespace jitney::core {

namespace {

// Whoever claims a batch launches it at once. Others would only send the same request again, and
// bind the same machines; if the claimer died, they do it after this.
constexpr Duration kLaunchTakes = std::chrono::seconds(15);

// The oldest that no supply was launched for. A runner that is claimed to keep others warm is for
// no job, and its failure is no job's.
std::vector<JobId> jobs_for(const Snapshot& snapshot, int unmet, Time now) {
  std::set<JobId> covered;
  for (const Runner& runner : snapshot.runners) {
    if (runner.supply() && runner.launched_for != 0) covered.insert(runner.launched_for);
  }
  std::vector<JobId> jobs;
  for (const Job& job : snapshot.jobs) {
    if (static_cast<int>(jobs.size()) >= unmet) break;
    if (job.demand(now) && !covered.contains(job.id)) jobs.push_back(job.id);
  }
  return jobs;
}

// Minutes in words are for people; the runner's age is in the timeline.
Plan::Stop overdue(const Runner& runner, std::string reason) {
  return {.name = runner.name,
          .event = Event::stop_requested,
          .reason = std::move(reason),
          .failure = true};
}

std::optional<Plan::Stop> past_deadline(const Pool& pool, const Runner& runner,
                                        const Conditions& conditions, Time now) {
  const Deadlines& limit = pool.deadlines;
  const Time forge_since = std::max(runner.phase_since, conditions.forge_since);
  switch (runner.phase) {
    case Phase::launched:
      if (now > runner.created_at + limit.batch + limit.boot) {
        return overdue(runner, "its machine did not answer within " +
                                   describe(limit.batch + limit.boot) + " of the claim");
      }
      break;
    case Phase::starting:
      if (!conditions.forge_down && now > forge_since + limit.start) {
        return overdue(runner, "it could not be started within " + describe(limit.start));
      }
      break;
    case Phase::registered:
      if (!conditions.forge_down && now > forge_since + limit.idle) {
        return overdue(runner, "GitHub gave it no job within " + describe(limit.idle) +
                                   "; does its runner group allow the repository?");
      }
      break;
    case Phase::busy:
      if (now > runner.phase_since + limit.max_job_time) {
        return Plan::Stop{.name = runner.name,
                          .event = Event::job_overdue,
                          .reason = "max_job_time of " + describe(limit.max_job_time) + " is over",
                          .failure = false};
      }
      break;
    case Phase::planned:
    case Phase::ready:
    case Phase::stopping:
    case Phase::gone:
      break;
  }
  return std::nullopt;
}

bool is_idle(const Runner& runner) {
  return runner.phase == Phase::ready || runner.phase == Phase::registered;
}

// Oldest first; only what has been idle for longer than the grace, so that a job that is on its way
// to it is not robbed.
void take_surplus(const Pool& pool, const Snapshot& snapshot, Time now, Plan& plan) {
  int surplus = plan.supply - plan.demand - pool.warm;
  for (const Runner& runner : snapshot.runners) {
    if (surplus <= 0) return;
    if (!is_idle(runner) || now < runner.phase_since + pool.deadlines.surplus) continue;
    const bool taken = std::ranges::any_of(
        plan.stop, [&](const Plan::Stop& stop) { return stop.name == runner.name; });
    if (taken) continue;
    plan.stop.push_back({.name = runner.name,
                         .event = Event::stop_requested,
                         .reason = "no longer needed: " + std::to_string(plan.supply) +
                                   " runners for " + std::to_string(plan.demand) + " jobs and " +
                                   std::to_string(pool.warm) + " warm",
                         .failure = false});
    --surplus;
  }
}

// Only as many are minted as jobs wait: a warm machine has no registration that GitHub could reap.
void choose_starts(const Snapshot& snapshot, const Conditions& conditions, Time now, Plan& plan) {
  if (conditions.forge_down) return;
  int wanted = plan.demand;
  for (const Runner& runner : snapshot.runners) {
    if (runner.phase == Phase::registered) --wanted;
    if (runner.phase == Phase::starting) {
      if (runner.lease_until <= now) plan.start.push_back(runner.name);
      --wanted;
    }
  }
  std::vector<const Runner*> ready;
  for (const Runner& runner : snapshot.runners) {
    if (runner.phase == Phase::ready) ready.push_back(&runner);
  }
  // Longest ready first: a rival that looked a moment earlier or later wants the same ones, and the
  // lease gives each to one. By number, two would mint for one job.
  std::ranges::stable_sort(ready, {}, &Runner::phase_since);
  for (const Runner* runner : ready) {
    if (wanted-- <= 0) return;
    plan.start.push_back(runner->name);
  }
}

void sooner(std::optional<Time>& wake_at, Time at, Time now) {
  if (at > now && (!wake_at || at < *wake_at)) wake_at = at;
}

void choose_wake(const Snapshot& snapshot, Time now, Plan& plan) {
  for (const Job& job : snapshot.jobs) {
    if (job.status == JobStatus::queued) sooner(plan.wake_at, job.not_before, now);
  }
  for (const Batch& batch : snapshot.batches) sooner(plan.wake_at, batch.next_try, now);
  for (const Runner& runner : snapshot.runners) {
    if (runner.phase == Phase::starting) sooner(plan.wake_at, runner.lease_until, now);
  }
}

}  // namespace

Plan plan(const Pool& pool, const Snapshot& snapshot, const Conditions& conditions, Time now) {
  Plan plan;
  for (const Job& job : snapshot.jobs) plan.demand += job.demand(now) ? 1 : 0;
  for (const Runner& runner : snapshot.runners) {
    plan.supply += runner.supply() ? 1 : 0;
    plan.live += runner.live() ? 1 : 0;
  }
  for (const Batch& batch : snapshot.batches) {
    if (batch.next_try <= now) plan.follow.push_back(batch.id);
  }
  if (!conditions.observe_only) {
    for (const Runner& runner : snapshot.runners) {
      if (auto stop = past_deadline(pool, runner, conditions, now)) {
        plan.stop.push_back(std::move(*stop));
      }
    }
    take_surplus(pool, snapshot, now, plan);
  }
  choose_starts(snapshot, conditions, now, plan);
  if (!conditions.forge_down) {
    const int wanted = plan.demand + pool.warm - plan.supply;
    plan.deficit = std::clamp(std::min(wanted, pool.max - plan.live), 0, conditions.batch_size);
    plan.jobs = jobs_for(snapshot, std::min(plan.deficit, plan.demand - plan.supply), now);
  }
  choose_wake(snapshot, now, plan);
  if (conditions.forge_down) sooner(plan.wake_at, conditions.forge_down_until, now);
  return plan;
}

Batch make_batch(const std::string& deployment, const Pool& pool, const PoolState& state,
                 const Plan& plan, Time now) {
  Batch batch;
  batch.pool = pool.name;
  batch.jobs = plan.jobs;
  batch.created_at = now;
  batch.next_try = now + std::min(kLaunchTakes, pool.deadlines.batch / 4);
  batch.deadline = now + pool.deadlines.batch;
  for (int i = 0; i < plan.deficit; ++i) {
    const std::int64_t number = state.next_number + i;
    batch.numbers.push_back(number);
    batch.runners.push_back(deployment + "-" + pool.name + "-" + std::to_string(number));
  }
  batch.id = batch.runners.empty() ? "" : batch.runners.front();
  return batch;
}

}  // namespace jitney::core
