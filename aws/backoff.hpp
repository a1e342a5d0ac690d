// SPDX-License-Identifier: Apache-2.0
// Short waits between tries that met another writer: full jitter, doubling, bounded. One thread.
#pragma once

#include <chrono>

namespace jitney::aws {

class Backoff {
 public:
  explicit Backoff(std::chrono::milliseconds first = std::chrono::milliseconds(10),
                   std::chrono::milliseconds longest = std::chrono::milliseconds(400))
      : next_(first), longest_(longest) {}
  // Sleeps for a random part of the present wait, and doubles it.
  void pause();

 private:
  std::chrono::milliseconds next_;
  std::chrono::milliseconds longest_;
};

}  // namespace jitney::aws
