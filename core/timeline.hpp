// SPDX-License-Identifier: Apache-2.0
// The words of the timeline: what changed, for a person who reads `jitney explain`. Pure; every
// ledger writes these, so that they read alike everywhere.
#pragma once

#include <string>

#include "core/ledger.hpp"

namespace jitney::core {

// `before` is null when the job is new.
std::string job_change(const Job* before, const Job& after, const JobEvent& event);
std::string job_failure(const Job& after);
std::string job_death(const Death& death);
std::string runner_change(const Runner& before, const Runner& after, Event event);
std::string claim_text(const Batch& batch);

// Whether the change took something away from demand or supply, so that the pool's version must
// rise (PoolState in core/ledger.hpp).
bool lowers_demand(const Job* before, const Job& after);
bool lowers_supply(const Runner& before, const Runner& after);

}  // namespace jitney::core
