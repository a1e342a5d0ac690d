// SPDX-License-Identifier: Apache-2.0
// The control API under /_sim/: turn knobs, queue workflows, read everything. For people and tests;
// the caller holds the lock. README.md lists it.
#pragma once

#include "net/http.hpp"
#include "sim/github/state.hpp"

namespace jitney::sim {

net::Response answer_control(State& state, const net::Request& request, Time now);

}  // namespace jitney::sim
