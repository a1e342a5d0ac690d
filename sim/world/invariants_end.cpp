// SPDX-License-Identifier: Apache-2.0
// What must hold when everything has come to rest.
#include <algorithm>

#include "sim/world/invariants.hpp"

namespace jitney::sim {

using namespace std::chrono_literals;

namespace {

// From the end of the faults to a runner for every job: a machine that never answers holds its
// place for fifteen minutes, the longest retry delay is another fifteen.
constexpr core::Duration kRecovery = 45min;
// ... and then, where a cap is in the way, the jobs before it: eight minutes each, and a boot.
constexpr core::Duration kRound = 12min;
constexpr int kLateJobs = 9;

constexpr long kGitHubCallsAMinute = 8;  // two a sweep, audits, and questions while it goes wrong
constexpr long kGitHubCallsAJob = 40;
constexpr long kFleetCallsAMinute = 25;  // a pool that boots is asked every three seconds
constexpr long kFleetCallsAMachine = 40;
constexpr std::size_t kMachinesAJob = 4;
constexpr std::size_t kMachines = 20;
constexpr std::size_t kClaims = 30;
constexpr std::size_t kNotes = 30;
constexpr std::size_t kMessages = 60;
constexpr std::size_t kMessagesAJob = 6;
constexpr std::size_t kLinesAJob = 120;

int warm_of(const core::Deployment& deployment) {
  int warm = 0;
  for (const core::Pool& pool : deployment.pools) warm += pool.warm;
  return warm;
}

}  // namespace

void Invariants::check_jobs() {
  for (const auto& [id, job] : hub_.world().jobs()) {
    const auto row = ledger_.job(id);
    if (!covered(job)) {
      const bool silent = row && *row && (!(*row)->pool.empty() || (*row)->ignored.empty());
      if (silent || launched_for_.contains(id)) {
        violated("job " + std::to_string(id) + ", which no pool covers, was not just ignored",
                 {core::job_subject(id)});
      }
      continue;
    }
    const bool dead = row && *row && (*row)->dead && !(*row)->dead->cause.empty();
    if (job.status != Status::completed) {
      if (!dead)
        violated("P2: job " + std::to_string(id) + " still waits", {core::job_subject(id)});
      continue;
    }
    if (row && *row && (*row)->status != core::JobStatus::completed) {
      violated("job " + std::to_string(id) + " is completed on GitHub, not in the ledger",
               {core::job_subject(id)});
    }
  }
}

void Invariants::check_webhooks() {
  for (const std::string& guid : hub_.forgotten_deliveries()) {
    violated("P7: delivery " + guid + " failed and was never asked for again", {});
  }
}

void Invariants::check_machines(const Machines& machines) {
  int alive = 0;
  std::map<core::BatchId, std::size_t> made;
  for (const auto& [id, box] : machines.boxes()) {
    alive += box.alive() ? 1 : 0;
    made[box.batch] += 1;
    if (box.alive() && box.started) {
      violated("P4: machine " + id + " outlives runner " + box.runner,
               {core::runner_subject(box.runner)});
    }
  }
  if (alive > warm_of(deployment_)) {
    violated("P4: " + std::to_string(alive) + " machines are left over", {});
  }
  for (const auto& [batch, count] : made) {
    const auto row = ledger_.batch(batch);
    if (row && *row && count > (*row)->runners.size()) {
      violated("P3: batch " + batch + " made " + std::to_string(count) + " machines for " +
                   std::to_string((*row)->runners.size()) + " launch numbers",
               {core::batch_subject(batch)});
    }
  }
  if (machines.changed_request_seen()) {
    violated("P3: a request changed under its client token", {});
  }
}

void Invariants::check_registrations() {
  for (const auto& [id, runner] : hub_.world().runners()) {
    if (!ours(runner)) continue;
    violated("P4: registration " + runner.name + " is left over",
             {core::runner_subject(runner.name)});
  }
  if (hub_.foreign_removed() > 0) violated("a foreign registration was removed", {});
}

void Invariants::check_pools() {
  for (const core::Pool& pool : deployment_.pools) {
    const auto snapshot = ledger_.snapshot(pool.name);
    if (!snapshot) continue;
    if (snapshot->state.live != static_cast<int>(snapshot->runners.size())) {
      violated("pool " + pool.name + " counts " + std::to_string(snapshot->state.live) +
                   " live runners, has " + std::to_string(snapshot->runners.size()),
               {core::pool_subject(pool.name)});
    }
    for (const core::Runner& runner : snapshot->runners) {
      if (runner.phase != core::Phase::ready) {
        violated("P4: runner " + runner.name + " is " + std::string(core::to_string(runner.phase)) +
                     " for ever",
                 {core::runner_subject(runner.name)});
      }
    }
  }
}

// Once the faults have stopped. A dead letter has another clock: people's, or move_jobs' hour.
void Invariants::check_waits() {
  if (!calm_since_) return;
  for (const auto& [id, job] : hub_.world().jobs()) {
    const auto row = ledger_.job(id);
    if (job.started_at < *calm_since_ || !row || !*row) continue;
    if ((*row)->dead || (*row)->redrives > 0) continue;
    const core::Duration wait = job.started_at - std::max(job.queued_at, *calm_since_);
    longest_wait_ = std::max(longest_wait_, wait);
    const core::Pool* const pool = deployment_.pool((*row)->pool);
    if (pool == nullptr) continue;
    const int rounds = (open_when_calm_[pool->name] + kLateJobs) / pool->max + 1;
    if (wait <= kRecovery + waits_ + rounds * kRound) continue;
    violated("P2: job " + std::to_string(id) + " waited for " + core::describe(wait) +
                 " after the faults had stopped",
             story_of(id, pool->name));
  }
}

void Invariants::check_costs(const Machines& machines, core::Duration lasted) {
  const auto jobs = static_cast<long>(std::ranges::distance(hub_.world().jobs()));
  const long minutes = lasted / std::chrono::minutes(1);
  const long github = kGitHubCallsAMinute * minutes + kGitHubCallsAJob * jobs;
  if (hub_.calls() > github) {
    violated(std::to_string(hub_.calls()) + " calls to GitHub for " + std::to_string(jobs) +
                 " jobs in " + core::describe(lasted) + "; " + std::to_string(github) +
                 " should do",
             {});
  }
  const auto launched = static_cast<long>(machines.boxes().size());
  const long fleet = kFleetCallsAMinute * minutes + kFleetCallsAMachine * launched;
  if (machines.calls() > fleet) {
    violated(std::to_string(machines.calls()) + " calls to the fleet for " +
                 std::to_string(launched) + " machines in " + core::describe(lasted) + "; " +
                 std::to_string(fleet) + " should do",
             {});
  }
}

// Rows grow with work, never with time or trouble.
void Invariants::check_rows(const Machines& machines, core::Duration lasted) {
  const auto jobs = static_cast<std::size_t>(std::ranges::distance(hub_.world().jobs()));
  const std::size_t launched = machines.boxes().size();
  if (launched > kMachinesAJob * jobs + kMachines) {
    violated("phantom demand: " + std::to_string(launched) + " machines for " +
                 std::to_string(jobs) + " jobs",
             {});
  }
  // While the provider throttles, batches are abandoned at their deadline and claimed anew.
  std::size_t claims = 2 * launched + kClaims;
  for (const core::Pool& pool : deployment_.pools) {
    const auto deadlines = static_cast<std::size_t>(lasted / pool.deadlines.batch) + 1;
    claims += static_cast<std::size_t>(pool.max) * deadlines;
  }
  if (claimed_ > claims) {
    violated(
        std::to_string(claimed_) + " runners claimed; " + std::to_string(claims) + " should do",
        {});
  }
  const auto notes = ledger_.notes("");
  const std::size_t may = kNotes + hub_.deliveries() + 2 * launched + claimed_;
  if (notes && notes->size() > may) {
    violated(std::to_string(notes->size()) + " notes in the ledger; " + std::to_string(may) +
                 " should do",
             {});
  }
  if (deepest_queue_ > kMessages + kMessagesAJob * jobs) {
    violated(std::to_string(deepest_queue_) + " messages waited at once for " +
                 std::to_string(jobs) + " jobs",
             {});
  }
  for (const auto& [id, job] : hub_.world().jobs()) {
    const auto lines = ledger_.timeline(core::job_subject(id));
    if (!lines || lines->size() <= kLinesAJob) continue;
    violated("job " + std::to_string(id) + " has " + std::to_string(lines->size()) + " lines",
             {core::job_subject(id)});
  }
}

void Invariants::at_the_end(const Machines& machines, core::Duration lasted) {
  check_jobs();
  check_waits();
  check_webhooks();
  check_machines(machines);
  check_registrations();
  check_pools();
  check_costs(machines, lasted);
  check_rows(machines, lasted);
  if (machines.foreign_stopped() > 0) violated("a foreign machine was stopped", {});
}

bool Invariants::quiet(const Machines& machines) const {
  for (const auto& [id, job] : hub_.world().jobs()) {
    if (!covered(job)) continue;
    if (job.status != Status::completed) return false;
    const auto row = ledger_.job(id);
    if (row && *row && (*row)->status != core::JobStatus::completed) return false;
  }
  for (const auto& [id, runner] : hub_.world().runners()) {
    if (ours(runner)) return false;
  }
  int alive = 0;
  for (const auto& [id, box] : machines.boxes()) alive += box.alive() ? 1 : 0;
  if (alive > warm_of(deployment_) || !hub_.forgotten_deliveries().empty()) return false;
  const auto live = ledger_.live_runners();
  return live && std::ranges::all_of(*live, [](const core::Runner& runner) {
           return runner.phase == core::Phase::ready;
         });
}

}  // namespace jitney::sim
