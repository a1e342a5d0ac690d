// SPDX-License-Identifier: Apache-2.0
// Stands in for net/http_client.cpp in the link: what GitHub answers is what the input says. One
// thread.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "net/http.hpp"

namespace jitney::fuzz {

struct Script {
  std::deque<net::Response> answers;  // given once each, from the front; then nobody answers
  std::vector<net::Request> asked;
};
Script& script();

}  // namespace jitney::fuzz
