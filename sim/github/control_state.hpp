// SPDX-License-Identifier: Apache-2.0
// The whole simulation as JSON, for assertions. Times are milliseconds since 1970, or null. Pure.
#pragma once

#include <boost/json.hpp>

#include "sim/github/state.hpp"

namespace jitney::sim {

boost::json::object summary_of(const State& state);  // counts only: cheap to poll
boost::json::object state_of(const State& state);  // summary, jobs, runs, runners, departed, calls
boost::json::array deliveries_of(const State& state);  // oldest first, without payloads
boost::json::array calls_of(const State& state);  // REST calls, oldest first, without credentials

}  // namespace jitney::sim
