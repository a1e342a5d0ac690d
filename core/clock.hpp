// SPDX-License-Identifier: Apache-2.0
// The wall clock. A port: local::SystemClock, and the fake. Thread-safe. May jump; see sweep.cpp.
#pragma once

#include "core/time.hpp"

namespace jitney::core {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() = 0;
};

}  // namespace jitney::core
