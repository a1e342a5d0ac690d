// SPDX-License-Identifier: Apache-2.0
#include "sim/world/invariants.hpp"

#include <algorithm>
#include <map>

namespace jitney::sim {

namespace {

constexpr std::size_t kStoryLines = 40;
// A job that GitHub ended this long ago should be known to be over; a few launches may still be for
// it.
constexpr core::Duration kKnownToBeOver = std::chrono::minutes(3);
constexpr std::size_t kPhantomsAllowed = 1;

bool ours(const core::Deployment& deployment, const Runner& runner) {
  return runner.name.starts_with(deployment.name + "-");
}

int warm_of(const core::Deployment& deployment) {
  int warm = 0;
  for (const core::Pool& pool : deployment.pools) warm += pool.warm;
  return warm;
}

}  // namespace

void Invariants::violated(const std::string& what, const std::vector<std::string>& subjects) {
  violations_.push_back(what);
  if (!story_.empty()) return;
  for (const std::string& subject : subjects) {
    const auto timeline = ledger_.timeline(subject);
    if (!timeline) continue;
    story_.push_back(subject);
    const std::size_t from = timeline->size() > kStoryLines ? timeline->size() - kStoryLines : 0;
    for (std::size_t i = from; i < timeline->size(); ++i) {
      const core::TimelineEntry& entry = (*timeline)[i];
      story_.push_back(std::to_string(entry.at.time_since_epoch().count()) + " " + entry.text);
    }
  }
}

// By the clock that the plan was made by: it may have jumped since.
void Invariants::claimed(const core::Batch& batch) {
  const auto snapshot = ledger_.snapshot(batch.pool);
  const core::Pool* pool = deployment_.pool(batch.pool);
  if (!snapshot || pool == nullptr) return violated("claim without a pool", {});
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    launched_for_[batch.jobs[i]].push_back(batch.runners[i]);
  }
  int demand = 0, supply = 0, live = 0;
  for (const core::Job& job : snapshot->jobs) demand += job.demand(batch.created_at) ? 1 : 0;
  for (const core::Runner& runner : snapshot->runners) {
    supply += runner.supply() ? 1 : 0;
    live += runner.live() ? 1 : 0;
  }
  check_phantoms(batch, supply - wanted_on_github(*pool));
  if (supply > demand + pool->warm) {
    violated("P3: " + std::to_string(supply) + " runners for " + std::to_string(demand) +
                 " jobs and " + std::to_string(pool->warm) + " warm after claim " + batch.id,
             {core::batch_subject(batch.id)});
  }
  if (live > pool->max || snapshot->state.live != live) {
    violated("P5: pool " + pool->name + " has " + std::to_string(live) + " live runners, counts " +
                 std::to_string(snapshot->state.live) + ", may have " + std::to_string(pool->max),
             {core::pool_subject(pool->name)});
  }
}

int Invariants::wanted_on_github(const core::Pool& pool) const {
  int wanted = pool.warm;
  for (const auto& [id, job] : hub_.world().jobs()) {
    if (job.status != Status::queued) continue;
    wanted +=
        core::match(std::span(&pool, 1), pool.scope, "acme/widgets", job.labels).pool != nullptr;
  }
  return wanted;
}

// A launch that the ledger believes in and GitHub does not: its `completed` was lost.
// One that another job took after all was of use.
void Invariants::check_phantoms(const core::Batch& batch, int needless) {
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    const core::JobId id = batch.jobs[i];
    if (needless <= 0) return;
    const auto job = hub_.world().jobs().find(id);
    if (job == hub_.world().jobs().end() || job->second.status != Status::completed) continue;
    if (hub_.now() - job->second.completed_at < kKnownToBeOver) continue;
    --needless;
    auto& phantoms = phantoms_[id];
    std::erase_if(phantoms, [this](const core::RunnerName& name) { return had_a_job(name); });
    phantoms.push_back(batch.runners[i]);
    if (phantoms.size() > kPhantomsAllowed) {
      violated("phantom demand: launch " + std::to_string(phantoms.size()) + " for job " +
                   std::to_string(id) + ", which is over",
               story_of(id, batch.pool));
    }
  }
}

bool Invariants::had_a_job(const core::RunnerName& name) const {
  return std::ranges::any_of(hub_.world().jobs(),
                             [&](const auto& entry) { return entry.second.runner_name == name; });
}

std::vector<std::string> Invariants::story_of(core::JobId id, const std::string& pool) const {
  std::vector<std::string> subjects{core::job_subject(id), core::pool_subject(pool)};
  const auto runners = launched_for_.find(id);
  if (runners == launched_for_.end()) return subjects;
  for (const core::RunnerName& name : runners->second) {
    subjects.push_back(core::runner_subject(name));
  }
  return subjects;
}

void Invariants::acknowledged(const core::JobEvent& event) {
  const auto row = ledger_.job(event.id);
  if (row && *row && (*row)->status >= event.status) return;
  violated("P1: the webhook of job " + std::to_string(event.id) + " was answered 2xx and is lost",
           {core::job_subject(event.id)});
}

void Invariants::check_webhooks() {
  for (const std::string& guid : hub_.forgotten_deliveries()) {
    violated("P7: delivery " + guid + " failed and was never asked for again", {});
  }
}

void Invariants::stopping(const Cloud::Instance& instance) {
  if (instance.runner.empty() || !hub_.runs_a_job(instance.runner)) return;
  const auto runner = ledger_.runner(instance.runner);
  if (runner && *runner && (*runner)->overdue) return;
  violated("P6: machine " + instance.id + " is stopped while " + instance.runner + " runs a job",
           {core::runner_subject(instance.runner)});
}

void Invariants::check_jobs() {
  for (const auto& [id, job] : hub_.world().jobs()) {
    const auto row = ledger_.job(id);
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

void Invariants::check_machines(const Cloud& cloud) {
  int alive = 0;
  std::map<core::BatchId, std::size_t> made;
  for (const auto& [id, instance] : cloud.instances()) {
    alive += instance.alive() ? 1 : 0;
    made[instance.batch] += 1;
    if (instance.alive() && instance.started) {
      violated("P4: machine " + id + " outlives runner " + instance.runner,
               {core::runner_subject(instance.runner)});
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
  if (cloud.changed_request_seen()) violated("P3: a request changed under its client token", {});
}

void Invariants::check_registrations() {
  for (const auto& [id, runner] : hub_.world().runners()) {
    if (!ours(deployment_, runner)) continue;
    violated("P4: registration " + runner.name + " is left over",
             {core::runner_subject(runner.name)});
  }
  if (hub_.foreign_removed() > 0) violated("a foreign registration was removed", {});
}

void Invariants::check_counts() {
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

void Invariants::at_the_end(const Cloud& cloud) {
  check_jobs();
  check_webhooks();
  check_machines(cloud);
  check_registrations();
  check_counts();
  const auto jobs = static_cast<std::size_t>(std::ranges::distance(hub_.world().jobs()));
  const std::size_t bound = 4 * jobs + 20;
  if (cloud.instances().size() > bound) {
    violated("phantom demand: " + std::to_string(cloud.instances().size()) + " machines for " +
                 std::to_string(jobs) + " jobs",
             {});
  }
}

bool Invariants::quiet(const Cloud& cloud) const {
  for (const auto& [id, job] : hub_.world().jobs()) {
    if (job.status != Status::completed) return false;
    const auto row = ledger_.job(id);
    if (row && *row && (*row)->status != core::JobStatus::completed) return false;
  }
  for (const auto& [id, runner] : hub_.world().runners()) {
    if (ours(deployment_, runner)) return false;
  }
  int alive = 0;
  for (const auto& [id, instance] : cloud.instances()) alive += instance.alive() ? 1 : 0;
  if (alive > warm_of(deployment_) || !hub_.forgotten_deliveries().empty()) return false;
  const auto live = ledger_.live_runners();
  return live && std::ranges::all_of(*live, [](const core::Runner& runner) {
           return runner.phase == core::Phase::ready;
         });
}

}  // namespace jitney::sim
