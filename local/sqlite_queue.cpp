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

// As its lease says; `not_found` when another took the message since.
core::Status check_lease(Connection& connection, const Handle& handle) {
  Statement row = connection.prepare("SELECT receives FROM messages WHERE id = ?");
  if (!row.bind(handle.row).step()) return {};
  if (row.integer() == handle.receives) return {};
  return core::fail(Fault::not_found, "the lease of the message ended, and another took it");
}

}  // namespace

core::Status SqliteQueue::push(const core::Message& message, core::Duration delay, core::Time now) {
  return database_.write([&](Connection& connection) -> core::Status {
    // Coalesced: nothing is written, so a burst of wake-ups costs no commit.
    Statement row = connection.prepare(
        "INSERT INTO messages(kind, key, detail, due, receives, leased) SELECT ?1, ?2, ?3, ?4, 0, "
        "0 "
        "WHERE NOT EXISTS (SELECT 1 FROM messages WHERE kind = ?1 AND key = ?2 AND leased = 0 AND "
        "due <= ?4)");
    row.bind(core::to_string(message.kind))
        .bind(message.key)
        .bind(message.detail)
        .bind(now + delay);
    row.run();
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
    if (auto ours = check_lease(connection, handle); !ours) return ours;
    connection.prepare("DELETE FROM messages WHERE id = ?").bind(handle.row).run();
    return {};
  });
}

core::Status SqliteQueue::retry(const core::Delivery& delivery, core::Duration after,
                                core::Time now) {
  return database_.write([&](Connection& connection) -> core::Status {
    const Handle handle = parse_handle(delivery.handle);
    if (auto ours = check_lease(connection, handle); !ours) return ours;
    Statement row = connection.prepare("UPDATE messages SET due = ?, leased = 0 WHERE id = ?");
    row.bind(now + after).bind(handle.row).run();
    if (!connection.failed() && connection.changed_rows() == 0) {
      return core::fail(Fault::not_found, "the message is gone: it was acknowledged");
    }
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
    Statement row = connection.prepare("SELECT COUNT(*) FROM messages");
    return row.step() ? static_cast<std::size_t>(row.integer()) : 0;
  });
}

}  // namespace jitney::local
