// SPDX-License-Identifier: Apache-2.0
// A ledger in memory that keeps the whole contract of core/ledger.hpp and passes its suite.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/ledger.hpp"

namespace jitney::fakes {

class FakeLedger final : public core::Ledger {
 public:
  // The next `times` calls answer with this fault and change nothing.
  void fail_next(core::Fault fault, int times = 1);

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
  struct JobRow {
    core::Job job;
    core::Time changed{};
  };
  struct RunnerRow {
    core::Runner runner;
    core::Time changed{};
  };

  struct BatchRow {
    core::Batch batch;
    core::Time changed{};
  };

  core::Status refuse();
  static core::Status check_numbers(const core::Batch& batch, const core::PoolState& pool);
  core::Recorded apply(const core::JobEvent& event);
  std::optional<core::Runner> tell_runner(const core::Job& job, const core::JobEvent& event);
  core::Result<core::Runner> move(const core::RunnerName& name, core::Event event,
                                  const core::Facts& facts, core::Time now);
  void store(const core::Job* before, const core::Job& after, core::Time at);
  void note_refusal(core::Time at, const core::RunnerName& name, std::string text);
  void add(core::Time at, const std::string& subject, std::string text);

  std::mutex mutex_;
  core::Fault fault_ = core::Fault::transient;
  int faults_left_ = 0;
  std::map<core::JobId, JobRow> jobs_;
  std::map<core::RunnerName, RunnerRow> runners_;
  std::map<core::MachineId, core::RunnerName> by_machine_;
  std::map<core::BatchId, BatchRow> batches_;
  std::map<std::string, core::PoolState, std::less<>> pools_;
  std::map<std::string, std::vector<core::TimelineEntry>, std::less<>> timeline_;
  std::map<std::string, core::Note, std::less<>> notes_;
};

}  // namespace jitney::fakes
