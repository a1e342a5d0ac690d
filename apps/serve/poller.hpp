// SPDX-License-Identifier: Apache-2.0
// What runs by time and not by message: the sweep, move_jobs, and questions to GitHub within a
// budget.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "apps/serve/metrics.hpp"
#include "apps/serve/workers.hpp"

namespace jitney::app {

// How many calls may be spent now: so many a minute, never saving up more than one minute's worth.
// One thread.
class CallAllowance {
 public:
  using Steady = std::chrono::steady_clock;
  CallAllowance(int calls_per_minute, Steady::time_point now);
  // Takes all there are, if at least `least`; else 0, and they stay for the next time.
  int take(int least, Steady::time_point now);

 private:
  double per_minute_;
  double saved_;
  Steady::time_point at_;
};

struct PollerOptions {
  core::Duration sweep_interval = std::chrono::minutes(1);
  core::Duration move_interval = std::chrono::hours(1);
  core::Duration function_time = std::chrono::minutes(2);
  core::Duration ask_interval = std::chrono::seconds(5);  // between two rounds of questions
  int calls_per_minute = 0;                               // 0: no questions
  // Called once, when the first sweep has ended, well or not: what an earlier process left is known
  // now.
  std::function<void()> after_first_sweep = [] {};
};

// Two threads: one sweeps and moves jobs, one asks. Owned by one thread, which starts and stops it;
// the questions may come from any. The destructor stops and joins.
class Poller {
 public:
  Poller(PollerOptions options, NewContext context, Metrics& metrics);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void start();
  void stop();  // does not wait
  bool wait_stopped(core::Duration longest);

  // Since the last sweep that ended well, and since the last that could look at everything; nullopt
  // before the first such.
  [[nodiscard]] std::optional<core::Duration> sweep_age() const { return since(swept_at_); }
  [[nodiscard]] std::optional<core::Duration> complete_sweep_age() const {
    return since(complete_at_);
  }
  // What the last sweep could not look at, and why: GitHub, the provider.
  [[nodiscard]] std::vector<std::string> missed() const;
  // nullopt: all is well; else why not, for /healthz.
  [[nodiscard]] std::optional<std::string> trouble() const;

 private:
  using Steady = std::chrono::steady_clock;

  void sweep_until(const std::stop_token& stop);
  void ask_until(const std::stop_token& stop);
  void sweep_once();
  void move_once();
  void one_ended();
  static std::optional<core::Duration> since(std::int64_t at);

  const PollerOptions options_;
  const NewContext context_;
  Metrics& metrics_;
  const Steady::time_point started_at_ = Steady::now();
  std::atomic<std::int64_t> swept_at_{0};  // steady ns; 0: never
  std::atomic<std::int64_t> complete_at_{0};
  mutable std::mutex mutex_;  // of the two below
  std::condition_variable ended_;
  int running_ = 0;  // threads
  std::vector<std::string> missed_;
  std::jthread sweeper_;
  std::jthread asker_;
};

// False when stopped before the time was over.
bool pause(const std::stop_token& stop, core::Duration time);

}  // namespace jitney::app
