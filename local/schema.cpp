// SPDX-License-Identifier: Apache-2.0
#include "local/schema.hpp"

#include <array>

namespace jitney::local {

using core::Fault;

namespace {

// Times are milliseconds since 1970, UTC; lists are joined by line feeds. Few indices, and partial
// ones: each one dirties a page for every row that a webhook writes.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE jobs(
  id INTEGER PRIMARY KEY,
  status INTEGER NOT NULL, open INTEGER NOT NULL, pool TEXT NOT NULL, scope TEXT NOT NULL,
  repository TEXT NOT NULL, run_id INTEGER NOT NULL, run_attempt INTEGER NOT NULL,
  name TEXT NOT NULL, workflow TEXT NOT NULL, labels TEXT NOT NULL, ignored TEXT NOT NULL,
  runner_name TEXT NOT NULL, conclusion TEXT NOT NULL,
  created_at INTEGER NOT NULL, queued_at INTEGER NOT NULL, started_at INTEGER NOT NULL,
  completed_at INTEGER NOT NULL, not_before INTEGER NOT NULL,
  failures INTEGER NOT NULL, failure_keys TEXT NOT NULL, last_error TEXT NOT NULL,
  dead_cause TEXT, dead_permanent INTEGER NOT NULL, dead_at INTEGER NOT NULL,
  redrives INTEGER NOT NULL, checked_at INTEGER NOT NULL, changed_at INTEGER NOT NULL);
CREATE INDEX jobs_open ON jobs(pool, queued_at, id) WHERE open = 1;
CREATE INDEX jobs_stuck ON jobs(id) WHERE open = 0 AND status < 3;
CREATE INDEX jobs_over ON jobs(changed_at) WHERE open = 0;

CREATE TABLE runners(
  name TEXT PRIMARY KEY,
  pool TEXT NOT NULL, number INTEGER NOT NULL, batch TEXT NOT NULL, launched_for INTEGER NOT NULL,
  phase INTEGER NOT NULL, created_at INTEGER NOT NULL, phase_since INTEGER NOT NULL,
  machine TEXT NOT NULL, forge_id INTEGER NOT NULL, minted INTEGER NOT NULL,
  end_proved INTEGER NOT NULL, overdue INTEGER NOT NULL, lease_until INTEGER NOT NULL,
  job INTEGER NOT NULL, had_job INTEGER NOT NULL, exit_code INTEGER, reason TEXT NOT NULL,
  version INTEGER NOT NULL, changed_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX runners_live ON runners(pool, number) WHERE phase < 7;
CREATE INDEX runners_gone ON runners(changed_at) WHERE phase = 7;
CREATE UNIQUE INDEX runners_machine ON runners(machine) WHERE machine <> '';

CREATE TABLE batches(
  id TEXT PRIMARY KEY,
  pool TEXT NOT NULL, runners TEXT NOT NULL, numbers TEXT NOT NULL, jobs TEXT NOT NULL,
  rung INTEGER NOT NULL, request TEXT NOT NULL, tries INTEGER NOT NULL,
  created_at INTEGER NOT NULL, deadline INTEGER NOT NULL, next_try INTEGER NOT NULL,
  waiting TEXT NOT NULL, open INTEGER NOT NULL, version INTEGER NOT NULL,
  changed_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX batches_open ON batches(pool, created_at) WHERE open = 1;
CREATE INDEX batches_closed ON batches(changed_at) WHERE open = 0;

CREATE TABLE pools(
  name TEXT PRIMARY KEY, version INTEGER NOT NULL, next_number INTEGER NOT NULL,
  live INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE job_timeline(
  job INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY(job, seq)) WITHOUT ROWID;
CREATE TABLE timeline(
  id INTEGER PRIMARY KEY, subject TEXT NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX timeline_subject ON timeline(subject);

CREATE TABLE notes(
  key TEXT PRIMARY KEY, value TEXT NOT NULL, at INTEGER NOT NULL,
  expires INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE messages(
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL,
  detail TEXT NOT NULL, due INTEGER NOT NULL, receives INTEGER NOT NULL,
  leased INTEGER NOT NULL);
CREATE INDEX messages_due ON messages(due);
CREATE INDEX messages_key ON messages(kind, key);

CREATE TABLE dead_letters(
  kind TEXT NOT NULL, key TEXT NOT NULL, detail TEXT NOT NULL, cause TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID;
)sql";

constexpr std::array kMigrations{kVersion1};
// One a migration; the pragma takes no parameter.
constexpr std::array kSetVersion{"PRAGMA user_version = 1"};
static_assert(kMigrations.size() == kSetVersion.size());

core::Result<std::size_t> version_of(Connection& connection, const std::string& path) {
  std::int64_t version = 0;
  {
    Statement statement = connection.prepare("PRAGMA user_version");
    if (statement.step()) version = statement.integer();
  }
  if (auto read = connection.take_opening_error(path); !read) {
    return std::unexpected(read.error());
  }
  if (version < 0 || static_cast<std::size_t>(version) > kMigrations.size()) {
    return core::fail(Fault::invalid,
                      path + " was written by a newer jitney (schema " + std::to_string(version) +
                          ", this one knows " + std::to_string(kMigrations.size()) +
                          "): use that version, or restore the backup made before the upgrade");
  }
  return static_cast<std::size_t>(version);
}

}  // namespace

core::Status check_schema(Connection& connection, const std::string& path) {
  const auto version = version_of(connection, path);
  if (!version) return std::unexpected(version.error());
  if (*version == kMigrations.size()) return {};
  return core::fail(Fault::invalid,
                    path + " holds no ledger of this version yet: start `jitney serve` once");
}

core::Status bring_up_to_date(Connection& connection, const std::string& path) {
  const auto version = version_of(connection, path);
  if (!version) return std::unexpected(version.error());
  for (std::size_t next = *version; next < kMigrations.size(); ++next) {
    connection.execute("BEGIN IMMEDIATE");
    connection.execute(kMigrations[next]);
    connection.execute(kSetVersion[next]);
    connection.execute("COMMIT");
    if (auto done = connection.take_opening_error(path + ": cannot bring the schema up to date");
        !done) {
      connection.execute("ROLLBACK");
      static_cast<void>(connection.take_error());
      return done;
    }
  }
  return {};
}

}  // namespace jitney::local
