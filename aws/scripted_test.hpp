// SPDX-License-Identifier: Apache-2.0
// For tests only: an AWS that answers what a test tells it to, and keeps what it was asked.
// Thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "aws/client.hpp"
#include "aws/credentials_chain.hpp"
#include "net/http_server.hpp"

namespace jitney::aws {

inline net::Response answer(int status, std::string body = "{}", net::Headers headers = {}) {
  headers.add("x-amzn-RequestId", "7AB");
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

inline net::Response refusal(int status, const std::string& code, net::Headers headers = {}) {
  return answer(status, R"({"__type":")" + code + R"(","message":"as told"})", std::move(headers));
}

class ScriptedAws {
 public:
  using Answer = std::function<net::Response(const net::Request&)>;

  ScriptedAws() {
    auto made = net::HttpServer::listen(
        {.threads = 2}, [this](const net::Request& request, net::Responder respond) {
          Answer next;
          {
            const std::lock_guard lock(mutex_);
            asked_.push_back(request);
            if (silent_) {
              unanswered_.push_back(std::move(respond));
              return;
            }
            next = otherwise_;
            if (!script_.empty()) {
              next = std::move(script_.front());
              script_.pop_front();
            }
          }
          respond(next ? next(request) : answer(400, R"({"__type":"NotInTheScript"})"));
        });
    if (!made) ADD_FAILURE() << made.error().what;
    server_ = *std::move(made);
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port());
  }

  // The next requests get these, in order.
  void then(Answer next) {
    const std::lock_guard lock(mutex_);
    script_.push_back(std::move(next));
  }
  void then(net::Response next) {
    then([next = std::move(next)](const net::Request&) { return next; });
  }
  // And when there are none left.
  void otherwise(net::Response next) {
    const std::lock_guard lock(mutex_);
    otherwise_ = [next = std::move(next)](const net::Request&) { return next; };
  }
  // From now on nobody gets an answer.
  void fall_silent() {
    const std::lock_guard lock(mutex_);
    silent_ = true;
  }

  [[nodiscard]] std::vector<net::Request> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] std::size_t calls() { return asked().size(); }

  // Retries at once, keys that never change.
  [[nodiscard]] ClientOptions options() const {
    ClientOptions out{.region = "eu-west-1", .endpoints = {{"*", url()}}};
    out.first_wait = out.longest_wait = std::chrono::milliseconds(0);
    return out;
  }

 private:
  std::mutex mutex_;
  std::deque<Answer> script_;
  Answer otherwise_;
  bool silent_ = false;
  std::vector<net::Responder> unanswered_;
  std::vector<net::Request> asked_;
  std::unique_ptr<net::HttpServer> server_;  // last: its threads use all the above
};

inline Credentials test_keys(std::string id = "AKIDEXAMPLE") {
  return {.access_key_id = std::move(id), .secret_access_key = core::Secret("not-so-secret")};
}

}  // namespace jitney::aws
