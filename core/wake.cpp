// SPDX-License-Identifier: Apache-2.0
#include "core/wake.hpp"

#include <algorithm>

namespace jitney::core {

namespace {

// Not worth a message of its own.
constexpr Duration kLittleLater = std::chrono::seconds(1);
constexpr Duration kLongestDelay = std::chrono::minutes(15);

}  // namespace

Status wake_at(const Context& context, const std::string& pool, Time at, const std::string& why) {
  const Time now = context.clock.now();
  const Duration delay = std::clamp(at - now, Duration::zero(), kLongestDelay);
  const std::string key = "wake/" + pool;
  const auto under_way = context.ledger.note(key);
  if (!under_way) return std::unexpected(under_way.error());
  if (*under_way) {
    const Time due = (*under_way)->expires;
    if (due > now && due <= now + delay + kLittleLater) return {};
  }
  const Status pushed = context.queue.push(
      {.kind = MessageKind::create_runner, .key = pool, .detail = why}, delay, now);
  if (!pushed) return pushed;
  // After the message: one too many does less harm than none.
  return context.ledger.put(
      {.key = key, .value = why, .at = now, .expires = now + std::max(delay, kLittleLater)});
}

}  // namespace jitney::core
