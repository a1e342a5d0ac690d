// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/fakes/fake_ledger.hpp"

namespace jitney::fakes {

using Lock = std::lock_guard<std::mutex>;

core::Result<core::Snapshot> FakeLedger::snapshot_with(std::string_view pool,
                                                       std::span<const std::string> notes) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  core::Snapshot snapshot;
  snapshot.state.pool = pool;
  if (const auto at = pools_.find(pool); at != pools_.end()) snapshot.state = at->second;
  snapshot.state.pool = pool;
  for (const auto& [id, row] : jobs_) {
    if (row.job.open() && row.job.pool == pool) snapshot.jobs.push_back(row.job);
  }
  std::ranges::stable_sort(snapshot.jobs, {}, &core::Job::queued_at);
  for (const auto& [name, row] : runners_) {
    if (row.runner.live() && row.runner.pool == pool) snapshot.runners.push_back(row.runner);
  }
  std::ranges::sort(snapshot.runners, {}, &core::Runner::number);
  for (const auto& [id, row] : batches_) {
    if (row.batch.open && row.batch.pool == pool) snapshot.batches.push_back(row.batch);
  }
  std::ranges::stable_sort(snapshot.batches, {}, &core::Batch::created_at);
  for (const std::string& key : notes) {
    if (const auto at = notes_.find(key); at != notes_.end()) snapshot.notes.push_back(at->second);
  }
  return snapshot;
}

core::Result<std::optional<core::Job>> FakeLedger::job(core::JobId id) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return std::nullopt;
  return at->second.job;
}

core::Result<std::vector<core::Job>> FakeLedger::jobs(const core::JobFilter& filter) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::vector<core::Job> found;
  for (auto at = jobs_.rbegin(); at != jobs_.rend() && found.size() < filter.limit; ++at) {
    const core::Job& job = at->second.job;
    if (filter.pool && job.pool != *filter.pool) continue;
    if (filter.status && job.status != *filter.status) continue;
    if (filter.dead_only && !job.dead) continue;
    if (filter.open_only && job.status == core::JobStatus::completed) continue;
    found.push_back(job);
  }
  return found;
}

core::Result<std::optional<core::Runner>> FakeLedger::runner(const core::RunnerName& name) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = runners_.find(name);
  if (at == runners_.end()) return std::nullopt;
  return at->second.runner;
}

core::Result<std::vector<core::Runner>> FakeLedger::runners_named(
    std::span<const core::RunnerName> names) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::vector<core::Runner> found;
  for (const core::RunnerName& name : names) {
    if (const auto at = runners_.find(name); at != runners_.end())
      found.push_back(at->second.runner);
  }
  return found;
}

core::Result<std::optional<core::Runner>> FakeLedger::runner_on(const core::MachineId& machine) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = by_machine_.find(machine);
  if (at == by_machine_.end()) return std::nullopt;
  return runners_.at(at->second).runner;
}

core::Result<std::optional<core::Batch>> FakeLedger::batch(const core::BatchId& id) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = batches_.find(id);
  if (at == batches_.end()) return std::nullopt;
  return at->second.batch;
}

core::Result<std::vector<core::Runner>> FakeLedger::live_runners() {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::vector<core::Runner> live;
  for (const auto& [name, row] : runners_) {
    if (row.runner.live()) live.push_back(row.runner);
  }
  return live;
}

core::Result<std::vector<core::TimelineEntry>> FakeLedger::timeline(std::string_view subject) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = timeline_.find(subject);
  return at == timeline_.end() ? std::vector<core::TimelineEntry>{} : at->second;
}

core::Status FakeLedger::append(std::span<const core::TimelineEntry> entries) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  for (const core::TimelineEntry& entry : entries) timeline_[entry.subject].push_back(entry);
  return {};
}

core::Result<std::optional<core::Note>> FakeLedger::note(std::string_view key) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  const auto at = notes_.find(key);
  if (at == notes_.end()) return std::nullopt;
  return at->second;
}

core::Result<std::vector<core::Note>> FakeLedger::notes(std::string_view prefix) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::vector<core::Note> found;
  for (auto at = notes_.lower_bound(prefix); at != notes_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    found.push_back(at->second);
  }
  return found;
}

core::Status FakeLedger::put(const core::Note& note) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  notes_[note.key] = note;
  return {};
}

core::Status FakeLedger::erase_note(std::string_view key) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  if (const auto at = notes_.find(key); at != notes_.end()) notes_.erase(at);
  return {};
}

}  // namespace jitney::fakes
