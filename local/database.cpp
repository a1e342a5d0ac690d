// SPDX-License-Identifier: Apache-2.0
#include "local/database.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "local/schema.hpp"

namespace jitney::local {

using core::Fault;

namespace {

constexpr std::size_t kReadersKept = 4;

std::unexpected<core::Error> cannot_create(const std::string& path, int why) {
  const bool full = why == ENOSPC || why == EDQUOT;
  return core::fail(full ? Fault::transient : Fault::invalid,
                    "cannot create " + path + ": " + std::strerror(why) +
                        (full ? "" : "; look at the owner and mode of its folder"));
}

}  // namespace

// Lives on the stack of the caller, who waits for `done`.
struct Database::Waiter {
  const Job& change;
  core::Status answer;
  bool done = false;
  std::condition_variable changed;
};

core::Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
  std::unique_ptr<Database> database(new Database(options));
  if (options.read_only) {
    auto probe = database->reader();
    if (!probe) return std::unexpected(probe.error());
    if (auto known = check_schema(**probe, options.path); !known) {
      return std::unexpected(known.error());
    }
    database->give_back(std::move(*probe));
    return database;
  }
  if (auto locked = database->lock(); !locked) return std::unexpected(locked.error());
  if (auto ready = database->prepare_writer(); !ready) return std::unexpected(ready.error());
  database->thread_ = std::jthread(
      [raw = database.get()](const std::stop_token& stop) { raw->write_groups(stop); });
  return database;
}

Database::~Database() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  readers_.clear();
  writer_.reset();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

// Two servers on one file would each take the other's runners for their own.
core::Status Database::lock() {
  const std::string path = options_.path + ".lock";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) {
    return cannot_create(path, errno);
  }
  const auto until = std::chrono::steady_clock::now() + options_.lock_wait;
  while (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    return core::fail(Fault::conflict,
                      options_.path +
                          " is in use by another jitney serve; stop that one first, or "
                          "give this one a state_dir of its own");
  }
  return {};
}

bool Database::in_use(const std::string& path) {
  const int fd = ::open((path + ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno != ENOENT;
  // Held for this moment at most; who opens to write waits longer than that.
  const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
  ::close(fd);
  return !free;
}

core::Status Database::prepare_writer() {
  // Created here, so that it is never readable by others, not even for a moment.
  const int file = ::open(options_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return cannot_create(options_.path, errno);
  }
  ::close(file);
  auto opened = Connection::open({.path = options_.path, .read_only = false, .vfs = options_.vfs});
  if (!opened) return std::unexpected(opened.error());
  writer_ = std::move(*opened);
  // FULL: the commit is on the disk before anyone is answered (P1). The WAL is never truncated:
  // overwriting it costs half of what growing it does.
  writer_->execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;");
  if (auto set = writer_->take_opening_error(options_.path); !set) return set;
  return bring_up_to_date(*writer_, options_.path);
}

core::Result<std::unique_ptr<Connection>> Database::reader() {
  {
    const std::lock_guard lock(readers_mutex_);
    if (!readers_.empty()) {
      auto connection = std::move(readers_.back());
      readers_.pop_back();
      return connection;
    }
  }
  return Connection::open({.path = options_.path, .read_only = true, .vfs = options_.vfs});
}

void Database::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(readers_mutex_);
  if (readers_.size() < kReadersKept) readers_.push_back(std::move(connection));
}

core::Status Database::commit(const Job& change) {
  if (options_.read_only)
    return core::fail(Fault::invalid, "the ledger was opened for reading only");
  Waiter waiter{.change = change, .answer = {}};
  std::unique_lock lock(mutex_);
  if (closing_) return core::fail(Fault::cancelled, "the ledger is being closed");
  if (waiting_.size() >= options_.waiting_limit) {
    return core::fail(Fault::transient, "the ledger is overloaded: " +
                                            std::to_string(waiting_.size()) + " changes wait");
  }
  waiting_.push_back(&waiter);
  ++stats_.changes;
  waiting_changed_.notify_one();
  waiter.changed.wait(lock, [&] { return waiter.done; });
  return waiter.answer;
}

void Database::write_groups(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    waiting_changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
    if (waiting_.empty()) return;  // asked to stop, and nobody waits
    const std::size_t count = std::min(waiting_.size(), options_.group_limit);
    const std::vector<Waiter*> group(waiting_.begin(),
                                     waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    lock.unlock();
    write_group(group);
    lock.lock();
    for (Waiter* waiter : group) {
      waiter->done = true;
      waiter->changed.notify_one();  // under the lock: the waiter's stack is gone right after
    }
  }
}

void Database::write_group(const std::vector<Waiter*>& group) {
  const core::Status stored = run_group(group);
  if (stored) return;
  if (writer_->in_transaction()) writer_->execute("ROLLBACK");
  static_cast<void>(writer_->take_error());
  for (Waiter* waiter : group) waiter->answer = std::unexpected(stored.error());
  const std::lock_guard lock(mutex_);
  ++stats_.failures;
}

core::Status Database::run_group(const std::vector<Waiter*>& group) {
  const std::int64_t before = writer_->changes();
  writer_->execute("BEGIN IMMEDIATE");
  if (auto begun = writer_->take_error(); !begun) return begun;
  for (Waiter* waiter : group) {
    writer_->execute("SAVEPOINT change");
    waiter->answer = waiter->change(*writer_);
    // A storage error may have rolled back the whole transaction: then nobody's change stands.
    const bool contained = writer_->failure_is_contained();
    if (auto status = writer_->take_error(); !status) {
      if (!contained) return status;
      waiter->answer = status;
    }
    if (!waiter->answer) writer_->execute("ROLLBACK TO change");
    writer_->execute("RELEASE change");
    if (auto status = writer_->take_error(); !status) return status;
  }
  const bool changed = writer_->changes() != before;
  writer_->execute("COMMIT");
  if (auto status = writer_->take_error(); !status) return status;
  if (changed) {
    const std::lock_guard lock(mutex_);
    ++stats_.commits;
  }
  return {};
}

Database::Stats Database::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace jitney::local
