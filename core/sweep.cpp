// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "core/breaker.hpp"
#include "core/reconcile.hpp"

namespace jitney::core {

namespace {

constexpr std::string_view kLastSweep = "sweep-last";

// A clock that jumped, or a server that slept, makes every deadline look passed: observe first,
// judge next time.
Result<bool> clock_is_steady(const Context& context) {
  const Time now = context.clock.now();
  const auto last = context.ledger.note(kLastSweep);
  if (!last) return std::unexpected(last.error());
  const Status stored =
      context.ledger.put({.key = std::string(kLastSweep), .value = "", .at = now, .expires = {}});
  if (!stored) return std::unexpected(stored.error());
  if (!*last) return false;
  const Duration since = now - (*last)->at;
  return since >= Duration::zero() && since <= 2 * context.deployment.sweep_interval;
}

}  // namespace

bool seen_for_long(const Context& context, const std::string& key) {
  const Time now = context.clock.now();
  const auto seen = context.ledger.note(key);
  if (!seen) return false;
  // A sighting that was not renewed for several sweeps was of something else.
  const Duration stale = context.deployment.orphan_grace + 5 * context.deployment.sweep_interval;
  Duration::rep first = now.time_since_epoch().count();
  if (*seen && (*seen)->expires > now) {
    const std::string& value = (*seen)->value;
    std::from_chars(value.data(), value.data() + value.size(), first);
  }
  static_cast<void>(context.ledger.put(
      {.key = key, .value = std::to_string(first), .at = now, .expires = now + stale}));
  return now - Time(Duration(first)) >= context.deployment.orphan_grace;
}

void note_trouble(Swept& swept, std::string_view where, const Error& error) {
  constexpr std::size_t kMost = 20;
  if (swept.troubles.size() < kMost) {
    swept.troubles.push_back(std::string(where) + ": " + error.what);
  }
}

World observe(const Context& context, Swept& swept) {
  World world;
  auto machines = context.fleet.list();
  if (machines) {
    world.machines_known = true;
    world.machines = std::move(*machines);
    swept.machines = world.machines.size();
  } else {
    note_trouble(swept, "list machines", machines.error());
  }
  for (const auto& [scope, forge] : context.forges) {
    auto registrations = forge->runners();
    note_forge(context, scope, registrations);
    if (!registrations) {
      note_trouble(swept, "list runners of " + scope, registrations.error());
      continue;
    }
    swept.registrations += registrations->size();
    world.registrations[scope] = std::move(*registrations);
  }
  return world;
}

Result<Swept> sweep(const Context& context) {
  Swept swept;
  const World world = observe(context, swept);  // before the ledger: what is new there is no orphan
  const auto steady = clock_is_steady(context);
  if (!steady) return std::unexpected(steady.error());
  const auto live = context.ledger.live_runners();
  if (!live) return std::unexpected(live.error());

  reconcile_machines(context, world, *live, *steady, swept);
  reconcile_registrations(context, world, *live, *steady, swept);
  reconcile_pools(context, *live, *steady, swept);
  question_jobs(context, swept);
  redeliver_webhooks(context, swept);

  const Time now = context.clock.now();
  const auto pruned = context.ledger.prune(now - context.deployment.retention, now);
  if (pruned) {
    swept.pruned = *pruned;
  } else {
    note_trouble(swept, "prune", pruned.error());
  }
  return swept;
}

}  // namespace jitney::core
