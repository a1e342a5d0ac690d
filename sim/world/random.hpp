// SPDX-License-Identifier: Apache-2.0
// Seeded random choices that are the same on every machine: the generator is standardised, and the
// distributions of <random>, which are not, are not used. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "core/time.hpp"
#include "sim/world/pace.hpp"

namespace jitney::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // 0 <= result < bound; bound > 0. The bias of the remainder is far below what a simulation can
  // see.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  int between(int low, int high) {
    return low + static_cast<int>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  core::Duration between(core::Duration low, core::Duration high) {
    return low + core::Duration(below(static_cast<std::uint64_t>((high - low).count()) + 1));
  }
  core::Duration between(const Span& span) { return between(span.least, span.most); }
  bool chance(int per_mille) { return below(1000) < static_cast<std::uint64_t>(per_mille); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }
  std::uint64_t fork() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace jitney::sim
