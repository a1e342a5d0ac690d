// SPDX-License-Identifier: Apache-2.0
// Everything that a simulated GitHub knows. One mutex of SimGithub guards it as a whole.
#pragma once

#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "sim/github/accounts.hpp"
#include "sim/github/deliveries.hpp"
#include "sim/github/faults.hpp"
#include "sim/github/rsa.hpp"
#include "sim/github/world.hpp"

namespace jitney::sim {

// One REST call as it arrived, without its credentials.
struct Call {
  Time at{};
  std::string method;
  std::string target;
  std::string route;  // pattern, "?" when there is none
  std::string content_type;
  std::string accept;
  std::string body;
  int status = 0;
};

struct State {
  State(Rules rules, std::uint64_t seed) : world(rules, seed), hooks(seed + 1), random(seed + 2) {}

  World world;
  Accounts accounts;
  Hooks hooks;
  Faults faults;
  std::mt19937_64 random;
  std::string base;  // "http://127.0.0.1:1234"
  RsaParams runner_key;
  std::string runner_public_pem;
  std::map<std::string, std::int64_t, std::less<>> runner_tokens;  // access token -> runner
  std::map<std::string, std::map<int, std::int64_t>> counts;  // "GET /x/{y}" -> status -> calls
  std::deque<Call> calls;                                     // the last ones
  std::vector<std::string> secrets;  // all that were handed out, for tests that look for leaks
};

// Queues the webhooks for what has happened in the world since the last call.
void publish(State& state, Time now);
void ping(State& state, const Hook& hook, Time now);

}  // namespace jitney::sim
