// SPDX-License-Identifier: Apache-2.0
// What is not a row of a job, runner or batch: timelines, notes, and the end of old rows.
#include "local/rows.hpp"
#include "local/sqlite_ledger.hpp"

namespace jitney::local {

core::Status SqliteLedger::append(std::span<const core::TimelineEntry> entries) {
  return database_.write([&](Connection& connection) -> core::Status {
    for (const core::TimelineEntry& entry : entries) {
      append_line(connection, entry.subject, entry.at, entry.text);
    }
    return {};
  });
}

core::Status SqliteLedger::put(const core::Note& note) {
  return database_.write([&](Connection& connection) -> core::Status {
    Statement row =
        connection.prepare("INSERT OR REPLACE INTO notes(key, value, at, expires) VALUES(?,?,?,?)");
    row.bind(note.key).bind(note.value).bind(note.at).bind(note.expires).run();
    return {};
  });
}

core::Status SqliteLedger::erase_note(std::string_view key) {
  return database_.write([&](Connection& connection) -> core::Status {
    connection.prepare("DELETE FROM notes WHERE key = ?").bind(key).run();
    return {};
  });
}

namespace {

void remove(Connection& connection, const char* sql, core::Time before) {
  connection.prepare(sql).bind(before).run();
}

// A bounded number of each kind, lines before the rows that name them.
void remove_rows(Connection& connection, core::Time before) {
  remove(connection,
         "DELETE FROM job_timeline WHERE job IN (SELECT id FROM jobs WHERE open = 0 AND "
         "changed_at < ? AND dead_cause IS NULL ORDER BY changed_at LIMIT 500)",
         before);
  remove(connection,
         "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE open = 0 AND changed_at < ? AND "
         "dead_cause IS NULL ORDER BY changed_at LIMIT 500)",
         before);
  remove(connection,
         "DELETE FROM timeline WHERE subject IN (SELECT 'runner:' || name FROM runners WHERE "
         "phase = 7 AND changed_at < ? ORDER BY changed_at LIMIT 500)",
         before);
  remove(connection,
         "DELETE FROM runners WHERE name IN (SELECT name FROM runners WHERE phase = 7 AND "
         "changed_at < ? ORDER BY changed_at LIMIT 500)",
         before);
  remove(connection,
         "DELETE FROM timeline WHERE subject IN (SELECT 'batch:' || id FROM batches WHERE "
         "open = 0 AND changed_at < ? ORDER BY changed_at LIMIT 500)",
         before);
  remove(connection,
         "DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE open = 0 AND "
         "changed_at < ? ORDER BY changed_at LIMIT 500)",
         before);
  // A pool never ends, so its lines go by their own age.
  remove(connection,
         "DELETE FROM timeline WHERE id IN (SELECT id FROM timeline WHERE subject >= 'pool:' AND "
         "subject < 'pool;' AND at < ? LIMIT 500)",
         before);
}

}  // namespace

core::Result<std::size_t> SqliteLedger::prune(core::Time before, core::Time now) {
  return database_.write([&](Connection& connection) -> core::Result<std::size_t> {
    const std::int64_t start = connection.changes();
    remove_rows(connection, before);
    connection
        .prepare(
            "DELETE FROM notes WHERE key IN (SELECT key FROM notes WHERE expires <> 0 AND "
            "expires <= ? AND at < ? LIMIT 500)")
        .bind(now)
        .bind(before)
        .run();
    return static_cast<std::size_t>(connection.changes() - start);
  });
}

}  // namespace jitney::local
