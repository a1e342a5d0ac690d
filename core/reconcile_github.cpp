// SPDX-License-Identifier: Apache-2.0
// What GitHub knows and we may have missed: jobs that wait suspiciously long, webhooks that never
// came.
#include <algorithm>
#include <charconv>
#include <set>

#include "core/breaker.hpp"
#include "core/reconcile.hpp"

namespace jitney::core {

namespace {

constexpr int kRedeliveries =
    3;  // of one delivery; a listener that refuses it thrice will refuse it again
constexpr Duration kRememberDeliveries = std::chrono::hours(24);
constexpr Duration kFirstLookBack = std::chrono::hours(1);

// Oldest question first. A job is asked about again only after another `check_after`.
std::vector<JobId> suspicious(const Context& context, const Snapshot& snapshot) {
  const Time now = context.clock.now();
  std::set<RunnerName> live;
  for (const Runner& runner : snapshot.runners) live.insert(runner.name);
  std::vector<const Job*> jobs;
  for (const Job& job : snapshot.jobs) {
    const Time since = std::max({job.queued_at, job.started_at, job.checked_at});
    const bool lost_runner =
        job.status == JobStatus::in_progress && !live.contains(job.runner_name);
    const Duration patience =
        lost_runner ? context.deployment.orphan_grace : context.deployment.check_after;
    if (job.status == JobStatus::in_progress && !lost_runner) continue;
    if (now - since >= patience) jobs.push_back(&job);
  }
  std::ranges::sort(jobs, {}, &Job::checked_at);
  std::vector<JobId> ids;
  for (const Job* job : jobs) ids.push_back(job->id);
  return ids;
}

// true: ask for it. Remembers how often it was asked, so that a bad one is not sent for ever.
bool may_redeliver(const Context& context, const std::string& key) {
  const auto note = context.ledger.note(key);
  if (!note) return false;
  int times = 0;
  if (*note) {
    const std::string& value = (*note)->value;
    std::from_chars(value.data(), value.data() + value.size(), times);
  }
  if (times >= kRedeliveries) return false;
  const Time now = context.clock.now();
  return context.ledger
      .put({.key = key,
            .value = std::to_string(times + 1),
            .at = now,
            .expires = now + kRememberDeliveries})
      .has_value();
}

void redeliver_scope(const Context& context, const std::string& scope, Forge& forge, Swept& swept) {
  const std::string key = "deliveries-seen/" + scope;
  const Time now = context.clock.now();
  const auto cursor = context.ledger.note(key);
  if (!cursor) return note_trouble(swept, "deliveries of " + scope, cursor.error());
  const Time since = *cursor ? (*cursor)->at : now - kFirstLookBack;
  const auto deliveries = forge.failed_deliveries(since);
  note_forge(context, scope, deliveries ? Status{} : Status(std::unexpected(deliveries.error())));
  if (!deliveries) return note_trouble(swept, "deliveries of " + scope, deliveries.error());
  for (const FailedDelivery& failed : deliveries->failed) {
    if (context.out_of_time()) return;  // the cursor stays: the next sweep goes on here
    if (!may_redeliver(context, "redelivered/" + failed.guid)) continue;
    if (Status sent = forge.redeliver(failed.id); !sent) {
      return note_trouble(swept, "redeliver " + failed.guid, sent.error());
    }
    swept.redelivered += 1;
  }
  // `at` is the cursor: GitHub's time, up to which all deliveries were looked at.
  const Status stored = context.ledger.put(
      {.key = key, .value = scope, .at = std::max(since, deliveries->seen_until), .expires = {}});
  if (!stored) note_trouble(swept, "deliveries of " + scope, stored.error());
}

bool forge_down(const Context& context, std::string_view scope) {
  const auto facts = conditions(context, scope);
  return !facts || facts->forge_down;
}

}  // namespace

void question_jobs(const Context& context, Swept& swept) {
  int calls = context.deployment.checks_per_sweep;
  for (const Pool& pool : context.deployment.pools) {
    if (forge_down(context, pool.scope)) continue;
    const auto snapshot = context.ledger.snapshot(pool.name);
    if (!snapshot) {
      note_trouble(swept, "pool " + pool.name, snapshot.error());
      continue;
    }
    for (const JobId id : suspicious(context, *snapshot)) {
      if (calls-- <= 0 || context.out_of_time()) return;
      if (Status asked = check_job(context, id); !asked) {
        note_trouble(swept, "job " + std::to_string(id), asked.error());
        break;
      }
      swept.jobs_checked += 1;
    }
  }
}

void redeliver_webhooks(const Context& context, Swept& swept) {
  for (const auto& [scope, forge] : context.forges) {
    if (context.out_of_time()) return;
    if (!forge_down(context, scope)) redeliver_scope(context, scope, *forge, swept);
  }
}

}  // namespace jitney::core
