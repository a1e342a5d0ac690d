// SPDX-License-Identifier: Apache-2.0
// A stub in front of moto that does what AWS does on a bad day: answers that are lost after the
// effect, 5xx before it, throttles, transactions that meet another. It plays the part of client
// request tokens too, which moto does not know: a transaction that happened is not sent on twice.
// The seed decides; the same seed and the same calls give the same day. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>

#include "aws/client.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"

namespace jitney::tests {

class Trouble {
 public:
  // `percent` of all calls go wrong.
  Trouble(std::uint32_t seed, int percent);

  // Through this. Its calls are tried a few times only, so that callers see faults too.
  [[nodiscard]] std::unique_ptr<aws::Client> client() const;
  // How often each kind of trouble came, by name.
  [[nodiscard]] std::map<std::string, int> seen();
  // Calls since the last time that this was asked, by operation.
  [[nodiscard]] std::map<std::string, int> calls();

 private:
  enum class Kind { none, unavailable, lost, throttled, conflict };
  Kind next(std::string_view operation);
  net::Response serve(const net::Request& request);
  net::Response forward(const net::Request& request);

  std::mutex mutex_;  // of all below
  std::minstd_rand random_;
  int percent_;
  std::map<std::string, int> seen_;
  std::map<std::string, int> calls_;
  std::set<std::string> happened_;  // tokens
  net::HttpClient moto_{net::ClientOptions{}};
  std::unique_ptr<net::HttpServer> server_;  // last: its threads use all the above
};

}  // namespace jitney::tests
