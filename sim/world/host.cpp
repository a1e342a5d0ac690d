// SPDX-License-Identifier: Apache-2.0
#include "sim/world/host.hpp"

#include <algorithm>
#include <utility>

namespace jitney::sim {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr Duration kFunctionTime = 60s;
constexpr Duration kLease = 90s;
constexpr int kWorkers = 4;
constexpr int kAuditCalls = 10;

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

}  // namespace

void Host::run(std::function<void(const core::Context&)> function) {
  const TaskId task = scheduler_.spawn([this, function = std::move(function)] {
    const TaskId self = scheduler_.current();
    const AtExit forget([this, self] { running_.erase(self); });
    const core::Context context{deployment_,
                                ports_.ledger,
                                ports_.queue,
                                ports_.fleet,
                                ports_.forges,
                                ports_.clock,
                                ports_.clock.now() + kFunctionTime};
    function(context);
  });
  running_.insert(task);
}

void Host::every(Duration interval, std::function<void()> action) {
  scheduler_.after(interval, [this, interval, action = std::move(action)] {
    action();
    every(interval, action);
  });
}

void Host::start() {
  every(1s, [this] { take(); });
  every(deployment_.sweep_interval, [this] {
    run([](const core::Context& context) { static_cast<void>(core::sweep(context)); });
  });
  every(1h, [this] {
    run([](const core::Context& context) { static_cast<void>(core::move_jobs(context)); });
  });
  every(10min, [this] {
    run([](const core::Context& context) { static_cast<void>(core::poll(context, kAuditCalls)); });
  });
}

void Host::webhook(const core::JobEvent& event, std::function<void(bool)> answered) {
  run([event, answered = std::move(answered)](const core::Context& context) {
    answered(core::autoscaler(context, std::span(&event, 1)).has_value());
  });
}

void Host::machine_ended(const core::MachineId& machine, std::optional<int> exit_code) {
  run([machine, exit_code](const core::Context& context) {
    static_cast<void>(core::runner_ended(context, machine, exit_code));
  });
}

void Host::take() {
  if (messages_under_way_ >= kWorkers) return;
  const auto taken = ports_.queue.take(kWorkers - messages_under_way_, kLease, ports_.clock.now());
  if (!taken) return;
  for (const core::Delivery& delivery : *taken) carry_out(delivery);
}

void Host::carry_out(const core::Delivery& delivery) {
  ++messages_under_way_;
  run([this, delivery](const core::Context& context) {
    const AtExit free([this] { --messages_under_way_; });
    const core::Status handled = core::handle(context, delivery.message);
    if (handled) {
      static_cast<void>(context.queue.done(delivery));
      return;
    }
    const Duration backoff = 2s * (1 << std::min(delivery.receives, 5));
    static_cast<void>(context.queue.retry(delivery, handled.error().retry_after.value_or(backoff),
                                          context.clock.now()));
  });
}

void Host::restart() {
  for (const TaskId task : std::exchange(running_, {})) scheduler_.kill(task);
}

}  // namespace jitney::sim
