// SPDX-License-Identifier: Apache-2.0
// core::Ledger on one DynamoDB table. Every write is one transaction of at most 100 actions on
// condition that what it read has not changed; one that was outrun reads again, a bounded number of
// times. docs/formats.md, "DynamoDB table", has the rows. Thread-safe; any number of processes.
//
// Beyond the port's contract: record() of many events is several transactions, in their order; an
// error may leave the first of them recorded, and recording all again is safe. jobs() reads an
// index that lags behind by a moment. prune() leaves to DynamoDB's own expiry what is over for less
// than `expiry_lag` longer. claim() is `invalid` for more runners than kLargestClaim, or when their
// names are not <deployment>-<pool>-<number>.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "aws/dynamo_change.hpp"
#include "aws/dynamo_recent.hpp"
#include "aws/dynamo_table.hpp"
#include "core/ledger.hpp"

namespace jitney::aws {

// Beside its runners, a claim writes the pool, the batch and the batch's copy.
inline constexpr std::size_t kLargestClaim = kActionsPerTransaction - 3;

class DynamoLedger final : public core::Ledger {
 public:
  // `client` outlives this.
  DynamoLedger(Client& client, std::string table, DynamoLedgerOptions options)
      : table_(client, std::move(table)), options_(std::move(options)) {}

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
  // As many of the events as one transaction holds.
  core::Result<std::vector<core::Recorded>> record_some(std::span<const core::JobEvent> events);
  core::Result<core::Claimed> try_claim(const core::Batch& batch, std::int64_t expected_version,
                                        int max);
  // `rule` changes the job: nullopt for "no change"; it leaves the text empty for no line.
  using JobRule =
      std::function<core::Result<std::optional<core::Job>>(const core::Job&, std::string& text)>;
  core::Result<core::Job> change_job(core::JobId id, core::Time at, const JobRule& rule);

  core::Status list_jobs(std::string_view list, const core::JobFilter& filter,
                         std::vector<core::Job>& into);
  core::Result<std::size_t> prune_list(std::string_view list, core::Time before);
  core::Result<std::size_t> prune_notes(core::Time before, core::Time now);

  void assume(Change& change, const core::RunnerName& name, core::Event event,
              const core::Facts& facts, core::Time now);
  // Writes what was staged, and remembers it.
  core::Status commit(Change& change);

  Table table_;
  DynamoLedgerOptions options_;
  RecentRunners recent_;
};

}  // namespace jitney::aws
