// SPDX-License-Identifier: Apache-2.0
#include "sim/world/server.hpp"

namespace jitney::sim {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr Duration kFunctionTime = 60s;
constexpr Duration kLease = 65s;
constexpr int kWorkers = 4;
constexpr int kAuditCalls = 10;
constexpr int kEndTries = 6;

}  // namespace

void Server::timer(Duration interval, Body body) {
  every(interval, [this, body = std::move(body)] {
    if (up()) run(kFunctionTime, body);
  });
}

void Server::start() {
  every(1s, [this] { take(); });
  timer(deployment_.sweep_interval,
        [](const core::Context& context) { static_cast<void>(core::sweep(context)); });
  timer(1h, [](const core::Context& context) { static_cast<void>(core::move_jobs(context)); });
  timer(10min,
        [](const core::Context& context) { static_cast<void>(core::poll(context, kAuditCalls)); });
}

void Server::webhook(const Webhook& hook, std::function<void(bool)> answered) {
  if (!up()) return;
  run(kFunctionTime, [hook, answered = std::move(answered)](const core::Context& context) {
    answered(take_in(context, hook).has_value());
  });
}

// The fleet's listener is in this process: down, it hears nothing.
void Server::notice(const Notice& notice) {
  if (up() && hears_ && notice.kind == Notice::Kind::runner_ended) end_of(notice, 0);
}

void Server::end_of(const Notice& notice, int tries) {
  run(kFunctionTime, [this, notice, tries](const core::Context& context) {
    const core::Status done = act_on(context, notice);
    if (done || tries + 1 >= kEndTries) return;  // the sweep finds the ended machine
    const Duration pause = done.error().retry_after.value_or(2s * (1 << tries));
    scheduler_.after(pause, [this, notice, tries] {
      if (up()) end_of(notice, tries + 1);
    });
  });
}

void Server::take() {
  if (!up() || messages_under_way_ >= kWorkers) return;
  const auto taken = ports_.queue.take(kWorkers - messages_under_way_, kLease, ports_.clock.now());
  if (!taken) return;
  for (const core::Delivery& delivery : *taken) carry_out(delivery);
}

void Server::carry_out(const core::Delivery& delivery) {
  ++messages_under_way_;
  run(
      kFunctionTime,
      [this, delivery](const core::Context& context) {
        if (settled(context, delivery, core::handle(context, delivery.message))) {
          static_cast<void>(context.queue.done(delivery));
        }
      },
      [this] { --messages_under_way_; });
}

void Server::restart(Duration down) {
  kill_all();
  up_again_ = std::max(up_again_, scheduler_.now() + down);
}

}  // namespace jitney::sim
