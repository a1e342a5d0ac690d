// SPDX-License-Identifier: Apache-2.0
// Stands in for net/wire.cpp in the link: a connection whose peer says what the input says. One
// thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace jitney::fuzz {

struct Peer {
  std::string_view says;  // what is left of it; then it ends in order
  std::size_t piece = 0;  // most bytes that one read gets; 0: as many as it takes
  std::size_t read = 0;   // by us, so far
};
Peer& peer();

}  // namespace jitney::fuzz
