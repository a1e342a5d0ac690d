// SPDX-License-Identifier: Apache-2.0
// The people at GitHub: they queue, cancel, re-run and approve, whatever the core does. One thread.
#pragma once

#include "sim/world/hub.hpp"
#include "sim/world/mix.hpp"
#include "sim/world/random.hpp"
#include "sim/world/scheduler.hpp"

namespace jitney::sim {

class Users {
 public:
  // `choices` is theirs alone, so that a seed's jobs are the same whatever else happens.
  Users(Scheduler& scheduler, Random& choices, const Mix& mix, Hub& hub)
      : scheduler_(scheduler), choices_(choices), mix_(mix), hub_(hub) {}

  // What they will do in the hours of trouble.
  void plan(core::Duration trouble);
  // A few more jobs, some time within `span` from now.
  void plan_late(core::Duration span);
  // Nobody leaves a job behind a gate.
  void approve_all();

 private:
  [[nodiscard]] WorkflowSpec workflow(int jobs);
  void meddle();
  void cancel_one();
  void rerun_one();

  Scheduler& scheduler_;
  Random& choices_;
  const Mix& mix_;
  Hub& hub_;
};

}  // namespace jitney::sim
