// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <set>

#include "apps/serve/ingress.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

// A commit is milliseconds: what takes longer is broken, and its waiters are told by the server.
constexpr core::Duration kGroupTime = std::chrono::seconds(20);

// The jobs' own events are on their way: GitHub is asked once they had time to come. Returns the
// keys that could not be stored.
std::set<std::string> push_checks(const core::Context& context, const std::vector<Arrival>& group) {
  std::map<std::string, bool> pushed;
  for (const Arrival& arrival : group) {
    if (!arrival.intake.check || pushed.contains(arrival.intake.check->key)) continue;
    const core::Status done =
        context.queue.push(*arrival.intake.check, context.deployment.settle, context.clock.now());
    if (!done) {
      net::log(net::LogLevel::error, "a run to be checked could not be stored: refused with 503",
               {{"run", arrival.intake.check->key}, {"error", done.error().what}});
    }
    pushed.emplace(arrival.intake.check->key, done.has_value());
  }
  std::set<std::string> failed;
  for (const auto& [key, stored] : pushed) {
    if (!stored) failed.insert(key);
  }
  return failed;
}

}  // namespace

IngressGroup::IngressGroup(GroupOptions options, NewContext context, Metrics& metrics)
    : options_(options),
      context_(std::move(context)),
      metrics_(metrics),
      thread_([this] { run(); }) {}

IngressGroup::~IngressGroup() { drain(); }

void IngressGroup::submit(Arrival arrival) {
  bool ending = false;
  {
    const std::lock_guard lock(mutex_);
    ending = ending_;
    if (!ending && waiting_.size() < options_.waiting) {
      waiting_.push_back(std::move(arrival));
      arrived_.notify_one();
      return;
    }
  }
  metrics_.webhook(WebhookResult::overloaded);
  arrival.respond(
      webhook_unavailable(WebhookResult::overloaded,
                          ending ? "shutting down; nothing was stored, deliver again"
                                 : "too many webhooks wait; nothing was stored, deliver again"));
}

void IngressGroup::drain() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    arrived_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void IngressGroup::run() {
  for (;;) {
    std::vector<Arrival> group;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), options_.together));
      const auto end = waiting_.begin() + count;
      group.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
    }
    store(group);
  }
}

void IngressGroup::store(std::vector<Arrival>& group) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<core::JobEvent> events;
  for (const Arrival& arrival : group) {
    std::ranges::copy(arrival.intake.events, std::back_inserter(events));
  }
  core::Status stored;
  std::set<std::string> unchecked;
  std::size_t ignored = 0;
  try {
    const core::Context context = context_(kGroupTime);
    if (const auto accepted = core::autoscaler(context, events); !accepted) {
      stored = std::unexpected(accepted.error());
    } else {
      ignored = accepted->ignored;
      unchecked = push_checks(context, group);
    }
  } catch (const std::exception& bug) {
    stored = core::fail(core::Fault::transient, bug.what());
  }
  metrics_.group(group.size(), std::chrono::steady_clock::now() - began);
  if (!stored) {
    net::log(net::LogLevel::error, "webhooks could not be made durable: refused with 503",
             {{"webhooks", group.size()},
              {"fault", core::to_string(stored.error().fault)},
              {"error", stored.error().what}});
  }
  for (Arrival& arrival : group) {
    if (!stored || (arrival.intake.check && unchecked.contains(arrival.intake.check->key))) {
      metrics_.webhook(WebhookResult::failed);
      arrival.respond(webhook_unavailable(WebhookResult::failed, "not stored; deliver again"));
    } else if (ignored == 0) {
      metrics_.webhook(WebhookResult::accepted);
      arrival.respond(webhook_answer(202, WebhookResult::accepted, "stored"));
    } else {
      Answered answered = webhook_stored(context_(kGroupTime).deployment, arrival.intake);
      metrics_.webhook(answered.result);
      arrival.respond(std::move(answered.response));
    }
  }
}

}  // namespace jitney::app
