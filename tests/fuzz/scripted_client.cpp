// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/scripted_client.hpp"

#include "net/http_client.hpp"

namespace jitney::fuzz {

Script& script() {
  static Script current;
  return current;
}

}  // namespace jitney::fuzz

namespace jitney::net {

struct HttpClient::Impl {};

HttpClient::HttpClient(ClientOptions) {}
HttpClient::~HttpClient() = default;

core::Result<Response> HttpClient::send(const Url&, const Request& request,
                                        std::chrono::steady_clock::time_point) {
  fuzz::Script& script = fuzz::script();
  script.asked.push_back(request);
  if (script.answers.empty()) return core::fail(core::Fault::transient, "nobody answered");
  Response answer = std::move(script.answers.front());
  script.answers.pop_front();
  return answer;
}

}  // namespace jitney::net
