// SPDX-License-Identifier: Apache-2.0
#include "sim/world/host.hpp"

#include <algorithm>
#include <utility>

namespace jitney::sim {

using core::Duration;
using core::Fault;
using namespace std::chrono_literals;

namespace {

constexpr int kPoison = 20;  // receives without an end
constexpr Duration kLongestDelay = 15min;

// Runs when a fiber ends, however it ends.
class AtExit {
 public:
  explicit AtExit(std::function<void()> action) : action_(std::move(action)) {}
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;
  ~AtExit() { action_(); }

 private:
  std::function<void()> action_;
};

// It says nothing about the message: GitHub throttles, a machine boots.
bool is_wait(Fault fault) {
  return fault == Fault::throttled || fault == Fault::not_ready || fault == Fault::no_capacity ||
         fault == Fault::cancelled;
}

core::Status wake(const core::Context& context, const std::string& pool) {
  return context.queue.push(
      {.kind = core::MessageKind::create_runner, .key = pool, .detail = "machine"},
      Duration::zero(), context.clock.now());
}

}  // namespace

TaskId Host::run(Duration time, Body body, std::function<void()> ended) {
  const TaskId task =
      scheduler_.spawn([this, time, body = std::move(body), ended = std::move(ended)] {
        const TaskId self = scheduler_.current();
        const AtExit forget([this, self, &ended] {
          running_.erase(self);
          ended();
        });
        const core::Context context{deployment_,
                                    ports_.ledger,
                                    ports_.queue,
                                    ports_.fleet,
                                    ports_.forges,
                                    ports_.clock,
                                    ports_.clock.now() + time};
        body(context);
      });
  running_.insert(task);
  return task;
}

void Host::every(Duration interval, std::function<void()> action) {
  scheduler_.after(interval, [this, interval, action = std::move(action)] {
    action();
    every(interval, action);
  });
}

void Host::kill_all() {
  for (const TaskId task : std::exchange(running_, {})) scheduler_.kill(task);
}

core::Status Host::take_in(const core::Context& context, const Webhook& hook) {
  if (!hook.run.empty()) {
    return context.queue.push({.kind = core::MessageKind::check_run, .key = hook.run, .detail = ""},
                              Duration::zero(), context.clock.now());
  }
  const auto accepted = core::autoscaler(context, std::span(&hook.job, 1));
  if (!accepted) return std::unexpected(accepted.error());
  return {};
}

core::Status Host::act_on(const core::Context& context, const Notice& notice) {
  if (notice.kind == Notice::Kind::runner_ended) {
    return core::runner_ended(context, notice.machine, notice.exit_code);
  }
  if (notice.kind == Notice::Kind::machine_gone) {
    return core::runner_ended(context, notice.machine, std::nullopt);
  }
  const auto runner = context.ledger.runner_on(notice.machine);
  if (!runner) return std::unexpected(runner.error());
  if (!*runner) return {};
  if (notice.kind == Notice::Kind::machine_running) return wake(context, (*runner)->pool);
  return core::stop_runner(context, (*runner)->name, "spot interruption in two minutes");
}

bool Host::settled(const core::Context& context, const core::Delivery& delivery,
                   const core::Status& handled) {
  if (handled) return true;
  const core::Error& error = handled.error();
  const core::Time now = context.clock.now();
  if (is_wait(error.fault)) {
    const Duration pause = std::min(kLongestDelay, error.retry_after.value_or(2s));
    return context.queue.push(delivery.message, pause, now).has_value();
  }
  if (error.fault == Fault::invalid || error.fault == Fault::not_found ||
      delivery.receives >= kPoison) {
    return context.queue.bury(delivery.message, error.what, now).has_value();
  }
  const Duration whole = std::min<Duration>(5min, 1s * (1LL << std::min(delivery.receives - 1, 9)));
  const Duration pause = random_.between(whole / 2, whole);
  static_cast<void>(context.queue.retry(delivery, error.retry_after.value_or(pause), now));
  return false;
}

}  // namespace jitney::sim
