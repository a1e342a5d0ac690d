// SPDX-License-Identifier: Apache-2.0
// The planner: what one pool needs now. Pure: the same input gives the same plan, and carrying a
// plan out twice does nothing the second time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/ledger.hpp"
#include "core/pool.hpp"

namespace jitney::core {

// What the planner must know beside the pool's rows.
struct Conditions {
  // GitHub cannot be reached: nothing is launched or minted, forge-bound deadlines stand still.
  bool forge_down = false;
  Time forge_down_until{};
  // When GitHub last became reachable again; forge-bound deadlines count from here at the earliest.
  Time forge_since{};
  // The clock jumped: observe, judge next time. No deadline is enforced, no surplus taken.
  bool observe_only = false;
  int batch_size = 50;
};

struct Plan {
  int demand = 0;
  int supply = 0;
  int live = 0;

  // Runners to claim now, and the oldest eligible jobs they are for: not those that other supply
  // was launched for, and none for the runners that are to be warm.
  int deficit = 0;
  std::vector<JobId> jobs;

  // `ready` runners (and `starting` ones whose lease ended) to mint and start for waiting jobs.
  std::vector<RunnerName> start;

  struct Stop {
    RunnerName name;
    Event event = Event::stop_requested;  // or job_overdue
    std::string reason;
    bool failure = false;  // counts as a failed launch or start for the job it was for
  };
  std::vector<Stop> stop;

  std::vector<BatchId> follow;  // open batches whose next try is due

  // The next moment at which time alone changes this plan for launching; nullopt: none known.
  std::optional<Time> wake_at;
};

Plan plan(const Pool& pool, const Snapshot& snapshot, const Conditions& conditions, Time now);

// The batch that carries out `plan.deficit`: names, numbers, jobs, deadline. Without its request.
Batch make_batch(const std::string& deployment, const Pool& pool, const PoolState& state,
                 const Plan& plan, Time now);

}  // namespace jitney::core
