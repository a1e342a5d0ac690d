// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "sim/world/hub.hpp"

namespace jitney::sim {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kFirstDelivery = 12'000'000'001;
constexpr Duration kAnswerWithin = 10s;  // GitHub's time-out

}  // namespace

void Hub::queue(const WorkflowSpec& spec) {
  static_cast<void>(world_.queue(spec, scheduler_.now()));
  tick();
}

void Hub::cancel(std::int64_t job) {
  static_cast<void>(world_.cancel_job(job, scheduler_.now()));
  tick();
}

void Hub::rerun(std::int64_t run) {
  static_cast<void>(world_.rerun(run, false, scheduler_.now()));
  tick();
}

void Hub::approve(std::int64_t job) {
  static_cast<void>(world_.approve(job, scheduler_.now()));
  tick();
}

void Hub::add_neighbours() {
  for (const char* name : {"-east-cpu-1", "-east-gpu-12", "2-cpu-1", "-cpu-east-1"}) {
    world_.add_foreign({.scope = {ScopeKind::organization, "acme"},
                        .name = deployment_ + name,
                        .group_id = 1,
                        .labels = {"self-hosted", "east"},
                        .ephemeral = true},
                       1min, scheduler_.now());
  }
}

void Hub::add_thief(const std::vector<std::string>& labels, Duration lives) {
  const Runner& thief =
      world_.add_foreign({.scope = {ScopeKind::organization, "acme"},
                          .name = "other-" + std::to_string(random_.below(1u << 30)),
                          .group_id = 1,
                          .labels = labels,
                          .ephemeral = true},
                         random_.between(Duration(10s), Duration(10min)), scheduler_.now());
  const std::int64_t id = thief.id;
  scheduler_.after(lives,
                   [this, id] { static_cast<void>(world_.remove_runner(id, scheduler_.now())); });
  tick();
}

void Hub::tick() {
  world_.tick(scheduler_.now());
  tell_all();
}

void Hub::tell_all() {
  for (const Event& event : world_.take_events()) {
    Webhook hook;
    if (event.of_run) {
      hook.run = "acme " + world_.repository(event.run.repository)->full_name() + " " +
                 std::to_string(event.run.id);
    } else {
      hook.job = event_of(event.job);
      hook.job.source = "webhook";
    }
    send("guid-" + std::to_string(deliveries_.size()) + "-" +
             std::to_string(random_.below(1u << 30)),
         hook);
  }
}

void Hub::send(std::string guid, const Webhook& hook) {
  const bool end = hook.run.empty() && hook.job.status == core::JobStatus::completed;
  if (random_.chance(end ? mix_.end_vanished : mix_.webhook_vanished)) return;
  const int copies = random_.chance(mix_.webhook_twice) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    deliveries_.push_back({.id = kFirstDelivery + static_cast<std::int64_t>(deliveries_.size()),
                           .guid = guid,
                           .hook = hook,
                           .at = scheduler_.now(),
                           .ok = false});
    const Duration delay = random_.chance(mix_.webhook_late)
                               ? random_.between(Duration(0), Duration(6min))
                               : random_.between(pace_.webhook);
    const std::size_t index = deliveries_.size() - 1;
    scheduler_.after(delay, [this, index] { deliver(index); });
  }
}

// An answer that comes too late is none: the delivery failed, whatever we made of it.
void Hub::deliver(std::size_t index) {
  deliveries_[index].at = scheduler_.now();
  if (losing_ > 0) {
    --losing_;
    return;
  }
  if (random_.chance(mix_.webhook_lost)) return;
  Webhook hook = deliveries_[index].hook;
  hook.job.seen_at = scheduler_.now();
  hooks_.webhook(hook, [this, index](bool accepted) {
    Delivery& delivery = deliveries_[index];
    delivery.ok = accepted && scheduler_.now() - delivery.at <= kAnswerWithin;
  });
}

core::Result<core::Deliveries> Hub::failed_deliveries(core::Time since) {
  if (auto ok = usable(CallKind::read); !ok) return std::unexpected(ok.error());
  core::Deliveries found;
  found.seen_until = since;
  std::set<std::string> succeeded;
  for (const Delivery& delivery : deliveries_) {
    if (delivery.ok) succeeded.insert(delivery.guid);
  }
  const core::Time answered = scheduler_.now() - kAnswerWithin;  // younger ones are under way
  for (const Delivery& delivery : deliveries_) {
    if (delivery.at < since || delivery.at > answered) continue;
    found.seen_until = std::max(found.seen_until, delivery.at);
    if (!delivery.ok && !succeeded.contains(delivery.guid)) {
      found.failed.push_back({.id = delivery.id, .guid = delivery.guid, .at = delivery.at});
    }
  }
  return found;
}

std::vector<std::string> Hub::forgotten_deliveries() const {
  std::map<std::string, std::pair<int, bool>> by_guid;  // tries, success
  for (const Delivery& delivery : deliveries_) {
    auto& [tries, ok] = by_guid[delivery.guid];
    ++tries;
    ok |= delivery.ok;
  }
  std::vector<std::string> forgotten;
  for (const auto& [guid, seen] : by_guid) {
    if (seen.first == 1 && !seen.second) forgotten.push_back(guid);
  }
  return forgotten;
}

core::Status Hub::redeliver(std::int64_t id) {
  if (auto ok = usable(CallKind::write); !ok) return ok;
  const std::int64_t place = id - kFirstDelivery;
  if (place < 0 || place >= static_cast<std::int64_t>(deliveries_.size())) {
    return core::fail(core::Fault::not_found, "no delivery " + std::to_string(id));
  }
  Delivery again = deliveries_[static_cast<std::size_t>(place)];
  again.id = kFirstDelivery + static_cast<std::int64_t>(deliveries_.size());
  again.at = scheduler_.now();
  again.ok = false;
  deliveries_.push_back(std::move(again));
  const std::size_t index = deliveries_.size() - 1;
  scheduler_.after(random_.between(pace_.webhook), [this, index] { deliver(index); });
  return {};
}

}  // namespace jitney::sim
