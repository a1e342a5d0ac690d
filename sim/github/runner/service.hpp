// SPDX-License-Identifier: Apache-2.0
// The stand-in runner's conversation with the simulated GitHub. Thread-safe after `authenticate`.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/secret.hpp"
#include "net/http_client.hpp"
#include "sim/github/jit.hpp"

namespace jitney::sim::runner {

struct Reply {
  int status = 0;
  boost::json::value body;
};

class Service {
 public:
  explicit Service(JitConfiguration configuration);

  // `not_found`: invalid_client, the registration is gone. `transient`: no answer, or 5xx.
  core::Status authenticate();
  // Any answer is a success here, but 5xx, which is `transient`.
  core::Result<Reply> call(const char* method, const std::string& path,
                           const boost::json::value* body = nullptr,
                           std::chrono::seconds within = std::chrono::seconds(15));

 private:
  core::Result<Reply> exchange(net::Request request, const std::string& url,
                               std::chrono::seconds within);

  JitConfiguration configuration_;
  core::Secret token_;
  net::HttpClient client_;
};

}  // namespace jitney::sim::runner
