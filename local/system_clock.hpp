// SPDX-License-Identifier: Apache-2.0
// The machine's wall clock. Thread-safe.
#pragma once

#include "core/clock.hpp"

namespace jitney::local {

class SystemClock final : public core::Clock {
 public:
  core::Time now() override {
    return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
  }
};

}  // namespace jitney::local
