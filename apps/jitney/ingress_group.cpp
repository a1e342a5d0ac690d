// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <exception>
#include <iterator>
#include <map>
#include <set>

#include "apps/jitney/ingress.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

// A commit is milliseconds: what takes longer is broken, and its waiters are told by the server.
constexpr core::Duration kGroupTime = std::chrono::seconds(20);
constexpr const char* kRetrySeconds = "5";

net::Response unavailable(WebhookResult result, std::string_view message) {
  net::Response response = webhook_answer(503, result, message);
  response.headers.set("Retry-After", kRetrySeconds);
  return response;
}

// The jobs' own events are on their way: GitHub is asked once they had time to come. Returns the
// keys that could not be stored.
std::set<std::string> push_checks(const core::Context& context, const std::vector<Arrival>& group) {
  std::map<std::string, bool> pushed;
  for (const Arrival& arrival : group) {
    if (!arrival.check || pushed.contains(arrival.check->key)) continue;
    const core::Status done =
        context.queue.push(*arrival.check, context.deployment.settle, context.clock.now());
    if (!done) {
      net::log(net::LogLevel::error, "a run to be checked could not be stored: refused with 503",
               {{"run", arrival.check->key}, {"error", done.error().what}});
    }
    pushed.emplace(arrival.check->key, done.has_value());
  }
  std::set<std::string> failed;
  for (const auto& [key, stored] : pushed) {
    if (!stored) failed.insert(key);
  }
  return failed;
}

}  // namespace

net::Response webhook_answer(int status, WebhookResult result, std::string_view message) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = R"({"result":")" + std::string(to_string(result)) + R"(","message":)" +
                  boost::json::serialize(boost::json::string(message)) + "}\n";
  return response;
}

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
  arrival.respond(unavailable(WebhookResult::overloaded,
                              ending
                                  ? "shutting down; nothing was stored, deliver again"
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
    std::ranges::copy(arrival.events, std::back_inserter(events));
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
    if (!stored || (arrival.check && unchecked.contains(arrival.check->key))) {
      metrics_.webhook(WebhookResult::failed);
      arrival.respond(unavailable(WebhookResult::failed, "not stored; deliver again"));
    } else if (ignored > 0 && nobody_covers(arrival)) {
      metrics_.webhook(WebhookResult::ignored);
      arrival.respond(webhook_answer(200, WebhookResult::ignored, "no pool covers this job"));
    } else {
      metrics_.webhook(WebhookResult::accepted);
      arrival.respond(webhook_answer(202, WebhookResult::accepted, "stored"));
    }
  }
}

// The job was recorded with the reason all the same.
bool IngressGroup::nobody_covers(const Arrival& arrival) const {
  if (arrival.events.empty()) return false;
  const core::Context context = context_(kGroupTime);
  return std::ranges::all_of(arrival.events, [&](const core::JobEvent& event) {
    return core::match(context.deployment.pools, event.scope, event.repository, event.labels)
               .pool == nullptr;
  });
}

}  // namespace jitney::app
