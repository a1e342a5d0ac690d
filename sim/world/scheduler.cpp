// SPDX-License-Identifier: Apache-2.0
#include "sim/world/scheduler.hpp"

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace jitney::sim {

namespace context = boost::context;

namespace {

struct Killed {};

constexpr std::size_t kStackBytes = 512u << 10;

}  // namespace

// AddressSanitizer must be told of every change of stack.
struct Scheduler::Task {
  context::fiber fiber;   // the task while it is suspended
  context::fiber caller;  // the scheduler while the task runs
  bool killed = false;
  bool done = false;
#if defined(__SANITIZE_ADDRESS__)
  void* fake_stack = nullptr;
  const void* caller_bottom = nullptr;
  std::size_t caller_size = 0;
  const void* bottom = nullptr;
  std::size_t size = 0;
#endif

  void entered() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, &caller_bottom, &caller_size);
#endif
  }

  void leave() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(done ? nullptr : &fake_stack, caller_bottom, caller_size);
#endif
  }
};

Scheduler::Scheduler(core::Time start) : now_(start) {}

Scheduler::~Scheduler() { kill_all(); }

void Scheduler::kill_all() {
  for (auto& [id, task] : tasks_) task->killed = true;
  while (!tasks_.empty()) resume(tasks_.begin()->first);
}

std::size_t Scheduler::tasks() const { return tasks_.size(); }

void Scheduler::at(core::Time time, std::function<void()> event) {
  events_.emplace(std::pair(std::max(time, now_), next_event_++), std::move(event));
}

TaskId Scheduler::spawn(std::function<void()> body) {
  const TaskId id = next_task_++;
  auto task = std::make_unique<Task>();
  Task* self = task.get();
  static thread_local context::pooled_fixedsize_stack stacks(kStackBytes);
  auto run = [self, body = std::move(body)](context::fiber&& caller) mutable {
    self->entered();
    self->caller = std::move(caller);
    try {
      if (!self->killed) body();
    } catch (const Killed&) {
      // The unwinding was the point.
    }
    body = nullptr;
    self->done = true;
    self->leave();
    return std::move(self->caller);
  };
  context::pooled_fixedsize_stack& pool = stacks;
#if defined(__SANITIZE_ADDRESS__)
  context::stack_context stack = pool.allocate();
  self->bottom = static_cast<char*>(stack.sp) - stack.size;
  self->size = stack.size;
  self->fiber = context::fiber(
      std::allocator_arg, context::preallocated(stack.sp, stack.size, stack), pool, std::move(run));
#else
  self->fiber = context::fiber(std::allocator_arg, pool, std::move(run));
#endif
  tasks_.emplace(id, std::move(task));
  at(now_, [this, id] { resume(id); });
  return id;
}

void Scheduler::resume(TaskId id) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  Task& task = *found->second;
  const TaskId before = std::exchange(current_, id);
#if defined(__SANITIZE_ADDRESS__)
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, task.bottom, task.size);
#endif
  task.fiber = std::move(task.fiber).resume();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  current_ = before;
  if (task.done) tasks_.erase(id);
}

void Scheduler::pause(core::Duration delay) {
  const TaskId id = current_;
  Task& task = *tasks_.at(id);
  at(now_ + delay, [this, id] { resume(id); });
  task.leave();
  task.caller = std::move(task.caller).resume();
  task.entered();
  if (task.killed) throw Killed{};
}

void Scheduler::die() { throw Killed{}; }

void Scheduler::kill(TaskId id) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  found->second->killed = true;
}

bool Scheduler::run_until(core::Time until) {
  while (!events_.empty() && events_.begin()->first.first <= until) {
    auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    event.mapped()();
  }
  if (events_.empty()) return false;
  now_ = until;
  return true;
}

}  // namespace jitney::sim
