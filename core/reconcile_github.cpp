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

bool forge_down(const Context& context, std::string_view scope) {
  const auto facts = conditions(context, scope);
  return !facts || facts->forge_down;
}

// How often GitHub took our wish to send this delivery again.
Result<int> times_redelivered(const Context& context, const std::string& key) {
  const auto note = context.ledger.note(key);
  if (!note) return std::unexpected(note.error());
  int times = 0;
  if (*note) {
    const std::string& value = (*note)->value;
    std::from_chars(value.data(), value.data() + value.size(), times);
  }
  return times;
}

// A wish that GitHub refused for good counts as made: it must not hold up the deliveries after it.
// One that did not reach GitHub does not: an outage may not use up the tries. Dying in between
// costs a repeated webhook, which changes nothing.
Status redeliver_once(const Context& context, Forge& forge, const FailedDelivery& failed,
                      Swept& swept) {
  const std::string key = "redelivered/" + failed.guid;
  const auto times = times_redelivered(context, key);
  if (!times) return std::unexpected(times.error());
  if (*times >= kRedeliveries) return {};
  const Status sent = forge.redeliver(failed.id);
  if (sent) {
    swept.redelivered += 1;
  } else {
    const Fault fault = sent.error().fault;
    if (fault != Fault::not_found && fault != Fault::invalid) return sent;
    note_trouble(swept, "redeliver " + failed.guid, sent.error());
  }
  const Time now = context.clock.now();
  return context.ledger.put({.key = key,
                             .value = std::to_string(*times + 1),
                             .at = now,
                             .expires = now + kRememberDeliveries});
}

// `at` of the note is the cursor: GitHub's time, up to which all deliveries were looked at. The
// first one is stored before GitHub is asked, so that an outage at the start does not let it slip.
Result<Time> delivery_cursor(const Context& context, const std::string& key) {
  const auto note = context.ledger.note(key);
  if (!note) return std::unexpected(note.error());
  if (*note) return (*note)->at;
  const Time first = context.clock.now() - kFirstLookBack;
  const Status stored = context.ledger.put({.key = key, .value = "", .at = first, .expires = {}});
  if (!stored) return std::unexpected(stored.error());
  return first;
}

void redeliver_scope(const Context& context, const std::string& scope, Forge& forge, Swept& swept) {
  const std::string key = "deliveries-seen/" + scope;
  const auto cursor = delivery_cursor(context, key);
  if (!cursor) return note_trouble(swept, "deliveries of " + scope, cursor.error());
  if (forge_down(context, scope)) return;
  const Time since = *cursor;
  const auto deliveries = forge.failed_deliveries(since);
  note_forge(context, scope, deliveries);
  if (!deliveries) return note_trouble(swept, "deliveries of " + scope, deliveries.error());
  for (const FailedDelivery& failed : deliveries->failed) {
    // Whatever stops this loop leaves the cursor where it is, and the next sweep begins there
    // again: a delivery that was skipped would never be asked for.
    if (context.out_of_time()) return;
    if (Status done = redeliver_once(context, forge, failed, swept); !done) {
      return note_trouble(swept, "redeliver " + failed.guid, done.error());
    }
  }
  const Status stored = context.ledger.put(
      {.key = key, .value = "", .at = std::max(since, deliveries->seen_until), .expires = {}});
  if (!stored) note_trouble(swept, "deliveries of " + scope, stored.error());
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
    redeliver_scope(context, scope, *forge, swept);
  }
}

}  // namespace jitney::core
