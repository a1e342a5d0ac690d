// SPDX-License-Identifier: Apache-2.0
// Names to addresses with a deadline: getaddrinfo() knows none, so it runs on a thread of its own
// and the caller stops waiting. Private to the client; thread-safe.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace jitney::net {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};
std::string to_string(const Address& address);  // "192.0.2.1"

class Resolver {
 public:
  Resolver();
  ~Resolver();  // waits for a lookup under way: seconds at the worst, as resolv.conf says
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // At least one address, in the system's order of preference. `transient`: no such name, or no
  // answer; `cancelled`: the deadline passed.
  core::Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port,
                                             std::chrono::steady_clock::time_point deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jitney::net
