// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/burst_functions.hpp"

#include <algorithm>
#include <utility>

#include "apps/lambda/batch.hpp"
#include "apps/lambda/host.hpp"
#include "aws/message_text.hpp"

namespace jitney::bench {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr Duration kPoll = 50ms;        // a mapping waits in a long poll; this is on the way
constexpr Duration kColdStart = 250ms;  // Lambda's own; the process adds milliseconds
constexpr Duration kTimeout = 120s;
constexpr Duration kVisibility = 6 * kTimeout;
constexpr Duration kWebhookTime = 10s;
constexpr std::size_t kBatch = 10;

// As EventBridge puts it into a queue.
std::string envelope(const core::MachineId& machine, std::string_view state) {
  return R"({"version":"0","id":"b0","detail-type":"EC2 Instance State-change Notification",)"
         R"("source":"aws.ec2","account":"123456789012","time":"2026-11-28T12:00:00Z",)"
         R"("region":"us-east-1","resources":[],"detail":{"instance-id":")" +
         machine + R"(","state":")" + std::string(state) + R"("}})";
}

}  // namespace

Functions::Functions(sim::Scheduler& scheduler, sim::Random& random,
                     const core::Deployment& deployment, Ports ports, sim::Sqs& sqs,
                     const FunctionOptions& options)
    : Host(scheduler, random, deployment, ports), sqs_(sqs) {
  for (int i = 0; i < options.environments; ++i) {
    const auto& [scope, forge] = *ports_.forges.begin();
    environments_.push_back(
        std::make_unique<Environment>(*forge, scheduler_, options.write_spacing));
    environments_.back()->forges.emplace(scope, &environments_.back()->forge);
  }
}

void Functions::start() {
  every(kPoll, [this] { poll(); });
  every(deployment_.sweep_interval, [this] {
    run(kTimeout, [](const core::Context& context) { static_cast<void>(core::sweep(context)); });
  });
}

void Functions::webhook(const sim::Webhook& hook, std::function<void(bool)> answered) {
  run(kWebhookTime, [this, hook, answered = std::move(answered)](const core::Context& context) {
    scheduler_.pause(kColdStart);
    answered(take_in(context, hook).has_value());
  });
}

void Functions::notice(const sim::Notice& notice) {
  if (notice.kind == sim::Notice::Kind::machine_running) {
    notices_.push_back(envelope(notice.machine, "running"));
  } else if (notice.kind == sim::Notice::Kind::machine_gone) {
    notices_.push_back(envelope(notice.machine, "terminated"));
  }
}

Functions::Environment* Functions::idle() {
  const auto found = std::ranges::find(environments_, false, [](const auto& e) { return e->busy; });
  return found == environments_.end() ? nullptr : found->get();
}

void Functions::poll() {
  while (Environment* const environment = idle()) {
    const std::size_t some = std::min(notices_.size(), kBatch);
    const std::vector<std::string> notices(notices_.begin(),
                                           notices_.begin() + static_cast<std::ptrdiff_t>(some));
    notices_.erase(notices_.begin(), notices_.begin() + static_cast<std::ptrdiff_t>(some));
    auto messages = sqs_.take(static_cast<int>(kBatch - some), kVisibility, scheduler_.now());
    if (!messages) return;
    if (notices.empty() && messages->empty()) return;
    carry_out(*environment, *messages, notices);
  }
}

void Functions::carry_out(Environment& environment, const std::vector<core::Delivery>& messages,
                          const std::vector<std::string>& notices) {
  ++invocations_;
  environment.busy = true;
  aws::SqsEvent event;
  for (const core::Delivery& message : messages) {
    event.records.push_back({.id = message.handle,
                             .handle = message.handle,
                             .body = aws::write_message(message.message, 0),
                             .receives = message.receives});
  }
  for (const std::string& notice : notices) {
    event.records.push_back({.id = "notice", .handle = "notice", .body = notice, .receives = 1});
  }
  run(
      kTimeout,
      [this, &environment, messages, event](const core::Context& given) {
        if (!std::exchange(environment.warm, true)) scheduler_.pause(kColdStart);
        core::Context context{given.deployment,   given.ledger, given.queue,   given.fleet,
                              environment.forges, given.clock,  given.deadline};
        context.deadline = lambda::last_beginning(given.deadline, given.clock.now());
        const std::vector<std::string> failed = lambda::carry_out_batch(
            context, event,
            {.settle = {}, .carry_out = core::handle, .spread = [] { return 0.5; }});
        for (const core::Delivery& message : messages) {
          if (std::ranges::find(failed, message.handle) == failed.end()) {
            static_cast<void>(sqs_.done(message));
          }
        }
      },
      [&environment] { environment.busy = false; });
}

}  // namespace jitney::bench
