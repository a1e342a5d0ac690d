// SPDX-License-Identifier: Apache-2.0
// Which hooks hear of what happened in the world.
#include "sim/github/bodies.hpp"
#include "sim/github/state.hpp"

namespace jitney::sim {
namespace {

// The installation through which an App's hook sees the repository; null: it does not.
const Installation* seen_through(const State& state, const Hook& hook, const Repository& where) {
  for (const Installation& each : state.accounts.installations) {
    if (std::to_string(each.app_id) == hook.owner && same_name(each.account, where.owner) &&
        (each.repositories.empty() || each.repositories.contains(where.full_name()))) {
      return &each;
    }
  }
  return nullptr;
}

bool hears(const State& state, const Hook& hook, const Repository& where) {
  switch (hook.kind) {
    case HookKind::app:
      return seen_through(state, hook, where) != nullptr;
    case HookKind::organization:
      return same_name(hook.owner, where.owner);
    case HookKind::repository:
      return same_name(hook.owner, where.full_name());
  }
  return false;
}

}  // namespace

void publish(State& state, Time now) {
  const std::vector<Event> events = state.world.take_events();
  if (events.empty()) return;
  const Bodies bodies(state.world, state.accounts, state.base);
  for (const Event& event : events) {
    const Repository& where = *state.world.repository(event.run.repository);
    HookEvent notice;
    notice.event = event.of_run ? "workflow_run" : "workflow_job";
    notice.action = event.action;
    notice.lane = event.of_run ? "run/" + std::to_string(event.run.id)
                               : "job/" + std::to_string(event.job.id);
    notice.repository_id = where.id;
    for (const auto& hook : state.hooks.all()) {
      if (!hears(state, *hook, where)) continue;
      const Installation* through =
          hook->kind == HookKind::app ? seen_through(state, *hook, where) : nullptr;
      notice.installation_id = through != nullptr ? through->id : 0;
      notice.payload = bodies.event_payload(event, through);
      state.hooks.send(*hook, notice, state.faults.webhooks, now);
    }
  }
}

void ping(State& state, const Hook& hook, Time now) {
  const Bodies bodies(state.world, state.accounts, state.base);
  HookEvent notice;
  notice.event = "ping";
  notice.lane = "ping";
  notice.payload = bodies.ping_payload(hook);
  WebhookFaults none;
  state.hooks.send(hook, notice, none, now);
}

}  // namespace jitney::sim
