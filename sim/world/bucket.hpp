// SPDX-License-Identifier: Apache-2.0
// A token bucket, as EC2 meters each action of an account. One thread.
#pragma once

#include <algorithm>

#include "core/time.hpp"

namespace jitney::sim {

class Bucket {
 public:
  // `most` tokens, `per_second` come back; `load`: per mille of them that others use up.
  Bucket(int most, int per_second, core::Time start, int load)
      : most_(most * (kAll - load)),
        per_second_(per_second * (kAll - load)),
        left_(most_),
        at_(start) {}

  // false: throttled, and nothing was taken.
  bool take(core::Time now) {
    const auto passed = std::clamp<std::int64_t>((now - at_).count(), 0, kLongest);
    left_ = std::min<std::int64_t>(most_, left_ + passed * per_second_ / kMilliseconds);
    at_ = now;
    if (left_ < kAll) return false;
    left_ -= kAll;
    return true;
  }

  // Others leave the account alone from now on.
  void relieve(int most, int per_second) {
    most_ = most * kAll;
    per_second_ = per_second * kAll;
  }

 private:
  static constexpr int kAll = 1000;  // one token
  static constexpr std::int64_t kMilliseconds = 1000;
  static constexpr std::int64_t kLongest = 24LL * 3600 * kMilliseconds;
  std::int64_t most_;
  std::int64_t per_second_;
  std::int64_t left_;
  core::Time at_;
};

}  // namespace jitney::sim
