// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/scripted_client.hpp"

#include <algorithm>
#include <charconv>

#include "net/http_client.hpp"
#include "net/wire_text.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

constexpr std::size_t kMostAnswers = 8;

net::Response read_answer(std::string_view text) {
  Lines lines(text);
  net::Response answer;
  const std::string_view status = lines.take();
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  for (auto line = lines.take(); !line.empty(); line = lines.take()) {
    const std::size_t colon = std::min(line.find(": "), line.size());
    if (!net::is_token(line.substr(0, colon))) continue;
    answer.headers.add(std::string(line.substr(0, colon)),
                       std::string(line.substr(std::min(line.size(), colon + 2))));
  }
  answer.body = lines.rest();
  return answer;
}

}  // namespace

Script& script() {
  static Script current;
  return current;
}

void read_script(std::string_view text) {
  script() = {};
  constexpr std::string_view kBetween = "---\n";
  while (!text.empty() && script().answers.size() < kMostAnswers) {
    const std::string_view one = text.substr(0, text.find(kBetween));
    script().answers.push_back(read_answer(one));
    text.remove_prefix(std::min(text.size(), one.size() + kBetween.size()));
  }
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
