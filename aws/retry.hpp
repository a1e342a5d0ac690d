// SPDX-License-Identifier: Apache-2.0
// How many retries may be made, and how long each waits.
#pragma once

#include <chrono>
#include <mutex>

namespace jitney::aws {

// A token bucket: retries take from it, successes give back. When a service is down for all calls,
// it soon gets one request a call instead of several. Thread-safe.
class RetryBudget {
 public:
  static constexpr int kCapacity = 500;
  static constexpr int kRetry = 5;
  static constexpr int kRetryAfterSilence = 10;  // timeouts hold a connection meanwhile

  // False: no retry now.
  bool take(int cost);
  // After a success: what its last retry took, or one token.
  void give_back(int cost);

 private:
  std::mutex mutex_;
  int tokens_ = kCapacity;
};

// Full jitter: anything between nothing and first * 2^(retry-1), up to the longest. From the
// system's random generator, since many Lambdas begin at the same moment.
std::chrono::milliseconds jittered(std::chrono::milliseconds first,
                                   std::chrono::milliseconds longest, int retry);

}  // namespace jitney::aws
