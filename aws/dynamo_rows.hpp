// SPDX-License-Identifier: Apache-2.0
// Values of the core as items of the ledger's table, and where each stands. docs/formats.md,
// "DynamoDB table", shows the layout with examples. Pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aws/dynamo_table.hpp"
#include "core/ledger.hpp"
#include "core/queue.hpp"

namespace jitney::aws {

// Where rows stand.
Key job_key(core::JobId id);
Key open_job_key(std::string_view pool, core::JobId id);  // the copy that snapshots read
Key batch_key(const core::BatchId& id);
Key open_batch_key(std::string_view pool, const core::BatchId& id);
Key live_runner_key(std::string_view pool, std::int64_t number);
Key gone_runner_key(std::string_view pool, std::int64_t number);
Key machine_key(const core::MachineId& machine);
Key pool_key(std::string_view pool);
std::string pool_of(const Key& pool_key);
Key note_key(std::string_view key);
Key dead_letter_key(std::string_view kind, std::string_view key);

inline constexpr std::string_view kPoolsPartition = "pools";
inline constexpr std::string_view kNotesPartition = "notes";
inline constexpr std::string_view kDeadPartition = "dead";
inline constexpr std::string_view kOpen = "open#";  // sort keys of all open rows of a pool
inline constexpr std::string_view kOpenJob = "open#job#";
inline constexpr std::string_view kOpenRunner = "open#runner#";
inline constexpr std::string_view kOpenBatch = "open#batch#";
inline constexpr std::string_view kLine = "line#";

// Entries of the index `lists`.
inline constexpr std::string_view kOpenJobs = "job/open";        // by id
inline constexpr std::string_view kDeadJobs = "job/dead";        // by id
inline constexpr std::string_view kIgnoredJobs = "job/ignored";  // by last change
inline constexpr std::string_view kOverJobs = "job/over";        // by last change
inline constexpr std::string_view kGoneRunners = "runner/gone";
inline constexpr std::string_view kClosedBatches = "batch/closed";
inline constexpr std::string_view kPoolLines = "line/pool";
std::string list_time(core::Time at);  // how `list_at` begins where a list is by last change

// A runner's place follows from its name, <deployment>-<pool>-<number>. nullopt: no name of this
// deployment.
struct RunnerPlace {
  std::string pool;
  std::int64_t number = 0;
};
core::RunnerName gone_runner_name(const Key& gone_runner_key, std::string_view deployment);
std::optional<RunnerPlace> place_of(std::string_view deployment, std::string_view name);

// Items, without `v`, the count of changes that compare-and-set needs: Transaction adds it. For a
// pool it is PoolState::version, for a batch Batch::version + 1. `expires`: Time{} for never.
Item job_item(const core::Job& job, core::Time changed, core::Time expires);
Item open_job_item(const core::Job& job, std::int64_t v);  // `v` of the row it copies
Item runner_item(const core::Runner& runner, core::Time changed, core::Time expires);
Item machine_item(const core::Runner& runner, core::Time expires);
Item batch_item(const core::Batch& batch, core::Time changed, core::Time expires);
Item open_batch_item(const core::Batch& batch);  // has its own `v`: it is read alone
Item pool_item(const core::PoolState& state);
Item note_item(const core::Note& note, core::Duration keep);  // so long once it expired
Item dead_letter_item(const core::Message& message, const std::string& cause, core::Time at);
// `place` orders the lines of a subject; see new_line_place().
Item line_item(const core::TimelineEntry& entry, std::string_view place, core::Time expires);
// Rises from call to call in a process; between processes, as far as their clocks agree.
std::string new_line_place();

core::Job read_job(const Item& item);
core::Runner read_runner(const Item& item);
core::Batch read_batch(const Item& item);
core::PoolState read_pool(std::string_view pool, const Item* item);  // nullptr: a new pool
// Sort keys of open rows, with the `v` that the transaction which last raised the pool's version
// gave them or their originals: a row that is seen with less was read before that transaction came
// to it.
using Touched = std::map<std::string, std::int64_t, std::less<>>;
boost::json::value touched_value(const Touched& touched);
Touched touched_of(const Item& pool);
core::Note read_note(const Item& item);
core::TimelineEntry read_line(const Item& item);
// Without its id. nullopt: of no known kind.
std::optional<core::DeadLetter> read_dead_letter(const Item& item);
std::int64_t row_version(const Item& item);

}  // namespace jitney::aws
