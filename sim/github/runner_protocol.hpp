// SPDX-License-Identifier: Apache-2.0
// What the stand-in runner says to the simulation, under /_sim/runner/. The real runner's protocol
// is private; this one is ours, and README.md describes it. No I/O; the caller holds the lock.
#pragma once

#include <optional>
#include <variant>

#include "net/http.hpp"
#include "sim/github/state.hpp"

namespace jitney::sim {

// A poll that is to be answered later.
struct Hold {
  std::int64_t session = 0;
};
std::variant<net::Response, Hold> answer_runner(State& state, const net::Request& request,
                                                Time now);

// The answer to a poll that is held, if there is one by now: a job, or the end of the session.
std::optional<net::Response> poll_answer(State& state, std::int64_t session, Time now);

}  // namespace jitney::sim
