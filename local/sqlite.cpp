// SPDX-License-Identifier: Apache-2.0
#include "local/sqlite.hpp"

#include <cerrno>
#include <utility>

namespace jitney::local {

using core::Fault;

namespace {

// What to do next, by SQLite's primary result codes (sqlite.org/rescode.html).
std::string advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "the disk is full: free some space, it goes on by itself";
    case SQLITE_IOERR:
      return "the disk does not answer: look at the kernel log";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "the file is damaged or no database: move it away and restore a backup";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "it cannot be opened: look at the owner and mode of file and folder";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process holds it";
    default:
      return "";
  }
}

// Storage works; this row it will never take.
bool concerns_one_row(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_CONSTRAINT || primary == SQLITE_TOOBIG || primary == SQLITE_MISMATCH;
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::check(int code) {
  if (code != SQLITE_OK) connection_.fail(code);
}

Statement& Statement::bind(std::int64_t value) {
  if (statement_ != nullptr) check(sqlite3_bind_int64(statement_, ++parameter_, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  if (statement_ == nullptr) return *this;
  // A null pointer would bind NULL where an empty text is meant.
  const char* text = value.data() == nullptr ? "" : value.data();
  check(sqlite3_bind_text64(statement_, ++parameter_, text, value.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(std::optional<int> value) {
  if (value) return bind(*value);
  if (statement_ != nullptr) check(sqlite3_bind_null(statement_, ++parameter_));
  return *this;
}

Statement& Statement::bind(const std::optional<std::string>& value) {
  if (value) return bind(*value);
  if (statement_ != nullptr) check(sqlite3_bind_null(statement_, ++parameter_));
  return *this;
}

bool Statement::step() {
  if (statement_ == nullptr || connection_.failed()) return false;
  column_ = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.fail(code);
  return false;
}

std::int64_t Statement::integer() { return sqlite3_column_int64(statement_, column_++); }

std::string Statement::text() {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column_));
  const int size = sqlite3_column_bytes(statement_, column_++);
  return text == nullptr ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

std::optional<std::string> Statement::optional_text() {
  if (sqlite3_column_type(statement_, column_) == SQLITE_NULL) {
    ++column_;
    return std::nullopt;
  }
  return text();
}

std::optional<int> Statement::optional_number() {
  if (sqlite3_column_type(statement_, column_) == SQLITE_NULL) {
    ++column_;
    return std::nullopt;
  }
  return number();
}

core::Result<std::unique_ptr<Connection>> Connection::open(const Options& options) {
  sqlite3* handle = nullptr;
  const int flags =
      (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
      SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(options.path.c_str(), &handle, flags,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) {
    const std::string why = handle == nullptr ? "out of memory" : sqlite3_errmsg(handle);
    sqlite3_close(handle);
    return core::fail(Fault::invalid,
                      "cannot open " + options.path + ": " + why + "; " + advice(code));
  }
  sqlite3_busy_timeout(handle, 5'000);
  sqlite3_extended_result_codes(handle, 1);
  return std::unique_ptr<Connection>(new Connection(handle));
}

Connection::~Connection() {
  for (const auto& [sql, statement] : cache_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Statement Connection::prepare(const char* sql) {
  const auto [at, fresh] = cache_.emplace(sql, nullptr);
  if (fresh) {
    const int code =
        sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &at->second, nullptr);
    if (code != SQLITE_OK) {
      fail(code);
      cache_.erase(at);
      return {*this, nullptr};
    }
  }
  return {*this, at->second};
}

void Connection::execute(const char* sql) {
  if (failed()) return;
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Connection::changes() const { return sqlite3_total_changes64(handle_); }
std::int64_t Connection::changed_rows() const { return sqlite3_changes64(handle_); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

bool Connection::failure_is_contained() const {
  return error_ && in_transaction() && concerns_one_row(error_code_);
}

void Connection::fail(int code) {
  if (error_) return;
  // SQLite calls a disk that has no room for another file one that does not answer.
  const int primary = code & 0xff;
  if ((primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR) &&
      sqlite3_system_errno(handle_) == ENOSPC) {
    code = SQLITE_FULL;
  }
  const std::string hint = advice(code);
  error_code_ = code;
  error_ = core::Error{concerns_one_row(code) ? Fault::invalid : Fault::transient,
                       std::string("ledger file: ") + sqlite3_errmsg(handle_) + " (SQLite code " +
                           std::to_string(code) + ")" + (hint.empty() ? "" : "; " + hint)};
}

core::Status Connection::take_error() {
  if (!error_) return {};
  return std::unexpected(*std::exchange(error_, std::nullopt));
}

core::Status Connection::take_opening_error(const std::string& path) {
  const core::Status status = take_error();
  if (status) return {};
  const int primary = error_code_ & 0xff;
  const bool disk = primary == SQLITE_FULL || primary == SQLITE_IOERR;
  return core::fail(disk ? Fault::transient : Fault::invalid, path + ": " + status.error().what);
}

}  // namespace jitney::local
