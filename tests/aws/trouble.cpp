// SPDX-License-Identifier: Apache-2.0
#include "tests/aws/trouble.hpp"

#include <array>
#include <stdexcept>
#include <utility>

#include "net/json.hpp"
#include "tests/aws/moto.hpp"

namespace jitney::tests {

namespace {

net::Response refusal(int status, const std::string& code, const std::string& more = "") {
  return {.status = status,
          .headers = {{"Content-Type", "application/x-amz-json-1.0"}},
          .body = R"({"__type":")" + code + R"(","message":"a bad day")" + more + "}"};
}

std::string operation_of(const net::Request& request) {
  const std::string target(request.headers.get("X-Amz-Target").value_or(""));
  return target.substr(target.find('.') + 1);
}

}  // namespace

Trouble::Trouble(std::uint32_t seed, int percent) : random_(seed), percent_(percent) {
  static_cast<void>(Moto::shared());
  auto server = net::HttpServer::listen(
      {.threads = 4},
      [this](const net::Request& request, net::Responder respond) { respond(serve(request)); });
  if (!server) throw std::runtime_error(server.error().what);
  server_ = *std::move(server);
}

std::unique_ptr<aws::Client> Trouble::client() const {
  return Moto::client_at("http://127.0.0.1:" + std::to_string(server_->port()), 2);
}

std::map<std::string, int> Trouble::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::map<std::string, int> Trouble::calls() {
  const std::lock_guard lock(mutex_);
  return std::exchange(calls_, {});
}

Trouble::Kind Trouble::next(std::string_view operation) {
  const std::lock_guard lock(mutex_);
  ++calls_[std::string(operation)];
  if (static_cast<int>(random_() % 100) >= percent_) return Kind::none;
  struct Named {
    Kind kind;
    const char* name;
  };
  constexpr std::array kKinds{Named{Kind::unavailable, "unavailable"}, Named{Kind::lost, "lost"},
                              Named{Kind::throttled, "throttled"},
                              Named{Kind::conflict, "conflict"}};
  const bool transaction = operation == "TransactWriteItems";
  const Named& chosen = kKinds.at(random_() % (transaction ? 4 : 3));
  ++seen_[chosen.name];
  return chosen.kind;
}

net::Response Trouble::serve(const net::Request& request) {
  switch (next(operation_of(request))) {
    case Kind::none:
      return forward(request);
    case Kind::unavailable:
      return refusal(503, "ServiceUnavailable");
    case Kind::lost:
      static_cast<void>(forward(request));
      return refusal(500, "InternalServerError");
    case Kind::throttled:
      return refusal(400, "ThrottlingException");
    case Kind::conflict:
      return refusal(400, "TransactionCanceledException",
                     R"(,"CancellationReasons":[{"Code":"TransactionConflict"}])");
  }
  return refusal(500, "InternalServerError");
}

net::Response Trouble::forward(const net::Request& request) {
  std::string token;
  if (operation_of(request) == "TransactWriteItems") {
    if (const auto body = net::parse_json(request.body)) {
      token = net::get_string_or(*body, "ClientRequestToken", "");
    }
    const std::lock_guard lock(mutex_);
    if (happened_.contains(token)) return {.status = 200, .headers = {}, .body = "{}"};
  }
  net::Request onward{.method = request.method, .target = request.target, .body = request.body};
  for (const char* name : {"Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Target"}) {
    if (const auto value = request.headers.get(name)) onward.headers.add(name, std::string(*value));
  }
  const auto answer = moto_.send(*net::parse_url(Moto::shared().url()), onward,
                                 std::chrono::steady_clock::now() + std::chrono::seconds(30));
  if (!answer) return refusal(500, "InternalServerError");
  if (!token.empty() && answer->status == 200) {
    const std::lock_guard lock(mutex_);
    happened_.insert(token);
  }
  return {.status = answer->status,
          .headers = {{"Content-Type", "application/x-amz-json-1.0"}},
          .body = answer->body};
}

}  // namespace jitney::tests
