// SPDX-License-Identifier: Apache-2.0
#include "local/rows.hpp"
#include "local/sqlite_ledger.hpp"

namespace jitney::local {

namespace {

core::Note read_note(Statement& row) {
  core::Note note;
  note.key = row.text();
  note.value = row.text();
  note.at = row.time();
  note.expires = row.time();
  return note;
}

std::optional<core::Note> find_note(Connection& connection, std::string_view key) {
  Statement row = connection.prepare("SELECT key, value, at, expires FROM notes WHERE key = ?");
  if (!row.bind(key).step()) return std::nullopt;
  return read_note(row);
}

}  // namespace

core::Result<core::Snapshot> SqliteLedger::snapshot_with(std::string_view pool,
                                                         std::span<const std::string> notes) {
  return database_.read([&](Connection& connection) -> core::Result<core::Snapshot> {
    core::Snapshot snapshot;
    snapshot.state = find_pool(connection, pool);
    Statement jobs = connection.prepare("SELECT " JITNEY_JOB_COLUMNS
                                        " FROM jobs WHERE open = 1 AND pool = ? "
                                        "ORDER BY queued_at, id");
    for (jobs.bind(pool); jobs.step();) snapshot.jobs.push_back(read_job(jobs));
    Statement runners = connection.prepare("SELECT " JITNEY_RUNNER_COLUMNS
                                           " FROM runners WHERE phase < 7 AND pool = ? "
                                           "ORDER BY number");
    for (runners.bind(pool); runners.step();) snapshot.runners.push_back(read_runner(runners));
    Statement batches = connection.prepare("SELECT " JITNEY_BATCH_COLUMNS
                                           " FROM batches WHERE open = 1 AND pool = ? "
                                           "ORDER BY created_at, id");
    for (batches.bind(pool); batches.step();) snapshot.batches.push_back(read_batch(batches));
    for (const std::string& key : notes) {
      if (auto note = find_note(connection, key)) snapshot.notes.push_back(std::move(*note));
    }
    return snapshot;
  });
}

core::Result<std::optional<core::Job>> SqliteLedger::job(core::JobId id) {
  return database_.read([&](Connection& connection) -> core::Result<std::optional<core::Job>> {
    return find_job(connection, id);
  });
}

// Jobs that are not completed are found by their partial indices: a dead or ignored one is in
// jobs_stuck, any other in jobs_open. Cost must not grow with history.
#define JITNEY_UNFINISHED_JOBS                                                                  \
  "id IN (SELECT id FROM jobs WHERE open = 1 UNION ALL SELECT id FROM jobs WHERE open = 0 AND " \
  "status < 3)"
// -1 and '*' stand for "any": no pool can be named '*'.
#define JITNEY_JOB_FILTER                                                              \
  "(?1 = '*' OR pool = ?1) AND (?2 = -1 OR status = ?2) AND (?3 = 0 OR dead_cause IS " \
  "NOT NULL) ORDER BY id DESC LIMIT ?4"

core::Result<std::vector<core::Job>> SqliteLedger::jobs(const core::JobFilter& filter) {
  const bool unfinished = filter.open_only || filter.dead_only ||
                          (filter.status && *filter.status != core::JobStatus::completed);
  return database_.read([&](Connection& connection) -> core::Result<std::vector<core::Job>> {
    Statement rows = connection.prepare(
        unfinished ? "SELECT " JITNEY_JOB_COLUMNS " FROM jobs WHERE " JITNEY_UNFINISHED_JOBS
                     " AND " JITNEY_JOB_FILTER
                   : "SELECT " JITNEY_JOB_COLUMNS " FROM jobs WHERE " JITNEY_JOB_FILTER);
    rows.bind(filter.pool ? std::string_view(*filter.pool) : std::string_view("*"));
    rows.bind(filter.status ? static_cast<int>(*filter.status) : -1);
    rows.bind(filter.dead_only);
    rows.bind(static_cast<std::int64_t>(filter.limit));
    std::vector<core::Job> jobs;
    while (rows.step()) jobs.push_back(read_job(rows));
    return jobs;
  });
}

core::Result<std::optional<core::Runner>> SqliteLedger::runner(const core::RunnerName& name) {
  return database_.read([&](Connection& connection) -> core::Result<std::optional<core::Runner>> {
    return find_runner(connection, name);
  });
}

core::Result<std::vector<core::Runner>> SqliteLedger::runners_named(
    std::span<const core::RunnerName> names) {
  return database_.read([&](Connection& connection) -> core::Result<std::vector<core::Runner>> {
    std::vector<core::Runner> found;
    for (const core::RunnerName& name : names) {
      if (auto runner = find_runner(connection, name)) found.push_back(std::move(*runner));
    }
    return found;
  });
}

core::Result<std::optional<core::Runner>> SqliteLedger::runner_on(const core::MachineId& machine) {
  return database_.read([&](Connection& connection) -> core::Result<std::optional<core::Runner>> {
    Statement row = connection.prepare("SELECT " JITNEY_RUNNER_COLUMNS
                                       " FROM runners WHERE machine = ? AND machine <> ''");
    if (!row.bind(machine).step()) return std::nullopt;
    return read_runner(row);
  });
}

core::Result<std::optional<core::Batch>> SqliteLedger::batch(const core::BatchId& id) {
  return database_.read([&](Connection& connection) -> core::Result<std::optional<core::Batch>> {
    return find_batch(connection, id);
  });
}

core::Result<std::vector<core::Runner>> SqliteLedger::live_runners() {
  return database_.read([&](Connection& connection) -> core::Result<std::vector<core::Runner>> {
    Statement rows = connection.prepare("SELECT " JITNEY_RUNNER_COLUMNS
                                        " FROM runners WHERE phase < 7 ORDER BY pool, number");
    std::vector<core::Runner> live;
    while (rows.step()) live.push_back(read_runner(rows));
    return live;
  });
}

core::Result<std::vector<core::TimelineEntry>> SqliteLedger::timeline(std::string_view subject) {
  using Entries = std::vector<core::TimelineEntry>;
  return database_.read([&](Connection& connection) -> core::Result<Entries> {
    const auto job = job_of_subject(subject);
    Statement rows =
        connection.prepare(job ? "SELECT at, text FROM job_timeline WHERE job = ? ORDER BY seq"
                               : "SELECT at, text FROM timeline WHERE subject = ? ORDER BY id");
    job ? rows.bind(*job) : rows.bind(subject);
    Entries entries;
    while (rows.step()) {
      core::TimelineEntry entry;
      entry.at = rows.time();
      entry.subject = subject;
      entry.text = rows.text();
      entries.push_back(std::move(entry));
    }
    return entries;
  });
}

core::Result<std::optional<core::Note>> SqliteLedger::note(std::string_view key) {
  return database_.read([&](Connection& connection) -> core::Result<std::optional<core::Note>> {
    return find_note(connection, key);
  });
}

core::Result<std::vector<core::Note>> SqliteLedger::notes(std::string_view prefix) {
  return database_.read([&](Connection& connection) -> core::Result<std::vector<core::Note>> {
    Statement rows = connection.prepare(
        "SELECT key, value, at, expires FROM notes WHERE key >= ?1 AND substr(key, 1, length(?1)) "
        "= "
        "?1 ORDER BY key");
    rows.bind(prefix);
    std::vector<core::Note> notes;
    while (rows.step()) notes.push_back(read_note(rows));
    return notes;
  });
}

}  // namespace jitney::local
