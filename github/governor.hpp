// SPDX-License-Identifier: Apache-2.0
// Keeps one set of credentials within GitHub's limits: no call at all while GitHub asks for
// patience, writes at a distance, and how much of the hour is left. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <optional>

#include "core/clock.hpp"
#include "core/forge.hpp"
#include "github/faults.hpp"
#include "net/http.hpp"

namespace jitney::github {

// Calls whose primary limits GitHub counts apart.
enum class Lane {
  core,
  registration,  // generate-jitconfig: x-ratelimit-resource actions_runner_registration
  app,           // with the App's own JWT
};

// GitHub allows 900 points a minute, a write costs 5: 180 writes a minute are the most that can go
// well, 333 ms apart. 400 ms leave room for reads. (It recommends a whole second, which is what
// the configuration starts with; a burst of launches may want to be quicker.)
// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
inline constexpr core::Duration kWriteSpacing{400};

class Governor {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Governor(core::Clock& clock, core::Duration write_spacing = kWriteSpacing)
      : clock_(clock), write_spacing_(write_spacing) {}

  // Before each call. Waits for a write's turn, never for a limit: `throttled` with the rest of the
  // wait while one runs, or when the turn comes after `deadline`.
  core::Status admit(Lane lane, bool write, Deadline deadline);

  // After each answer; `refused` is null for a success.
  void heard(Lane lane, const net::Headers& headers, const Verdict* refused);

  // Of Lane::core, as of the last answer.
  [[nodiscard]] std::optional<core::CallBudget> budget() const;

 private:
  // A wall clock that jumps back must not make a minute's wait last a day: both ends are kept.
  struct Pause {
    core::Time from{};
    core::Time until{};
  };
  [[nodiscard]] core::Status paused(Lane lane, core::Time now) const;
  Pause& pause_of(Lane lane) { return pauses_.at(static_cast<std::size_t>(lane)); }

  core::Clock& clock_;
  const core::Duration write_spacing_;
  mutable std::mutex mutex_;  // of all below; never held while waiting or calling
  std::array<Pause, 3> pauses_;
  Pause everything_;
  Deadline next_write_{};
  std::optional<core::CallBudget> budget_;
};

}  // namespace jitney::github
