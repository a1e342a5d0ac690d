// SPDX-License-Identifier: Apache-2.0
#include "github/governor.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <thread>

namespace jitney::github {
namespace {

using core::Fault;
using std::chrono::steady_clock;

constexpr core::Duration kBackwards = std::chrono::minutes(1);  // what clocks may be set back
constexpr core::Duration kLongestPause = std::chrono::minutes(65);

std::optional<std::int64_t> number_of(const net::Headers& headers, std::string_view name) {
  const auto text = headers.get(name);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool all = error == std::errc{} && end == text->data() + text->size();
  // Seconds that do not overflow when they become milliseconds.
  return all && number >= 0 && number < (std::int64_t{1} << 40) ? std::optional(number)
                                                                : std::nullopt;
}

std::optional<core::CallBudget> budget_of(const net::Headers& headers) {
  const auto limit = number_of(headers, "x-ratelimit-limit");
  const auto remaining = number_of(headers, "x-ratelimit-remaining");
  const auto reset = number_of(headers, "x-ratelimit-reset");
  if (!limit || !remaining || !reset) return std::nullopt;
  return core::CallBudget{*limit, *remaining, core::Time(std::chrono::seconds(*reset))};
}

}  // namespace

core::Status Governor::paused(Lane lane, core::Time now) const {
  core::Duration wait{0};
  for (const Pause& pause : {everything_, pauses_.at(static_cast<std::size_t>(lane))}) {
    if (now >= pause.from - kBackwards) {
      wait = std::max(wait, std::chrono::duration_cast<core::Duration>(pause.until - now));
    }
  }
  if (wait <= core::Duration(0)) return {};
  return core::fail(
      Fault::throttled,
      "GitHub's rate limit: it asked for patience, " + core::describe(wait) + " more; not called",
      wait);
}

core::Status Governor::admit(Lane lane, bool write, Deadline deadline) {
  Deadline turn{};
  {
    const std::lock_guard lock(mutex_);
    if (auto status = paused(lane, clock_.now()); !status) return status;
    if (!write) return {};
    const Deadline now = steady_clock::now();
    turn = std::max(now, next_write_);
    // Whoever comes late and finds nobody ahead is let through: the call itself ends at its
    // deadline.
    if (turn > now && turn > deadline) {
      const auto wait = std::chrono::ceil<core::Duration>(turn - now);
      return core::fail(
          Fault::throttled,
          "too many writes wait for their turn: " + std::to_string(write_spacing_.count()) +
              " ms lie between two (write_spacing)",
          wait);
    }
    next_write_ = turn + write_spacing_;
  }
  std::this_thread::sleep_until(turn);
  // A write before this one may have been refused meanwhile.
  const std::lock_guard lock(mutex_);
  return paused(lane, clock_.now());
}

void Governor::heard(Lane lane, const net::Headers& headers, const Verdict* refused) {
  const std::lock_guard lock(mutex_);
  const core::Time now = clock_.now();
  const auto budget = budget_of(headers);
  if (lane == Lane::core && budget) budget_ = budget;
  if (refused != nullptr && refused->limit != Limit::none && refused->retry_after) {
    Pause& pause = refused->limit == Limit::secondary ? everything_ : pause_of(lane);
    pause = {now, std::max(pause.until, now + *refused->retry_after)};
    return;
  }
  // The last call of the hour succeeded: the next one would be held against us.
  if (budget && budget->remaining == 0 && budget->resets_at > now) {
    Pause& pause = pause_of(lane);
    pause = {now, std::min(budget->resets_at, now + kLongestPause)};
  }
}

std::optional<core::CallBudget> Governor::budget() const {
  const std::lock_guard lock(mutex_);
  return budget_;
}

}  // namespace jitney::github
