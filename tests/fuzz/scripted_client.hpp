// SPDX-License-Identifier: Apache-2.0
// Stands in for net/http_client.cpp in the link: what GitHub or AWS answers is what the input says.
// One thread.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace jitney::fuzz {

struct Script {
  std::deque<net::Response> answers;  // given once each, from the front; then nobody answers
  std::vector<net::Request> asked;
};
Script& script();
// A new script from text: of each answer a status, header lines, an empty line and the body, with a
// line "---" between two answers. At most eight.
void read_script(std::string_view text);

}  // namespace jitney::fuzz
