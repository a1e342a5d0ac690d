// SPDX-License-Identifier: Apache-2.0
// One SQLite file with one writer and group commit: all changes that wait become one transaction,
// and each caller is answered after it is on the disk. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "local/sqlite.hpp"

namespace jitney::local {

struct DatabaseOptions {
  std::string path;
  // Commands that only look: needs no lock, works beside a running server.
  bool read_only = false;
  std::string vfs;
  std::size_t waiting_limit = 4096;  // changes; above, `transient` at once
  std::size_t group_limit = 256;     // changes a transaction, so that none waits long
  // A server that was killed leaves the lock to a child that is between fork and exec, for moments.
  std::chrono::milliseconds lock_wait{2'000};
};

class Database {
 public:
  // Opens or creates the file (mode 0600) and brings its schema up to date. `conflict`: another
  // server has it open. `transient`: the disk is full or does not answer. `invalid`: it cannot be
  // opened, is damaged, or was written by a newer version. The text says what to do.
  static core::Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
  // Whether someone who writes has the file open: a server, or a command for moments. True where
  // the lock cannot be looked at.
  static bool in_use(const std::string& path);
  // Changes under way are committed and answered first.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs `change(Connection&) -> Result<T>` on the writer thread and waits until it is durable. A
  // change that answers an error is rolled back alone; when storage fails, the whole group gets
  // `transient` and nothing of it was stored. `change` must not call the database.
  template <class Change>
  auto write(Change&& change) -> std::invoke_result_t<Change&, Connection&> {
    std::optional<std::invoke_result_t<Change&, Connection&>> answer;
    const core::Status stored = commit([&](Connection& connection) -> core::Status {
      answer.emplace(change(connection));
      if (*answer) return {};
      return std::unexpected(answer->error());
    });
    if (!stored) return std::unexpected(stored.error());
    return std::move(*answer);
  }

  // Runs `look(Connection&) -> Result<T>` in one read transaction: a consistent view, never blocked
  // by writers.
  template <class Look>
  auto read(Look&& look) -> std::invoke_result_t<Look&, Connection&> {
    auto connection = reader();
    if (!connection) return std::unexpected(connection.error());
    (*connection)->execute("BEGIN");
    auto answer = look(**connection);
    (*connection)->execute("END");
    // After an error the transaction may still be open: that connection is closed, not kept.
    const core::Status status = (*connection)->take_error();
    if (!status) return std::unexpected(status.error());
    give_back(std::move(*connection));
    return answer;
  }

  struct Stats {
    std::uint64_t changes = 0;   // asked for
    std::uint64_t commits = 0;   // that reached the disk
    std::uint64_t failures = 0;  // groups that storage refused
  };
  [[nodiscard]] Stats stats() const;

 private:
  using Job = std::function<core::Status(Connection&)>;
  struct Waiter;

  explicit Database(DatabaseOptions options) : options_(std::move(options)) {}
  core::Status lock();
  core::Status prepare_writer();
  core::Status commit(const Job& change);
  core::Result<std::unique_ptr<Connection>> reader();
  void give_back(std::unique_ptr<Connection> connection);
  void write_groups(const std::stop_token& stop);
  void write_group(const std::vector<Waiter*>& group);
  core::Status run_group(const std::vector<Waiter*>& group);

  const DatabaseOptions options_;
  int lock_fd_ = -1;
  std::unique_ptr<Connection> writer_;  // used by the writer thread alone

  mutable std::mutex mutex_;
  std::condition_variable_any waiting_changed_;
  std::deque<Waiter*> waiting_;
  Stats stats_;
  bool closing_ = false;

  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> readers_;

  std::jthread thread_;
};

}  // namespace jitney::local
