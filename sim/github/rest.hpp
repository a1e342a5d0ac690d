// SPDX-License-Identifier: Apache-2.0
// GitHub's REST API over a State: paths, status codes, bodies and headers. No I/O; the caller holds
// the lock on the State.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "sim/github/bodies.hpp"
#include "sim/github/state.hpp"

namespace jitney::sim {

struct Answer {
  net::Response response;
  Duration delay{0};  // to be sent only after this
};

Answer answer_rest(State& state, const net::Request& request, Time now);

// What a route's function works on.
struct Exchange {
  State& state;
  const net::Request& request;
  Time now;
  Identity who;
  std::vector<std::string> vars;  // of the path, in order, decoded
  std::string prefix;             // "" or "/api/v3"
  Bodies bodies;

  // "owner/repo" of the first two variables.
  [[nodiscard]] std::string full_name() const { return vars[0] + "/" + vars[1]; }
  // The variable as a number; 0 when it is none.
  [[nodiscard]] std::int64_t id(std::size_t index) const;
};

struct Route {
  const char* method;
  const char* pattern;
  net::Response (*answer)(Exchange&);
};

// The tables, one for each noun.
const std::vector<Route>& account_routes();
const std::vector<Route>& runner_routes();
const std::vector<Route>& run_routes();
const std::vector<Route>& hook_routes();

net::Response json_answer(int status, const json::value& body);
net::Response no_content(int status = 204);
net::Response refusal(int status, const std::string& message);  // GitHub's error body
net::Response not_found();
// {"total_count": n, "<key>": [...]} of the page that was asked for, with Link; or the bare array
// when `key` is empty. `items` are all there are.
net::Response page_of(const Exchange& exchange, const std::string& key,
                      const std::vector<json::value>& items);
// The variables of `path`, if it has the shape of `pattern`.
std::optional<std::vector<std::string>> match_path(std::string_view pattern, std::string_view path);
// Where the path's variables place a runner; its id, if any, is the variable at `next`.
struct Placed {
  Scope scope;
  std::size_t next;
};
Placed scope_of(const Exchange& exchange);

}  // namespace jitney::sim
