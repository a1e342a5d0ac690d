// SPDX-License-Identifier: Apache-2.0
#include "sim/world/lambda.hpp"

#include <memory>
#include <utility>

namespace jitney::sim {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr Duration kTimeout = 60s;
constexpr Duration kMargin = 3s;  // what the core keeps of it to come to an end
constexpr Duration kVisibility = 90s;
constexpr Duration kWebhookTime = 10s;
constexpr int kWebhooksAtOnce = 20;
constexpr int kAuditCalls = 10;
constexpr int kMostReceives = 20;

}  // namespace

void Lambda::invoke(Duration time, Body body, std::function<void()> ended) {
  const TaskId task = run(time - kMargin, std::move(body), std::move(ended));
  scheduler_.after(time, [this, task] { scheduler_.kill(task); });
}

// A rule fires at least once.
void Lambda::schedule(Duration interval, Body body) {
  every(interval, [this, body = std::move(body)] {
    const int times = random_.chance(mix_.duplicate) ? 2 : 1;
    for (int i = 0; i < times; ++i) invoke(kTimeout, body);
  });
}

void Lambda::start() {
  every(1s, [this] { poll_queue(); });
  schedule(deployment_.sweep_interval,
           [](const core::Context& context) { static_cast<void>(core::sweep(context)); });
  schedule(1h, [](const core::Context& context) { static_cast<void>(core::move_jobs(context)); });
  schedule(10min, [](const core::Context& context) {
    static_cast<void>(core::poll(context, kAuditCalls));
  });
}

void Lambda::webhook(const Webhook& hook, std::function<void(bool)> answered) {
  if (webhooks_ >= kWebhooksAtOnce) return answered(false);
  ++webhooks_;
  invoke(
      kWebhookTime,
      [hook, answered = std::move(answered)](const core::Context& context) {
        answered(take_in(context, hook).has_value());
      },
      [this] { --webhooks_; });
}

// The queue takes what comes, so an event is repeated until a function ends well with it.
void Lambda::tell(const Notice& notice, int receives) {
  const auto handled = std::make_shared<bool>(false);
  invoke(
      kTimeout,
      [notice, handled](const core::Context& context) {
        *handled = act_on(context, notice).has_value();
      },
      [this, notice, handled, receives] {
        if (*handled || receives >= kMostReceives) return;
        scheduler_.after(kVisibility, [this, notice, receives] { tell(notice, receives + 1); });
      });
}

void Lambda::poll_queue() {
  while (taking_ < at_once_) {
    const auto taken = ports_.queue.take(batch_, kVisibility, ports_.clock.now());
    if (!taken || taken->empty()) return;
    carry_out(*taken);
  }
}

// Only an invocation that ends well tells which messages may go: killed, all of them come again.
void Lambda::carry_out(const std::vector<core::Delivery>& deliveries) {
  ++taking_;
  invoke(
      kTimeout,
      [this, deliveries](const core::Context& context) {
        std::vector<core::Delivery> done;
        for (const core::Delivery& delivery : deliveries) {
          if (context.out_of_time()) break;
          if (settled(context, delivery, core::handle(context, delivery.message))) {
            done.push_back(delivery);
          }
        }
        for (const core::Delivery& delivery : done) {
          static_cast<void>(context.queue.done(delivery));
        }
      },
      [this] { --taking_; });
}

}  // namespace jitney::sim
