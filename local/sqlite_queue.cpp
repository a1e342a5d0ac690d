// SPDX-License-Identifier: Apache-2.0
#include "local/sqlite_queue.hpp"

#include <charconv>

namespace jitney::local {

using core::Fault;

namespace {

// "<row>/<receives>": the second number tells a lease that has ended from the one that runs.
struct Handle {
  std::int64_t row = 0;
  std::int64_t receives = 0;
};

Handle parse_handle(const std::string& text) {
  Handle handle;
  const char* end = text.data() + text.size();
  const auto row = std::from_chars(text.data(), end, handle.row);
  if (row.ptr != end) std::from_chars(row.ptr + 1, end, handle.receives);
  return handle;
}

core::Message read_message(Statement& row) {
  core::Message message;
  message.kind = core::parse_message_kind(row.text()).value_or(core::MessageKind::create_runner);
  message.key = row.text();
  message.detail = row.text();
  return message;
}

enum class Lease { ours, lost, done };

// A lease that ended still counts while nobody else took the message.
Lease lease_of(Connection& connection, const Handle& handle) {
  Statement row = connection.prepare("SELECT receives, leased FROM messages WHERE id = ?");
  if (!row.bind(handle.row).step()) return Lease::done;
  const bool same = row.integer() == handle.receives;
  return same && row.flag() ? Lease::ours : Lease::lost;
}

core::Status lost() {
  return core::fail(Fault::not_found,
                    "the message was given back, or its lease ended and another took it");
}

bool waits(Connection& connection, std::string_view kind, const std::string& key, core::Time due) {
  Statement row = connection.prepare(
      "SELECT 1 FROM messages WHERE kind = ? AND key = ? AND leased = 0 AND due <= ? LIMIT 1");
  return row.bind(kind).bind(key).bind(due).step();
}

}  // namespace

core::Status SqliteQueue::push(const core::Message& message, core::Duration delay, core::Time now) {
  const std::string_view kind = core::to_string(message.kind);
  const core::Time due = now + delay;
  // One that waits wakes whoever takes it after this: a burst of wake-ups costs no commit.
  const auto waiting = database_.read([&](Connection& connection) -> core::Result<bool> {
    return waits(connection, kind, message.key, due);
  });
  if (!waiting) return std::unexpected(waiting.error());
  if (*waiting) return {};
  return database_.write([&](Connection& connection) -> core::Status {
    if (waits(connection, kind, message.key, due)) return {};
    Statement row = connection.prepare(
        "INSERT INTO messages(kind, key, detail, due, receives, leased) VALUES(?, ?, ?, ?, 0, 0)");
    row.bind(kind).bind(message.key).bind(message.detail).bind(due).run();
    return {};
  });
}

core::Result<std::vector<core::Delivery>> SqliteQueue::take(int max, core::Duration lease,
                                                            core::Time now) {
  using Deliveries = std::vector<core::Delivery>;
  // Most polls find nothing: look without the writer first.
  const auto due = database_.read([&](Connection& connection) -> core::Result<bool> {
    return connection.prepare("SELECT 1 FROM messages WHERE due <= ? LIMIT 1").bind(now).step();
  });
  if (!due) return std::unexpected(due.error());
  if (!*due) return Deliveries{};
  return database_.write([&](Connection& connection) -> core::Result<Deliveries> {
    Deliveries taken;
    {
      Statement rows = connection.prepare(
          "SELECT kind, key, detail, id, receives FROM messages WHERE due <= ? ORDER BY due, id "
          "LIMIT ?");
      for (rows.bind(now).bind(max); rows.step();) {
        core::Delivery delivery;
        delivery.message = read_message(rows);
        const std::string id = std::to_string(rows.integer());
        delivery.receives = rows.number() + 1;
        delivery.handle = id + "/" + std::to_string(delivery.receives);
        taken.push_back(std::move(delivery));
      }
    }
    for (const core::Delivery& delivery : taken) {
      Statement row =
          connection.prepare("UPDATE messages SET due = ?, receives = ?, leased = 1 WHERE id = ?");
      row.bind(now + lease).bind(delivery.receives).bind(parse_handle(delivery.handle).row).run();
    }
    return taken;
  });
}

core::Status SqliteQueue::done(const core::Delivery& delivery) {
  return database_.write([&](Connection& connection) -> core::Status {
    const Handle handle = parse_handle(delivery.handle);
    if (lease_of(connection, handle) == Lease::lost) return lost();
    connection.prepare("DELETE FROM messages WHERE id = ?").bind(handle.row).run();
    return {};
  });
}

core::Status SqliteQueue::retry(const core::Delivery& delivery, core::Duration after,
                                core::Time now) {
  return database_.write([&](Connection& connection) -> core::Status {
    const Handle handle = parse_handle(delivery.handle);
    if (lease_of(connection, handle) != Lease::ours) return lost();
    // Coalesced here too: else pushes and retries of one key could grow without bound.
    const bool doubled = waits(connection, core::to_string(delivery.message.kind),
                               delivery.message.key, now + after);
    Statement row =
        connection.prepare(doubled ? "DELETE FROM messages WHERE id = ?1"
                                   : "UPDATE messages SET due = ?2, leased = 0 WHERE id = ?1");
    row.bind(handle.row);
    if (!doubled) row.bind(now + after);
    row.run();
    return {};
  });
}

core::Status SqliteQueue::bury(const core::Message& message, const std::string& cause,
                               core::Time now) {
  return database_.write([&](Connection& connection) -> core::Status {
    Statement row = connection.prepare(
        "INSERT OR REPLACE INTO dead_letters(kind, key, detail, cause, at) VALUES(?,?,?,?,?)");
    row.bind(core::to_string(message.kind)).bind(message.key).bind(message.detail);
    row.bind(cause).bind(now).run();
    return {};
  });
}

core::Result<std::vector<core::DeadLetter>> SqliteQueue::dead_letters(std::size_t limit) {
  using Letters = std::vector<core::DeadLetter>;
  return database_.read([&](Connection& connection) -> core::Result<Letters> {
    Statement rows = connection.prepare(
        "SELECT kind, key, detail, cause, at FROM dead_letters ORDER BY at DESC LIMIT ?");
    Letters letters;
    for (rows.bind(static_cast<std::int64_t>(limit)); rows.step();) {
      core::DeadLetter letter;
      letter.message = read_message(rows);
      letter.id = std::string(core::to_string(letter.message.kind)) + "/" + letter.message.key;
      letter.cause = rows.text();
      letter.at = rows.time();
      letters.push_back(std::move(letter));
    }
    return letters;
  });
}

core::Status SqliteQueue::forget(core::MessageKind kind, const std::string& key) {
  return database_.write([&](Connection& connection) -> core::Status {
    Statement row = connection.prepare("DELETE FROM dead_letters WHERE kind = ? AND key = ?");
    row.bind(core::to_string(kind)).bind(key).run();
    return {};
  });
}

core::Result<std::size_t> SqliteQueue::depth() {
  return database_.read([&](Connection& connection) -> core::Result<std::size_t> {
    Statement row = connection.prepare("SELECT COUNT(*) FROM messages WHERE leased = 0");
    return row.step() ? static_cast<std::size_t>(row.integer()) : 0;
  });
}

}  // namespace jitney::local
