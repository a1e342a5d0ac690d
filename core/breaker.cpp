// SPDX-License-Identifier: Apache-2.0
#include "core/breaker.hpp"

#include <charconv>

namespace jitney::core {

namespace {

constexpr Duration kOpenFor = std::chrono::minutes(1);

std::string since_key(std::string_view scope) { return "forge-since/" + std::string(scope); }

Time parse_time(const std::string& text) {
  Duration::rep count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return Time(Duration(count));
}

void open(const Context& context, std::string_view scope, const Error& error, Time now) {
  const Time until = now + std::max(error.retry_after.value_or(kOpenFor), Duration(1'000));
  const std::string key = breaker_key(scope);
  const auto old = context.ledger.note(key);
  if (old && *old && (*old)->expires >= until) return;
  // A lost note only means that the next call to GitHub fails again and writes it.
  static_cast<void>(
      context.ledger.put({.key = key, .value = error.what, .at = now, .expires = until}));
}

void close(const Context& context, std::string_view scope, Time now) {
  const std::string key = breaker_key(scope);
  const auto old = context.ledger.note(key);
  if (!old || !*old) return;
  // First from when deadlines count again, then that they count: the other order would end runners.
  const Status since = context.ledger.put({.key = since_key(scope),
                                           .value = std::to_string(now.time_since_epoch().count()),
                                           .at = now,
                                           .expires = {}});
  if (since) static_cast<void>(context.ledger.erase_note(key));
}

}  // namespace

std::string breaker_key(std::string_view scope) { return "breaker/" + std::string(scope); }

void note_forge(const Context& context, std::string_view scope, const Status& outcome) {
  const Time now = context.clock.now();
  if (!outcome && outcome.error().fault == Fault::cancelled) return;  // our deadline, not GitHub's
  if (!outcome &&
      (outcome.error().fault == Fault::transient || outcome.error().fault == Fault::throttled)) {
    open(context, scope, outcome.error(), now);
  } else {
    close(context, scope, now);
  }
}

Conditions launch_conditions(const Context& context, const Note* breaker) {
  Conditions conditions;
  conditions.batch_size = context.deployment.batch_size;
  conditions.observe_only = true;
  if (breaker != nullptr) {
    // An expired breaker lets the next call try.
    conditions.forge_down = breaker->expires > context.clock.now();
    conditions.forge_down_until = breaker->expires;
  }
  return conditions;
}

Result<Conditions> conditions(const Context& context, std::string_view scope) {
  // In this order, as close() writes them: a breaker that is gone has its `since` already.
  const auto breaker = context.ledger.note(breaker_key(scope));
  if (!breaker) return std::unexpected(breaker.error());
  const auto since = context.ledger.note(since_key(scope));
  if (!since) return std::unexpected(since.error());
  Conditions conditions = launch_conditions(context, *breaker ? &**breaker : nullptr);
  conditions.observe_only = false;
  if (*since) conditions.forge_since = parse_time((*since)->value);
  // Until a call succeeds, deadlines stand still.
  if (*breaker) conditions.forge_since = context.clock.now();
  return conditions;
}

}  // namespace jitney::core
