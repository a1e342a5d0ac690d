// SPDX-License-Identifier: Apache-2.0
// One change of the ledger on its way to the table: the core's functions applied to rows as they
// were read, and what follows from each change staged with it. Holds no rules. One thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/dynamo_transaction.hpp"
#include "core/ledger.hpp"

namespace jitney::aws {

struct DynamoLedgerOptions {
  std::string deployment;                                  // how runners' names begin
  core::Duration retention = std::chrono::hours(24 * 14);  // of rows that are over: their `ttl`
  core::Duration expiry_lag = std::chrono::hours(72);      // DynamoDB's, until it removes them
  std::size_t prune_limit = 100;                           // rows of each kind, a call
  std::chrono::milliseconds longest_pause{400};            // between tries that met other writers
};

class Change {
 public:
  // Both outlive this.
  Change(Table& table, const DynamoLedgerOptions& options)
      : table_(table), options_(options), rows_(table, 2 * options.retention) {}

  // Reads the rows of these events, of their jobs and the runners they name, in one call.
  core::Status load(std::span<const core::JobEvent> events);
  core::Status load_job(core::JobId id);
  core::Status load_runners(std::span<const core::RunnerName> names);
  core::Status load_runner(std::string_view name, const core::MachineId& machine);
  // Instead of load_runner: a live runner's row as it was seen before, and a machine that nobody
  // has. The commit is on condition that both still hold.
  void assume_runner(const Item& row, const core::MachineId& machine);

  // What was loaded, with what was staged since.
  [[nodiscard]] std::optional<core::Job> job(core::JobId id) const;
  [[nodiscard]] std::optional<core::Runner> runner(std::string_view name) const;

  // core::apply, then what the event says to the runner it names.
  core::Result<core::Recorded> apply(const core::JobEvent& event);
  // core::advance. A refusal is an answer, the inner fault; its line in the timeline is staged.
  core::Result<core::Result<core::Runner>> advance(const core::RunnerName& name, core::Event event,
                                                   const core::Facts& facts, core::Time now);
  // `text` empty: no line.
  void store_job(const core::Job* before, const core::Job& after, core::Time at,
                 std::string_view text);
  void plan_runners(const core::Batch& batch);

  Transaction& rows() { return rows_; }

  // Most that one event stages: job, its copy and line; runner, its new place, machine and line;
  // two pools.
  static constexpr std::size_t kActionsOfAnEvent = 9;

 private:
  [[nodiscard]] std::vector<Key> runner_keys(std::string_view name) const;
  [[nodiscard]] core::Time over(core::Time at) const { return at + options_.retention; }
  void store_runner(const core::Runner& before, const core::Runner& after, core::Time at);
  core::Status note_refusal(const core::RunnerName& name, core::Time now, const std::string& text);

  Table& table_;
  const DynamoLedgerOptions& options_;
  Transaction rows_;
};

}  // namespace jitney::aws
