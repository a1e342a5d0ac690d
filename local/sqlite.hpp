// SPDX-License-Identifier: Apache-2.0
// SQLite's C interface with owners and without exceptions. Errors stick to the connection until
// they are taken: a run of statements needs one check at its end. One thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace jitney::local {

class Connection;

// A prepared statement, borrowed from its connection's cache; reset when it goes out of scope.
class Statement {
 public:
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement(Statement&&) = delete;
  Statement& operator=(Statement&&) = delete;

  // Binds the next parameter.
  Statement& bind(std::int64_t value);
  Statement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(bool value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(core::Time value) {
    return bind(static_cast<std::int64_t>(value.time_since_epoch().count()));
  }
  Statement& bind(std::string_view value);
  Statement& bind(const std::string& value) { return bind(std::string_view(value)); }
  Statement& bind(const char* value) { return bind(std::string_view(value)); }
  Statement& bind(std::optional<int> value);
  Statement& bind(const std::optional<std::string>& value);

  // true: there is a row. false: done, or the connection has failed.
  bool step();
  void run() { static_cast<void>(step()); }

  // The next column of the row.
  std::int64_t integer();
  int number() { return static_cast<int>(integer()); }
  bool flag() { return integer() != 0; }
  core::Time time() { return core::Time(core::Duration(integer())); }
  std::string text();
  std::optional<std::string> optional_text();
  std::optional<int> optional_number();

 private:
  friend class Connection;
  Statement(Connection& connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  void check(int code);

  Connection& connection_;
  sqlite3_stmt* statement_;  // null when it could not be prepared; the connection says why
  int parameter_ = 0;
  int column_ = 0;
};

class Connection {
 public:
  struct Options {
    std::string path;
    bool read_only = false;
    std::string vfs;  // empty: the default
  };
  static core::Result<std::unique_ptr<Connection>> open(const Options& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `sql` must be a string literal: it is the key of the cache.
  Statement prepare(const char* sql);
  // Several statements, no parameters.
  void execute(const char* sql);
  [[nodiscard]] std::int64_t changes() const;       // since it was opened
  [[nodiscard]] std::int64_t changed_rows() const;  // by the last statement
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  // What failed undid its own statement and nothing else: the transaction can go on.
  [[nodiscard]] bool failure_is_contained() const;
  // The first error since it was last taken; clears it.
  core::Status take_error();
  // The same for what opens the file at `path`: `transient` when the disk has no room or does not
  // answer now, else `invalid`.
  core::Status take_opening_error(const std::string& path);

 private:
  friend class Statement;
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  void fail(int code);

  sqlite3* handle_;
  std::map<const char*, sqlite3_stmt*> cache_;
  std::optional<core::Error> error_;
  int error_code_ = SQLITE_OK;
};

}  // namespace jitney::local
