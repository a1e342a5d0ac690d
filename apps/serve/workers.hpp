// SPDX-License-Identifier: Apache-2.0
// The threads that carry out queue messages and the ends of local runners. Woken by whoever pushes
// in this process, and by time for delayed messages; nobody spins.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "apps/host/settle.hpp"
#include "core/functions.hpp"

namespace jitney::app {

// A context whose deadline lies that far ahead. Thread-safe; what it refers to outlives all
// callers.
using NewContext = std::function<core::Context(core::Duration until_deadline)>;

// Wakes sleeping workers, at once or at a time. Thread-safe.
class Doorbell {
 public:
  void ring();
  void ring_after(core::Duration delay);
  // Read before looking for work, so that a ring in between is not slept through.
  [[nodiscard]] std::uint64_t rings() const;
  // Returns after a ring later than `seen`, at a due time, after `longest`, or when stopped.
  void wait(std::uint64_t seen, core::Duration longest, const std::stop_token& stop);

 private:
  using Steady = std::chrono::steady_clock;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t rings_ = 0;
  std::uint64_t plans_ = 0;           // rises when an earlier due time comes in
  std::set<Steady::time_point> due_;  // rounded up, so bounded by the longest delay
};

// A queue that rings for what it is given. Thread-safe as its inner queue is.
class NotifyingQueue : public core::Queue {
 public:
  NotifyingQueue(core::Queue& inner, Doorbell& bell) : inner_(inner), bell_(bell) {}

  core::Status push(const core::Message& message, core::Duration delay, core::Time now) override;
  core::Result<std::vector<core::Delivery>> take(int max, core::Duration lease,
                                                 core::Time now) override;
  core::Status done(const core::Delivery& delivery) override;
  core::Status retry(const core::Delivery& delivery, core::Duration after, core::Time now) override;
  core::Status bury(const core::Message& message, const std::string& cause,
                    core::Time now) override;
  core::Result<std::vector<core::DeadLetter>> dead_letters(std::size_t limit) override;
  core::Status forget(core::MessageKind kind, const std::string& key) override;
  core::Result<std::size_t> depth() override;

 private:
  core::Queue& inner_;
  Doorbell& bell_;
};

struct WorkerOptions {
  int threads = 4;
  core::Duration function_time = std::chrono::minutes(2);  // deadline of one function; its lease
  core::Duration longest_sleep = std::chrono::seconds(1);  // for messages of an earlier process
  SettleOptions settle;
  // What a message and the end of a local runner wake; tests may look on.
  std::function<core::Status(const core::Context&, const core::Message&)> handle = core::handle;
  std::function<core::Status(const core::Context&, const core::MachineId&, std::optional<int>)>
      runner_ended = core::runner_ended;
};

// Thread-safe. The destructor stops and joins.
class Workers {
 public:
  Workers(WorkerOptions options, NewContext context, Doorbell& bell);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Idempotent; does nothing after stop().
  void start();
  // No new message is taken; functions that run go on. Does not wait.
  void stop();
  // True when every thread has ended by then.
  bool wait_stopped(core::Duration longest);

  // The process of a runner on `machine` ended. Never blocks; lost ones are found by the sweep.
  void runner_ended(core::MachineId machine, std::optional<int> exit_code);

  // nullopt: all is well; else why not, for /healthz.
  [[nodiscard]] std::optional<std::string> trouble() const;
  [[nodiscard]] bool started() const;

 private:
  struct End {
    core::MachineId machine;
    std::optional<int> exit_code;
    int tries = 0;
    std::chrono::steady_clock::time_point due{};
  };

  void run(const std::stop_token& stop, std::atomic<std::int64_t>& busy_since);
  // Each returns false when there was nothing to do.
  bool one_end();
  bool one_message(const std::stop_token& stop);
  void carry_out(const core::Context& context, const core::Delivery& delivery);
  double spread();

  const WorkerOptions options_;
  const NewContext context_;
  Doorbell& bell_;

  mutable std::mutex mutex_;  // of all below
  std::condition_variable ended_;
  bool stopped_ = false;
  int running_ = 0;
  std::deque<End> ends_;
  std::minstd_rand random_;
  std::vector<std::unique_ptr<std::atomic<std::int64_t>>> busy_since_;  // steady ns; 0: idle
  std::vector<std::jthread> threads_;
};

}  // namespace jitney::app
