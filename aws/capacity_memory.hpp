// SPDX-License-Identifier: Apache-2.0
// Which (type, zone, market) had no capacity a while ago, so that the next request leaves it out. A
// hint, kept in the ledger as one note a market, so that every process knows it: a lost update
// costs one refused offering. Thread-safe as far as ledger and clock are.
#pragma once

#include <span>
#include <vector>

#include "aws/fleet_errors.hpp"
#include "core/clock.hpp"
#include "core/ledger.hpp"

namespace jitney::aws {

class CapacityMemory {
 public:
  // Borrowed; they outlive this.
  CapacityMemory(core::Ledger& ledger, core::Clock& clock) : ledger_(ledger), clock_(clock) {}

  // Those that may have capacity now, in their order; all of them when none is left or the ledger
  // cannot be read: asking costs one call, not asking costs a job.
  std::vector<Offering> promising(Market market, std::vector<Offering> offerings);

  // An offering that had none is left out for three minutes, for twice as long each time it is
  // found wanting again, half an hour at most; half an hour after that it is forgotten. One that
  // gave machines, and did not run out of them in the same answer, is forgotten at once.
  void learn(Market market, const FleetAnswer& answer);

 private:
  core::Ledger& ledger_;
  core::Clock& clock_;
};

}  // namespace jitney::aws
