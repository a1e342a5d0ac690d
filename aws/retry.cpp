// SPDX-License-Identifier: Apache-2.0
#include "aws/retry.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "net/crypto.hpp"

namespace jitney::aws {

bool RetryBudget::take(int cost) {
  const std::lock_guard lock(mutex_);
  if (tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void RetryBudget::give_back(int cost) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::min(kCapacity, tokens_ + std::max(cost, 1));
}

std::chrono::milliseconds jittered(std::chrono::milliseconds first,
                                   std::chrono::milliseconds longest, int retry) {
  const int doublings = std::clamp(retry - 1, 0, 20);
  const auto most = std::min(longest, first * (std::int64_t{1} << doublings));
  if (most <= std::chrono::milliseconds::zero()) return std::chrono::milliseconds::zero();
  std::uint64_t random = 0;
  for (const char c : net::random_bytes(sizeof random)) {
    random = random << 8 | static_cast<unsigned char>(c);
  }
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(random % static_cast<std::uint64_t>(most.count() + 1)));
}

}  // namespace jitney::aws
