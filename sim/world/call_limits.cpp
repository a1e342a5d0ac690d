// SPDX-License-Identifier: Apache-2.0
#include "sim/world/call_limits.hpp"

#include <algorithm>

namespace jitney::sim {

using namespace std::chrono_literals;

namespace {

constexpr int kPrimary = 5'000;

int points(CallKind kind) { return kind == CallKind::read ? 1 : 5; }

}  // namespace

core::Status CallLimits::spend(CallKind kind, core::Time now) {
  if (now - hour_ >= 1h) {
    hour_ = now;
    calls_ = 0;
  }
  if (now - minute_ >= 1min) {
    minute_ = now;
    points_ = created_ = 0;
  }
  called_ = true;
  if (calls_ >= an_hour_) {
    told_until_ = hour_ + 1h;
    return core::fail(core::Fault::throttled, "API rate limit exceeded", hour_ + 1h - now);
  }
  ++calls_;
  points_ += points(kind);
  created_ += kind == CallKind::create ? 1 : 0;
  if (points_ > most_points_ || created_ > most_created_) {
    return core::fail(core::Fault::throttled, "secondary rate limit", minute_ + 1min - now);
  }
  return {};
}

std::optional<core::CallBudget> CallLimits::budget() const {
  if (!called_) return std::nullopt;
  return core::CallBudget{
      .limit = an_hour_, .remaining = std::max(0, an_hour_ - calls_), .resets_at = hour_ + 1h};
}

void CallLimits::relieve() { an_hour_ = kPrimary; }

}  // namespace jitney::sim
