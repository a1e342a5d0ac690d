// SPDX-License-Identifier: Apache-2.0
// The durable record of jobs, pools, runners, batches and their timeline. A port: implemented by
// local::SqliteLedger, by a DynamoDB adapter, and by the fake in tests/fakes; all pass the contract
// suite in tests/contract/ledger_contract.hpp. Implementations are thread-safe.
//
// Every write is a compare-and-set that applies one of the core's pure functions to the stored row,
// durable when the call returns. Adapters store; they hold no rules of their own.
// Faults of every call: `transient` (storage failed or is full: nothing was changed), `cancelled`.
// Reads are of committed state and never stale in one process; across processes they may lag a
// moment, which compare-and-set makes harmless.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/job.hpp"
#include "core/runner.hpp"

namespace jitney::core {

// Runners claimed and launched together, with the exact request.
struct Batch {
  BatchId id;
  std::string pool;
  std::vector<RunnerName> runners;  // by slot
  std::vector<std::int64_t> numbers;
  std::vector<JobId> jobs;  // whom it was launched for, by slot; shorter than runners if warm
  int rung = 0;
  std::string request;  // replayed byte for byte under client_token()
  int tries = 0;        // of this rung
  Time created_at{};
  Time deadline{};
  Time next_try{};
  std::string waiting;  // what it waits for, for people; empty: nothing
  bool open = true;     // closed: every runner has a machine or was abandoned
  std::int64_t version = 0;

  // Names the effect: one machine set a (batch, rung), however often it is sent.
  [[nodiscard]] std::string client_token() const { return id + "/" + std::to_string(rung); }
  friend bool operator==(const Batch&, const Batch&) = default;
};

// The row of a pool. `version` rises with every claim, with every fall of `live`, and whenever a
// job of the pool stops being demand or a runner stops being supply: a claim made on an older
// snapshot is outrun, so that supply never exceeds demand plus warm at the moment of a claim (P3).
struct PoolState {
  std::string pool;
  std::int64_t version = 0;
  std::int64_t next_number = 1;  // the next launch number; never reused
  int live = 0;                  // runners that are not gone
  friend bool operator==(const PoolState&, const PoolState&) = default;
};

// A small named value that outlives the process: breakers, cursors, first sightings, capacity
// memory.
struct Note {
  std::string key;
  std::string value;
  Time at{};       // last written
  Time expires{};  // Time{}: never
  friend bool operator==(const Note&, const Note&) = default;
};

// One pool at one moment: cost proportional to open work, never to history.
struct Snapshot {
  PoolState state;
  std::vector<Job> jobs;        // open(): not completed, not dead; by queued_at, then id
  std::vector<Runner> runners;  // live(), by number
  std::vector<Batch> batches;   // open, by created_at
  std::vector<Note> notes;      // those that were asked for and exist, in any order

  // nullptr: there was none, or it was not asked for.
  [[nodiscard]] const Note* note(std::string_view key) const;
};

// What one event did. `job` is the row as it now is.
struct Recorded {
  Job job;
  bool changed = false;          // the row was written
  bool was_demand = false;       // queued before this event
  bool was_dead = false;         // given up before this event
  std::optional<Runner> runner;  // the runner of ours that the event named and moved
};

enum class Claimed {
  ok,      // durable: the runners are planned, `live` counts them
  mine,    // this very batch is stored already: go on with it
  outrun,  // the pool has another version: read a new snapshot and plan again
  full,    // live + claimed would exceed `max`
};

// One line of a timeline.
struct TimelineEntry {
  Time at{};
  std::string subject;  // "job:<id>", "runner:<name>", "batch:<id>", "pool:<name>"
  std::string text;     // "queued", "registered as forge runner 17", "launch failed: ..."
  friend bool operator==(const TimelineEntry&, const TimelineEntry&) = default;
};
std::string job_subject(JobId id);
std::string runner_subject(const RunnerName& name);
std::string batch_subject(const BatchId& id);
std::string pool_subject(std::string_view pool);

struct JobFilter {
  std::optional<std::string> pool;
  std::optional<JobStatus> status;
  bool dead_only = false;
  bool open_only = false;  // not completed; dead ones too unless `dead_only` says otherwise
  std::size_t limit = 200;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // Applies core::apply to each event's job, in order, in one transaction, with a timeline line for
  // each change. Where the job's change names a runner of ours, the runner's fact (job_started,
  // job_ended) is applied in the same transaction, or after the job's, never before: demand may not
  // look larger than it is. An unknown runner is left alone; a refused pair is noted in the
  // timeline. One event is all or nothing; of many, an adapter whose transactions are small may
  // have recorded the first ones when it fails: recording them again changes nothing.
  virtual Result<std::vector<Recorded>> record(std::span<const JobEvent> events) = 0;

  // Stores `batch` and its runners (phase planned, `launched_for` from batch.jobs by slot) and adds
  // them to `live`, if the pool's version is still `expected`. Idempotent by batch id (`mine`). The
  // batch's numbers must start at the snapshot's next_number; the pool's next_number moves past
  // them.
  virtual Result<Claimed> claim(const Batch& batch, std::int64_t expected_version, int max) = 0;

  // Applies core::advance to the runner; `live` is released in the transaction that makes it
  // `gone`, and the pool's version rises as PoolState says. Faults: `not_found`; `conflict` as
  // core::advance says, or when facts.machine is bound to another runner (noted in the timeline;
  // nothing is changed).
  virtual Result<Runner> advance(const RunnerName& name, Event event, const Facts& facts,
                                 Time now) = 0;

  // Replaces the batch if its version is still batch.version; returns the stored one (version + 1).
  // `conflict` when outrun, `not_found` when it never was.
  virtual Result<Batch> update(const Batch& batch, Time now, std::string_view timeline_text) = 0;

  // Counts one failed launch or start against a job: core::after_failure. Returns the row as it now
  // is. Idempotent by `key`.
  virtual Result<Job> fail(JobId job, const std::string& key, const Error& error,
                           const RetryPolicy& policy, Time now) = 0;

  // Gives a job up at once: core::buried. Returns the row as it now is. Idempotent.
  virtual Result<Job> bury(JobId job, const Death& death) = 0;

  // Gives a dead job another life: core::redriven. `not_found`; `conflict` when it is not dead.
  virtual Result<Job> redrive(JobId job, Time now) = 0;

  // Records that GitHub was asked about the job now. Idempotent.
  virtual Status checked(JobId job, Time now) = 0;

  Result<Snapshot> snapshot(std::string_view pool) { return snapshot_with(pool, {}); }
  // With the notes of these keys, read along with the pool's row: across processes, those of its
  // rows that are newer may know better. No key twice.
  virtual Result<Snapshot> snapshot_with(std::string_view pool,
                                         std::span<const std::string> notes) = 0;
  virtual Result<std::optional<Job>> job(JobId id) = 0;
  virtual Result<std::vector<Job>> jobs(const JobFilter& filter) = 0;  // newest first
  virtual Result<std::optional<Runner>> runner(const RunnerName& name) = 0;
  // Those that exist, in any order; no name twice.
  virtual Result<std::vector<Runner>> runners_named(std::span<const RunnerName> names) = 0;
  virtual Result<std::optional<Runner>> runner_on(const MachineId& machine) = 0;
  virtual Result<std::optional<Batch>> batch(const BatchId& id) = 0;
  virtual Result<std::vector<Runner>> live_runners() = 0;  // of all pools, configured or not
  virtual Result<std::vector<TimelineEntry>> timeline(
      std::string_view subject) = 0;  // oldest first
  virtual Status append(std::span<const TimelineEntry> entries) = 0;

  virtual Result<std::optional<Note>> note(std::string_view key) = 0;
  virtual Result<std::vector<Note>> notes(std::string_view prefix) = 0;
  virtual Status put(const Note& note) = 0;  // last writer wins
  virtual Status erase_note(std::string_view key) = 0;

  // Removes completed and ignored jobs, gone runners, closed batches, their timelines and expired
  // notes last changed before `before`, a bounded number a call; returns how many rows went. Memory
  // and disk do not grow with history. Dead jobs stay until they are completed or closed. A storage
  // that removes such rows by itself may be left to it for some days.
  virtual Result<std::size_t> prune(Time before, Time now) = 0;
};

}  // namespace jitney::core
