// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "aws/backoff.hpp"
#include "aws/dynamo_ledger.hpp"

namespace jitney::aws {

namespace {

constexpr int kReadings = 4;                // of a snapshot that disagrees with itself
constexpr std::size_t kMostScanned = 5000;  // rows of a list that a filter may pass over

void sort_rows(core::Snapshot& snapshot, const std::vector<Item>& rows) {
  snapshot.jobs.clear();
  snapshot.runners.clear();
  snapshot.batches.clear();
  for (const Item& row : rows) {
    const std::string sk = key_of(row).sk;
    if (sk.starts_with(kOpenJob)) {
      snapshot.jobs.push_back(read_job(row));
    } else if (sk.starts_with(kOpenRunner)) {
      snapshot.runners.push_back(read_runner(row));
    } else if (sk.starts_with(kOpenBatch)) {
      snapshot.batches.push_back(read_batch(row));
    }
  }
  std::ranges::sort(snapshot.jobs, {},
                    [](const core::Job& job) { return std::pair(job.queued_at, job.id); });
  std::ranges::sort(snapshot.batches, {},
                    [](const core::Batch& batch) { return std::pair(batch.created_at, batch.id); });
}

// Whether the rows are from before the last transaction that the pool's row is from.
bool older_than(const std::vector<Item>& rows, const Touched& touched) {
  return std::ranges::any_of(rows, [&](const Item& row) {
    const auto last = touched.find(key_of(row).sk);
    return last != touched.end() && row_version(row) < last->second;
  });
}

}  // namespace

// The pool's row first, with the notes. Whatever lowers demand or supply raises its version in the
// same transaction: if a claim finds that version unchanged, then nothing was lowered since, and
// what the Query saw later than the row can only be more demand. A transaction's rows become
// visible one by one, though: the version may be there a moment before the runners that it counts,
// or before the job that somebody took. So the runners must be as many as `live` says, and no row
// older than the pool's row says of the last transaction; else all is read again.
core::Result<core::Snapshot> DynamoLedger::snapshot_with(std::string_view pool,
                                                         std::span<const std::string> notes) {
  std::vector<Key> first{pool_key(pool)};
  for (const std::string& key : notes) first.push_back(note_key(key));
  core::Snapshot snapshot;
  Backoff backoff(std::min(std::chrono::milliseconds(10), options_.longest_pause),
                  options_.longest_pause);
  for (int reading = 1;; ++reading) {
    const auto known = table_.get(first);
    if (!known) return std::unexpected(known.error());
    const auto open = table_.query({.pk = core::pool_subject(pool), .prefix = std::string(kOpen)});
    if (!open) return std::unexpected(open.error());
    const auto found = known->find(first.front());
    const Item* const row = found == known->end() ? nullptr : &found->second;
    snapshot.state = read_pool(pool, row);
    sort_rows(snapshot, *open);
    const bool agrees = static_cast<std::size_t>(snapshot.state.live) == snapshot.runners.size() &&
                        (row == nullptr || !older_than(*open, touched_of(*row)));
    // One that never agrees was changed by hand; planning must go on.
    if (agrees || reading == kReadings) {
      for (const auto& [key, item] : *known) {
        if (key != first.front()) snapshot.notes.push_back(read_note(item));
      }
      return snapshot;
    }
    backoff.pause();
  }
}

core::Result<std::optional<core::Job>> DynamoLedger::job(core::JobId id) {
  const auto row = table_.get(job_key(id));
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return read_job(**row);
}

// One list, newest first, until the filter has let enough pass.
core::Status DynamoLedger::list_jobs(std::string_view list, const core::JobFilter& filter,
                                     std::vector<core::Job>& into) {
  const bool all = !filter.pool && !filter.status;
  const auto keys = table_.list(list, "", true, all ? filter.limit : kMostScanned);
  if (!keys) return std::unexpected(keys.error());
  std::size_t passed = 0;
  constexpr std::size_t kPage = 100;
  for (std::size_t at = 0; at < keys->size() && passed < filter.limit; at += kPage) {
    const std::span<const Key> page =
        std::span(*keys).subspan(at, std::min(kPage, keys->size() - at));
    const auto rows = table_.get(page);
    if (!rows) return std::unexpected(rows.error());
    for (const Key& key : page) {
      const auto row = rows->find(key);
      if (row == rows->end() || passed == filter.limit) continue;
      core::Job job = read_job(row->second);
      // The row may have left the list since.
      const bool fits = (!filter.pool || job.pool == *filter.pool) &&
                        (!filter.status || job.status == *filter.status) &&
                        (!filter.dead_only || job.dead) &&
                        (!filter.open_only || job.status != core::JobStatus::completed);
      if (!fits) continue;
      into.push_back(std::move(job));
      ++passed;
    }
  }
  return {};
}

core::Result<std::vector<core::Job>> DynamoLedger::jobs(const core::JobFilter& filter) {
  std::vector<std::string_view> lists{kDeadJobs};
  const bool over = filter.status && *filter.status == core::JobStatus::completed;
  if (!filter.dead_only) {
    if (!over) lists.insert(lists.end(), {kOpenJobs, kIgnoredJobs});
    if (!filter.open_only && (over || !filter.status)) lists.push_back(kOverJobs);
  }
  std::vector<core::Job> jobs;
  for (const std::string_view list : lists) {
    if (auto listed = list_jobs(list, filter, jobs); !listed) {
      return std::unexpected(listed.error());
    }
  }
  std::ranges::sort(jobs, std::greater{}, &core::Job::id);
  // One that changed lists in between may have been seen twice.
  const auto twice = std::ranges::unique(jobs, {}, &core::Job::id);
  jobs.erase(twice.begin(), twice.end());
  if (jobs.size() > filter.limit) jobs.resize(filter.limit);
  return jobs;
}

core::Result<std::optional<core::Runner>> DynamoLedger::runner(const core::RunnerName& name) {
  Change change(table_, options_);
  if (auto loaded = change.load_runner(name, ""); !loaded) return std::unexpected(loaded.error());
  recent_.remember(change.rows().loaded());
  return change.runner(name);
}

core::Result<std::vector<core::Runner>> DynamoLedger::runners_named(
    std::span<const core::RunnerName> names) {
  Change change(table_, options_);
  if (auto loaded = change.load_runners(names); !loaded) return std::unexpected(loaded.error());
  std::vector<core::Runner> found;
  for (const core::RunnerName& name : names) {
    if (auto runner = change.runner(name)) found.push_back(std::move(*runner));
  }
  return found;
}

core::Result<std::optional<core::Runner>> DynamoLedger::runner_on(const core::MachineId& machine) {
  if (machine.empty()) return std::nullopt;
  const auto row = table_.get(machine_key(machine));
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return runner(text_of(**row, "runner"));
}

core::Result<std::optional<core::Batch>> DynamoLedger::batch(const core::BatchId& id) {
  const auto row = table_.get(batch_key(id));
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return read_batch(**row);
}

core::Result<std::vector<core::Runner>> DynamoLedger::live_runners() {
  const auto pools = table_.query({.pk = std::string(kPoolsPartition)});
  if (!pools) return std::unexpected(pools.error());
  std::vector<core::Runner> live;
  for (const Item& pool : *pools) {
    const std::string name = pool_of(key_of(pool));
    if (read_pool(name, &pool).live == 0) continue;
    const auto rows =
        table_.query({.pk = core::pool_subject(name), .prefix = std::string(kOpenRunner)});
    if (!rows) return std::unexpected(rows.error());
    for (const Item& row : *rows) live.push_back(read_runner(row));
  }
  return live;
}

core::Result<std::vector<core::TimelineEntry>> DynamoLedger::timeline(std::string_view subject) {
  const auto lines = table_.query({.pk = std::string(subject), .prefix = std::string(kLine)});
  if (!lines) return std::unexpected(lines.error());
  std::vector<core::TimelineEntry> entries;
  for (const Item& line : *lines) entries.push_back(read_line(line));
  return entries;
}

core::Result<std::optional<core::Note>> DynamoLedger::note(std::string_view key) {
  const auto row = table_.get(note_key(key));
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return read_note(**row);
}

core::Result<std::vector<core::Note>> DynamoLedger::notes(std::string_view prefix) {
  const auto rows =
      table_.query({.pk = std::string(kNotesPartition), .prefix = note_key(prefix).sk});
  if (!rows) return std::unexpected(rows.error());
  std::vector<core::Note> notes;
  for (const Item& row : *rows) notes.push_back(read_note(row));
  return notes;
}

}  // namespace jitney::aws
