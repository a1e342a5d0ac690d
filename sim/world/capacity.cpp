// SPDX-License-Identifier: Apache-2.0
#include "sim/world/capacity.hpp"

#include <algorithm>

namespace jitney::sim {

using namespace std::chrono_literals;

namespace {

constexpr int kPlenty = 1'000;

}  // namespace

int Capacity::take(const Offering& offering, int wanted, core::Time now) {
  Stretch& stretch = stretches_[offering];
  const bool calm = mix_.no_capacity == 0;
  if (now >= stretch.until || calm) {
    // On demand runs out too, a third as often.
    const bool scarce = random_.chance(offering.spot ? mix_.no_capacity : mix_.no_capacity / 3);
    stretch.until = now + random_.between(core::Duration(2min), core::Duration(40min));
    stretch.left = scarce ? random_.between(0, 3) : kPlenty;
  }
  const int given = std::min(wanted, stretch.left);
  stretch.left -= given;
  return given;
}

}  // namespace jitney::sim
