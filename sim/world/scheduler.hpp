// SPDX-License-Identifier: Apache-2.0
// Virtual time, events in order, and fibers that run the real core and may be suspended or killed
// at every port call. Deterministic: events of one moment run in the order in which they were made.
// One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/clock.hpp"

namespace jitney::sim {

using TaskId = std::uint64_t;

class Scheduler {
 public:
  explicit Scheduler(core::Time start);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] core::Time now() const { return now_; }

  void at(core::Time time, std::function<void()> event);
  void after(core::Duration delay, std::function<void()> event) {
    at(now_ + delay, std::move(event));
  }

  // Starts `body` on a fiber of its own, now.
  TaskId spawn(std::function<void()> body);
  // Only inside a fiber: others run meanwhile. Does not return when the task is killed.
  void pause(core::Duration delay);
  // Only inside a fiber: ends it here. Its destructors run; it makes no further port call.
  [[noreturn]] void die();
  // From outside: the task ends at its current pause. No effect on one that has ended.
  void kill(TaskId task);
  // Ends every task now. To be called while what the tasks refer to still lives.
  void kill_all();
  [[nodiscard]] bool inside() const { return current_ != 0; }
  [[nodiscard]] TaskId current() const { return current_; }
  [[nodiscard]] std::size_t tasks() const;

  // Runs events up to and including `until`; false when none is left.
  bool run_until(core::Time until);

 private:
  struct Task;
  void resume(TaskId id);

  core::Time now_;
  std::uint64_t next_event_ = 0;
  std::map<std::pair<core::Time, std::uint64_t>, std::function<void()>> events_;
  TaskId next_task_ = 1;
  TaskId current_ = 0;
  std::map<TaskId, std::unique_ptr<Task>> tasks_;
};

// The clock that the core sees: virtual time plus a skew that may jump, and, where each function
// runs on a computer of its own, a little that is each one's own.
class SkewedClock final : public core::Clock {
 public:
  explicit SkewedClock(const Scheduler& scheduler) : scheduler_(scheduler) {}
  core::Time now() override { return scheduler_.now() + skew_ + own(); }
  void jump(core::Duration by) { skew_ += by; }
  void differ(core::Duration by) { spread_ = by; }  // up to `by` either way
  void mend() { skew_ = spread_ = core::Duration::zero(); }
  [[nodiscard]] core::Duration ahead() const { return std::max(skew_, core::Duration::zero()); }

 private:
  [[nodiscard]] core::Duration own() const {
    if (spread_ == core::Duration::zero() || !scheduler_.inside()) return {};
    constexpr TaskId kScatter = 2'654'435'761;
    const auto width = static_cast<TaskId>(2 * spread_.count() + 1);
    return core::Duration(scheduler_.current() * kScatter % width) - spread_;
  }

  const Scheduler& scheduler_;
  core::Duration skew_{};
  core::Duration spread_{};
};

}  // namespace jitney::sim
