// SPDX-License-Identifier: Apache-2.0
// What led to a violation, for people: the last lines of all whom it concerns.
#pragma once

#include <string>
#include <vector>

#include "core/ledger.hpp"

namespace jitney::sim {

// The end of each subject's timeline, in order; with a runner its job, batch and pool, with a batch
// its jobs, runners and pool. A pool shows what it holds now.
std::vector<std::string> tell_story(core::Ledger& ledger, const std::vector<std::string>& subjects);

}  // namespace jitney::sim
