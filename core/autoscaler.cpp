// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "core/blame.hpp"
#include "core/functions.hpp"

namespace jitney::core {

namespace {

std::vector<JobEvent> matched(const Deployment& deployment, std::span<const JobEvent> events) {
  std::vector<JobEvent> all(events.begin(), events.end());
  for (JobEvent& event : all) {
    Match found = match(deployment.pools, event.scope, event.repository, event.labels);
    event.pool = found.pool == nullptr ? "" : found.pool->name;
    event.ignored = std::move(found.why_not);
  }
  return all;
}

// A lost wake-up costs a sweep's time, never a job: the rows are durable already.
void wake(const Context& context, std::span<const Recorded> recorded, Time now) {
  std::set<std::string> pools;
  for (const Recorded& one : recorded) {
    // A letter that stays is closed by the next move_jobs.
    if (one.was_dead && !one.job.dead) static_cast<void>(forget_letter(context.queue, one.job.id));
    if (one.changed && one.job.status == JobStatus::queued && one.job.open()) {
      pools.insert(one.job.pool);
    }
    if (one.runner && one.runner->phase == Phase::stopping) {
      // The runner's own end usually comes within seconds, and is the cleaner one.
      static_cast<void>(context.queue.push(
          {.kind = MessageKind::stop_runner, .key = one.runner->name, .detail = one.runner->reason},
          context.deployment.settle, now));
    }
  }
  for (const std::string& pool : pools) {
    static_cast<void>(context.queue.push(
        {.kind = MessageKind::create_runner, .key = pool, .detail = ""}, Duration::zero(), now));
  }
}

}  // namespace

Result<Accepted> autoscaler(const Context& context, std::span<const JobEvent> events) {
  if (events.empty()) return Accepted{};
  const std::vector<JobEvent> all = matched(context.deployment, events);
  const auto recorded = context.ledger.record(all);
  if (!recorded) return std::unexpected(recorded.error());
  Accepted accepted;
  for (const Recorded& one : *recorded) {
    accepted.changed += one.changed ? 1 : 0;
    accepted.ignored += one.job.pool.empty() ? 1 : 0;
  }
  wake(context, *recorded, context.clock.now());
  return accepted;
}

}  // namespace jitney::core
