// SPDX-License-Identifier: Apache-2.0
// A clock that stands still until it is told. Thread-safe.
#pragma once

#include <atomic>

#include "core/clock.hpp"

namespace jitney::fakes {

class FakeClock final : public core::Clock {
 public:
  static constexpr core::Time kStart{core::Duration{1'800'000'000'000}};

  explicit FakeClock(core::Time start = kStart) : now_(start) {}
  core::Time now() override { return now_.load(); }
  void set(core::Time now) { now_.store(now); }
  // Backwards too: real clocks do.
  void advance(core::Duration by) {
    core::Time old = now_.load();
    while (!now_.compare_exchange_weak(old, old + by)) {
    }
  }

 private:
  std::atomic<core::Time> now_;
};

}  // namespace jitney::fakes
