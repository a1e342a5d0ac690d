// SPDX-License-Identifier: Apache-2.0
// What must hold at every moment. At the end: invariants_end.cpp; ages: invariants_ages.cpp.
#include "sim/world/invariants.hpp"

#include <algorithm>

#include "sim/world/story.hpp"

namespace jitney::sim {

namespace {

// A job that GitHub ended this long ago should be known to be over; a few launches may still be for
// it.
constexpr core::Duration kKnownToBeOver = std::chrono::minutes(3);
constexpr std::size_t kPhantomsAllowed = 1;
constexpr std::size_t kMostTold = 20;

bool wanted_by(const core::Pool& pool, const Job& job) {
  return core::match(std::span(&pool, 1), pool.scope, "acme/widgets", job.labels).pool != nullptr;
}

}  // namespace

void Invariants::violated(const std::string& what, const std::vector<std::string>& subjects) {
  if (violations_.size() >= kMostTold) return;  // what stays wrong is found wrong every minute
  violations_.push_back(what);
  if (story_.empty()) story_ = tell_story(ledger_, subjects);
}

// By the clock that the plan was made by: it may have jumped since.
void Invariants::claimed(const core::Batch& batch) {
  const auto snapshot = ledger_.snapshot(batch.pool);
  const core::Pool* pool = deployment_.pool(batch.pool);
  if (!snapshot || pool == nullptr) return violated("claim without a pool", {});
  claimed_ += batch.runners.size();
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
    wanted += job.status == Status::queued && wanted_by(pool, job) ? 1 : 0;
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
    std::erase_if(phantoms, [this](const core::RunnerName& name) {
      return had_a_job(name) || had_no_machine(name);
    });
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

// Claimed and abandoned: it cost a row.
bool Invariants::had_no_machine(const core::RunnerName& name) const {
  const auto runner = ledger_.runner(name);
  return runner && *runner && !(*runner)->live() && (*runner)->machine.empty();
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

bool Invariants::covered(const Job& job) const {
  return std::ranges::any_of(deployment_.pools,
                             [&](const core::Pool& pool) { return wanted_by(pool, job); });
}

bool Invariants::ours(const Runner& runner) const {
  return !runner.foreign && runner.name.starts_with(deployment_.name + "-");
}

void Invariants::acknowledged(const core::JobEvent& event) {
  const auto row = ledger_.job(event.id);
  if (row && *row && (*row)->status >= event.status) return;
  violated("P1: the webhook of job " + std::to_string(event.id) + " was answered 2xx and is lost",
           {core::job_subject(event.id)});
}

void Invariants::stopping(const Box& box) {
  if (box.runner.empty() || !hub_.runs_a_job(box.runner)) return;
  const auto runner = ledger_.runner(box.runner);
  if (runner && *runner && (*runner)->overdue) return;
  violated("P6: machine " + box.id + " is stopped while " + box.runner + " runs a job",
           {core::runner_subject(box.runner)});
}

void Invariants::wrote(std::string_view where, std::string_view text) {
  if (text.find(kJitMark) == text.npos) return;
  violated("P8: a JIT configuration stands in " + std::string(where), {});
}

void Invariants::trouble_stopped(core::Duration waits) {
  calm_since_ = hub_.now();
  waits_ = waits;
  for (const core::Pool& pool : deployment_.pools) {
    int& open = open_when_calm_[pool.name];
    for (const auto& [id, job] : hub_.world().jobs()) {
      open += job.status != Status::completed && wanted_by(pool, job) ? 1 : 0;
    }
  }
}

void Invariants::watch(const Machines& machines) {
  check_counters();
  check_ages(machines);
  const auto depth = queue_.depth();
  if (depth) deepest_queue_ = std::max(deepest_queue_, *depth);
}

// The pool's row and its rows may not differ at any moment.
void Invariants::check_counters() {
  for (const core::Pool& pool : deployment_.pools) {
    const auto snapshot = ledger_.snapshot(pool.name);
    if (!snapshot) continue;
    const int live = static_cast<int>(snapshot->runners.size());
    if (snapshot->state.live != live || live > pool.max) {
      violated("P5: pool " + pool.name + " has " + std::to_string(live) + " live runners, counts " +
                   std::to_string(snapshot->state.live) + ", may have " + std::to_string(pool.max),
               {core::pool_subject(pool.name)});
    }
  }
}

}  // namespace jitney::sim
