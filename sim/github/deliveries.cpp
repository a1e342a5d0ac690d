// SPDX-License-Identifier: Apache-2.0
#include "sim/github/deliveries.hpp"

#include <algorithm>

#include "net/crypto.hpp"

namespace jitney::sim {
namespace {

constexpr std::size_t kDeliveriesKept = 30'000;
constexpr std::size_t kAnswerKept = 4096;

std::string_view target_type(HookKind kind) {
  switch (kind) {
    case HookKind::app:
      return "integration";
    case HookKind::organization:
      return "organization";
    case HookKind::repository:
      return "repository";
  }
  return "";
}

// The bytes that are sent and signed.
std::string body_of(const Delivery& delivery) {
  return delivery.form ? "payload=" + net::percent_encode(*delivery.payload) : *delivery.payload;
}

net::Headers headers_for(const Hook& hook, const Delivery& delivery) {
  net::Headers headers{
      {"Accept", "*/*"},
      {"Content-Type", delivery.form ? "application/x-www-form-urlencoded" : "application/json"},
      {"User-Agent", "GitHub-Hookshot/51ba22f"},
      {"X-GitHub-Delivery", delivery.guid},
      {"X-GitHub-Event", delivery.event},
      {"X-GitHub-Hook-ID", std::to_string(hook.id)},
      {"X-GitHub-Hook-Installation-Target-ID", std::to_string(hook.id)},
      {"X-GitHub-Hook-Installation-Target-Type", std::string(target_type(hook.kind))}};
  if (!hook.secret.empty()) {
    headers.add("X-Hub-Signature-256",
                "sha256=" + net::hex(net::hmac_sha256(hook.secret, body_of(delivery))));
  }
  return headers;
}

}  // namespace

core::Time wall_clock() {
  return std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
}

Hook& Hooks::add(Hook hook, core::Time now) {
  hook.id = next_hook_++;
  hook.created_at = now;
  return *hooks_.emplace_back(std::make_unique<Hook>(std::move(hook)));
}

Hook* Hooks::find(std::int64_t id) {
  const auto at =
      std::ranges::find_if(hooks_, [&](const std::unique_ptr<Hook>& h) { return h->id == id; });
  return at == hooks_.end() ? nullptr : at->get();
}

std::string Hooks::new_guid() {
  const std::string digits = net::hex(net::random_bytes(16));
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-11ef-8" + digits.substr(17, 3) + "-" +
         digits.substr(20, 12);
}

void Hooks::enqueue(Delivery delivery, const std::string& lane, core::Time due) {
  delivery.id = next_delivery_++;
  std::deque<Waiting>& waiting = lanes_[lane];
  waiting.push_back(Waiting{.delivery = delivery.id, .due = due});
  if (waiting.size() == 1) ready_.emplace(due, lane);
  ++pending_;
  deliveries_.emplace(delivery.id, std::move(delivery));
  // The oldest are at the end; what has not been sent yet is never dropped.
  while (deliveries_.size() > kDeliveriesKept && deliveries_.rbegin()->second.done) {
    deliveries_.erase(std::prev(deliveries_.end()));
  }
}

void Hooks::send(const Hook& hook, const HookEvent& notice, WebhookFaults& faults, core::Time now) {
  if (!hook.active || (!hook.events.contains(notice.event) && !hook.events.contains("*") &&
                       notice.event != "ping")) {
    return;
  }
  if (faults.lose.strikes(random_)) {
    ++lost_;
    return;
  }
  Delivery delivery;
  delivery.hook = hook.id;
  delivery.guid = new_guid();
  delivery.event = notice.event;
  delivery.action = notice.action;
  delivery.installation_id = notice.installation_id;
  delivery.repository_id = notice.repository_id;
  delivery.payload = std::make_shared<const std::string>(notice.payload);
  delivery.form = hook.form;
  delivery.delivered_at = now;
  delivery.headers = headers_for(hook, delivery);
  if (faults.fail.strikes(random_)) {
    delivery.id = next_delivery_++;
    delivery.done = true;
    delivery.status = "failed to connect to host";
    delivery.status_code = 502;
    deliveries_.emplace(delivery.id, std::move(delivery));
    return;
  }
  core::Time due = now;
  std::string lane = notice.lane + "@" + std::to_string(hook.id);
  if (faults.delay.strikes(random_)) due += faults.delay_by;
  if (faults.reorder.strikes(random_)) {
    lane += "#" + std::to_string(next_lane_++);
    due += core::Duration(std::uniform_int_distribution<std::int64_t>(
        1, std::max<std::int64_t>(1, faults.delay_by.count()))(random_));
  }
  if (faults.repeat.strikes(random_)) enqueue(delivery, lane, due);
  enqueue(std::move(delivery), lane, due);
}

bool Hooks::redeliver(std::int64_t id, core::Time now) {
  const auto at = deliveries_.find(id);
  if (at == deliveries_.end()) return false;
  Delivery again = at->second;
  again.redelivery = true;
  again.done = false;
  again.status.clear();
  again.status_code = 0;
  again.answer.clear();
  again.answer_headers = {};
  again.delivered_at = now;
  enqueue(std::move(again), "redelivery#" + std::to_string(next_lane_++), now);
  return true;
}

std::optional<Outgoing> Hooks::take(core::Time now) {
  if (ready_.empty() || ready_.begin()->first > now) return std::nullopt;
  const std::string lane = ready_.begin()->second;
  ready_.erase(ready_.begin());
  Delivery& delivery = deliveries_.at(lanes_.at(lane).front().delivery);
  const Hook* hook = find(delivery.hook);
  delivery.delivered_at = now;
  Outgoing out;
  out.delivery = delivery.id;
  out.lane = lane;
  out.url = hook->url;
  out.request.method = "POST";
  out.request.headers = delivery.headers;
  out.request.body = body_of(delivery);
  return out;
}

std::optional<core::Time> Hooks::next_due() const {
  if (ready_.empty()) return std::nullopt;
  return ready_.begin()->first;
}

void Hooks::finish(std::int64_t id, const std::string& lane, Sent sent, core::Time now) {
  Delivery& delivery = deliveries_.at(id);
  delivery.done = true;
  delivery.delivered_at = now;
  delivery.status_code = sent.status_code;
  delivery.status = std::move(sent.status);
  delivery.duration = sent.duration;
  delivery.answer = sent.answer.substr(0, kAnswerKept);
  delivery.answer_headers = std::move(sent.answer_headers);
  --pending_;
  std::deque<Waiting>& waiting = lanes_.at(lane);
  waiting.pop_front();
  if (waiting.empty()) {
    lanes_.erase(lane);
  } else {
    ready_.emplace(waiting.front().due, lane);
  }
}

Senders::Senders(std::mutex& mutex, Hooks& hooks, int threads, std::chrono::milliseconds timeout)
    : mutex_(mutex), hooks_(hooks), timeout_(timeout) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Senders::~Senders() {
  for (std::jthread& thread : threads_) thread.request_stop();
  changed_.notify_all();
}

void Senders::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    std::optional<Outgoing> out = hooks_.take(wall_clock());
    if (!out) {
      const std::optional<core::Time> due = hooks_.next_due();
      const auto until = due ? *due : wall_clock() + std::chrono::seconds(1);
      changed_.wait_until(lock, stop, until, [&] {
        const std::optional<core::Time> next = hooks_.next_due();
        return next && *next <= wall_clock();
      });
      continue;
    }
    lock.unlock();
    const auto begun = std::chrono::steady_clock::now();
    Sent sent;
    const core::Result<net::Url> url = net::parse_url(out->url);
    core::Result<net::Response> answer =
        url ? (out->request.target = url->path, client_.send(*url, out->request, begun + timeout_))
            : std::unexpected(url.error());
    sent.duration = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (answer) {
      sent.status_code = answer->status;
      sent.status =
          answer->status < 300 ? "OK" : "Invalid HTTP Response: " + std::to_string(answer->status);
      sent.answer = std::move(answer->body);
      sent.answer_headers = std::move(answer->headers);
    } else {
      const bool late = answer.error().fault == core::Fault::cancelled;
      sent.status_code = late ? 504 : 502;
      sent.status = late ? "timed out" : "failed to connect to host";
    }
    lock.lock();
    hooks_.finish(out->delivery, out->lane, std::move(sent), wall_clock());
    changed_.notify_all();
  }
}

}  // namespace jitney::sim
