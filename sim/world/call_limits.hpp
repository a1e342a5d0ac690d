// SPDX-License-Identifier: Apache-2.0
// GitHub's limits on calls: so many an hour, and the secondary ones that no header announces. One
// thread.
#pragma once

#include "core/forge.hpp"
#include "sim/world/pace.hpp"

namespace jitney::sim {

enum class CallKind { read, write, create };  // GET; other methods; those that make content

class CallLimits {
 public:
  // `an_hour`: what others leave of the primary limit.
  CallLimits(int an_hour, core::Time start, const Pace& pace = {})
      : most_points_(pace.points),
        most_created_(pace.created),
        an_hour_(an_hour),
        hour_(start),
        minute_(start) {}

  // Counts one call, refused ones too. `throttled` with the time to wait.
  core::Status spend(CallKind kind, core::Time now);
  [[nodiscard]] std::optional<core::CallBudget> budget() const;
  // Until when it told us to wait.
  [[nodiscard]] core::Time told_until() const { return told_until_; }
  // Others leave us all of it from now on.
  void relieve();

 private:
  const int most_points_;
  const int most_created_;
  int an_hour_;
  core::Time hour_;
  int calls_ = 0;  // since hour_
  core::Time minute_;
  int points_ = 0;  // since minute_
  int created_ = 0;
  bool called_ = false;
  core::Time told_until_{};
};

}  // namespace jitney::sim
