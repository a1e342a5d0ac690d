// SPDX-License-Identifier: Apache-2.0
// core::Ledger on one SQLite file. Thread-safe; writes wait for their group's commit, reads never
// wait.
#pragma once

#include "core/ledger.hpp"
#include "local/database.hpp"

namespace jitney::local {

class SqliteLedger final : public core::Ledger {
 public:
  // `database` outlives this.
  explicit SqliteLedger(Database& database) : database_(database) {}

  core::Result<std::vector<core::Recorded>> record(std::span<const core::JobEvent> events) override;
  core::Result<core::Claimed> claim(const core::Batch& batch, std::int64_t expected_version,
                                    int max) override;
  core::Result<core::Runner> advance(const core::RunnerName& name, core::Event event,
                                     const core::Facts& facts, core::Time now) override;
  core::Result<core::Batch> update(const core::Batch& batch, core::Time now,
                                   std::string_view timeline_text) override;
  core::Result<core::Job> fail(core::JobId job, const std::string& key, const core::Error& error,
                               const core::RetryPolicy& policy, core::Time now) override;
  core::Result<core::Job> bury(core::JobId job, const core::Death& death) override;
  core::Result<core::Job> redrive(core::JobId job, core::Time now) override;
  core::Status checked(core::JobId job, core::Time now) override;
  core::Result<core::Snapshot> snapshot_with(std::string_view pool,
                                             std::span<const std::string> notes) override;
  core::Result<std::optional<core::Job>> job(core::JobId id) override;
  core::Result<std::vector<core::Job>> jobs(const core::JobFilter& filter) override;
  core::Result<std::optional<core::Runner>> runner(const core::RunnerName& name) override;
  core::Result<std::vector<core::Runner>> runners_named(
      std::span<const core::RunnerName> names) override;
  core::Result<std::optional<core::Runner>> runner_on(const core::MachineId& machine) override;
  core::Result<std::optional<core::Batch>> batch(const core::BatchId& id) override;
  core::Result<std::vector<core::Runner>> live_runners() override;
  core::Result<std::vector<core::TimelineEntry>> timeline(std::string_view subject) override;
  core::Status append(std::span<const core::TimelineEntry> entries) override;
  core::Result<std::optional<core::Note>> note(std::string_view key) override;
  core::Result<std::vector<core::Note>> notes(std::string_view prefix) override;
  core::Status put(const core::Note& note) override;
  core::Status erase_note(std::string_view key) override;
  core::Result<std::size_t> prune(core::Time before, core::Time now) override;

 private:
  Database& database_;
};

}  // namespace jitney::local
