// SPDX-License-Identifier: Apache-2.0
// What EC2 can give of a type in a zone, spot or on demand, as it changes over the hours. One
// thread; deterministic.
#pragma once

#include <compare>
#include <map>
#include <string>

#include "sim/world/mix.hpp"
#include "sim/world/random.hpp"

namespace jitney::sim {

struct Offering {
  std::string type;
  std::string zone;
  bool spot = true;
  friend auto operator<=>(const Offering&, const Offering&) = default;
};

class Capacity {
 public:
  Capacity(Random& random, const Mix& mix) : random_(random), mix_(mix) {}

  // Takes up to `wanted`; how many there were.
  int take(const Offering& offering, int wanted, core::Time now);

 private:
  struct Stretch {  // of hours that are alike
    core::Time until{};
    int left = 0;
  };
  Random& random_;
  const Mix& mix_;
  std::map<Offering, Stretch> stretches_;
};

}  // namespace jitney::sim
