// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_ledger.hpp"

#include <algorithm>

#include "core/timeline.hpp"

namespace jitney::fakes {

using core::Fault;
using Lock = std::lock_guard<std::mutex>;

void FakeLedger::fail_next(Fault fault, int times) {
  const Lock lock(mutex_);
  fault_ = fault;
  faults_left_ = times;
}

core::Status FakeLedger::refuse() {
  if (faults_left_ == 0) return {};
  --faults_left_;
  return core::fail(fault_, "the fake ledger was told to fail");
}

void FakeLedger::add(core::Time at, const std::string& subject, std::string text) {
  timeline_[subject].push_back({.at = at, .subject = subject, .text = std::move(text)});
}

void FakeLedger::note_refusal(core::Time at, const core::RunnerName& name, std::string text) {
  const std::string subject = core::runner_subject(name);
  const auto lines = timeline_.find(subject);
  if (lines != timeline_.end() && !lines->second.empty() && lines->second.back().text == text) {
    return;  // said once, however often it is tried again
  }
  add(at, subject, std::move(text));
}

void FakeLedger::store(const core::Job* before, const core::Job& after, core::Time at) {
  if (core::lowers_demand(before, after)) ++pools_[after.pool].version;
  jobs_[after.id] = {.job = after, .changed = at};
}

core::Result<core::Runner> FakeLedger::move(const core::RunnerName& name, core::Event event,
                                            const core::Facts& facts, core::Time now) {
  const auto at = runners_.find(name);
  if (at == runners_.end()) return core::fail(Fault::not_found, "no runner " + name);
  if (!facts.machine.empty()) {
    const auto owner = by_machine_.find(facts.machine);
    if (owner != by_machine_.end() && owner->second != name) {
      note_refusal(now, name, "refused machine " + facts.machine + " of " + owner->second);
      return core::fail(Fault::conflict,
                        "machine " + facts.machine + " belongs to " + owner->second);
    }
  }
  const core::Runner before = at->second.runner;
  auto after = core::advance(before, event, facts, now);
  if (!after) {
    note_refusal(now, name, after.error().what);
    return after;
  }
  if (*after == before) return after;
  core::PoolState& pool = pools_[before.pool];
  const bool released = before.live() && !after->live();
  if (released) --pool.live;
  if (released || core::lowers_supply(before, *after)) ++pool.version;
  if (!after->machine.empty()) by_machine_[after->machine] = name;
  add(now, core::runner_subject(name), core::runner_change(before, *after, event));
  at->second = {.runner = *after, .changed = now};
  return after;
}

std::optional<core::Runner> FakeLedger::tell_runner(const core::Job& job,
                                                    const core::JobEvent& event) {
  if (event.runner_name.empty() || event.status < core::JobStatus::in_progress) return std::nullopt;
  if (!runners_.contains(event.runner_name)) return std::nullopt;
  core::Facts facts;
  facts.job = job.id;
  facts.forge_id = event.runner_id;
  const bool over = job.status == core::JobStatus::completed;
  auto moved = move(event.runner_name, over ? core::Event::job_ended : core::Event::job_started,
                    facts, event.seen_at);
  if (!moved) return std::nullopt;
  return *moved;
}

core::Recorded FakeLedger::apply(const core::JobEvent& event) {
  const auto at = jobs_.find(event.id);
  const std::optional<core::Job> before =
      at == jobs_.end() ? std::nullopt : std::optional(at->second.job);
  core::Recorded recorded;
  recorded.was_demand = before && before->demand(event.seen_at);
  recorded.was_dead = before && before->dead;
  const auto after = core::apply(before ? &*before : nullptr, event);
  recorded.changed = after.has_value();
  recorded.job = after ? *after : *before;
  if (!after) return recorded;
  store(before ? &*before : nullptr, *after, event.seen_at);
  add(event.seen_at, core::job_subject(event.id),
      core::job_change(before ? &*before : nullptr, *after, event));
  recorded.runner = tell_runner(*after, event);
  return recorded;
}

core::Result<std::vector<core::Recorded>> FakeLedger::record(
    std::span<const core::JobEvent> events) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::vector<core::Recorded> all;
  for (const core::JobEvent& event : events) all.push_back(apply(event));
  return all;
}

core::Status FakeLedger::check_numbers(const core::Batch& batch, const core::PoolState& pool) {
  std::int64_t lowest = pool.next_number;
  bool rising = batch.numbers.size() == batch.runners.size();
  for (const std::int64_t number : batch.numbers) {
    rising = rising && number >= lowest;
    lowest = number + 1;
  }
  if (rising) return {};
  return core::fail(Fault::invalid, "batch " + batch.id + " claims launch numbers used before");
}

core::Result<core::Claimed> FakeLedger::claim(const core::Batch& batch,
                                              std::int64_t expected_version, int max) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  if (batches_.contains(batch.id)) return core::Claimed::mine;
  core::PoolState& pool = pools_[batch.pool];
  pool.pool = batch.pool;
  if (pool.version != expected_version) return core::Claimed::outrun;
  if (auto sound = check_numbers(batch, pool); !sound) return std::unexpected(sound.error());
  if (pool.live + static_cast<int>(batch.runners.size()) > max) return core::Claimed::full;
  for (std::size_t slot = 0; slot < batch.runners.size(); ++slot) {
    core::Runner runner;
    runner.name = batch.runners[slot];
    runner.pool = batch.pool;
    runner.number = batch.numbers[slot];
    runner.batch = batch.id;
    runner.launched_for = slot < batch.jobs.size() ? batch.jobs[slot] : 0;
    runner.created_at = runner.phase_since = batch.created_at;
    pool.next_number = std::max(pool.next_number, runner.number + 1);
    add(batch.created_at, core::runner_subject(runner.name), "planned in batch " + batch.id);
    if (runner.launched_for != 0) {
      add(batch.created_at, core::job_subject(runner.launched_for),
          "runner " + runner.name + " claimed for it");
    }
    runners_[runner.name] = {.runner = runner, .changed = batch.created_at};
  }
  pool.live += static_cast<int>(batch.runners.size());
  ++pool.version;
  batches_[batch.id] = {.batch = batch, .changed = batch.created_at};
  add(batch.created_at, core::batch_subject(batch.id), core::claim_text(batch));
  return core::Claimed::ok;
}

core::Result<core::Runner> FakeLedger::advance(const core::RunnerName& name, core::Event event,
                                               const core::Facts& facts, core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  return move(name, event, facts, now);
}

core::Result<core::Batch> FakeLedger::update(const core::Batch& batch, core::Time now,
                                             std::string_view timeline_text) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = batches_.find(batch.id);
  if (at == batches_.end()) return core::fail(Fault::not_found, "no batch " + batch.id);
  if (at->second.batch.version != batch.version) {
    return core::fail(Fault::conflict, "batch " + batch.id + " was changed by another");
  }
  at->second = {.batch = batch, .changed = now};
  ++at->second.batch.version;
  if (!timeline_text.empty()) {
    add(now, core::batch_subject(batch.id), std::string(timeline_text));
  }
  return at->second.batch;
}

core::Result<core::Job> FakeLedger::fail(core::JobId id, const std::string& key,
                                         const core::Error& error, const core::RetryPolicy& policy,
                                         core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return core::fail(Fault::not_found, "no job " + std::to_string(id));
  const core::Job before = at->second.job;
  const auto after = core::after_failure(before, key, error, policy, now);
  if (!after) return before;
  store(&before, *after, now);
  add(now, core::job_subject(id), core::job_failure(*after));
  return *after;
}

core::Result<core::Job> FakeLedger::bury(core::JobId id, const core::Death& death) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return core::fail(Fault::not_found, "no job " + std::to_string(id));
  const core::Job before = at->second.job;
  const auto after = core::buried(before, death);
  if (!after) return before;
  store(&before, *after, death.at);
  add(death.at, core::job_subject(id), core::job_death(death));
  return *after;
}

core::Result<core::Job> FakeLedger::redrive(core::JobId id, core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return core::fail(Fault::not_found, "no job " + std::to_string(id));
  const core::Job before = at->second.job;
  const auto after = core::redriven(before, now);
  if (!after) return core::fail(Fault::conflict, "job " + std::to_string(id) + " is not dead");
  store(&before, *after, now);
  add(now, core::job_subject(id), "redriven");
  return *after;
}

core::Status FakeLedger::checked(core::JobId id, core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return core::fail(Fault::not_found, "no job " + std::to_string(id));
  at->second.job.checked_at = now;
  return {};
}

core::Result<std::size_t> FakeLedger::prune(core::Time before, core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::size_t gone = 0;
  gone += std::erase_if(jobs_, [&](const auto& row) {
    const core::Job& job = row.second.job;
    const bool over = job.status == core::JobStatus::completed || job.pool.empty();
    if (!over || job.dead || row.second.changed >= before) return false;
    timeline_.erase(core::job_subject(job.id));
    return true;
  });
  gone += std::erase_if(runners_, [&](const auto& row) {
    if (row.second.runner.live() || row.second.changed >= before) return false;
    by_machine_.erase(row.second.runner.machine);
    timeline_.erase(core::runner_subject(row.first));
    return true;
  });
  gone += std::erase_if(batches_, [&](const auto& row) {
    if (row.second.batch.open || row.second.changed >= before) return false;
    timeline_.erase(core::batch_subject(row.first));
    return true;
  });
  gone += std::erase_if(notes_, [&](const auto& row) {
    const core::Note& note = row.second;
    return note.expires != core::Time{} && note.expires <= now && note.at < before;
  });
  for (auto& [subject, lines] : timeline_) {
    if (!subject.starts_with("pool:")) continue;
    gone += std::erase_if(lines, [&](const auto& line) { return line.at < before; });
  }
  return gone;
}

}  // namespace jitney::fakes
