// SPDX-License-Identifier: Apache-2.0
#include "aws/backoff.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>

#include "net/crypto.hpp"

namespace jitney::aws {

void Backoff::pause() {
  const std::string bytes = net::random_bytes(sizeof(std::uint32_t));
  std::uint32_t random = 0;
  std::memcpy(&random, bytes.data(), sizeof random);
  const auto longest = static_cast<std::uint64_t>(next_.count());
  std::this_thread::sleep_for(std::chrono::milliseconds(random % (longest + 1)));
  next_ = std::min(next_ * 2, longest_);
}

}  // namespace jitney::aws
