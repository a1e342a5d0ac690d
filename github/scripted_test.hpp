// SPDX-License-Identifier: Apache-2.0
// For tests only: a GitHub that answers what a test tells it to, and keeps what it was asked.
// Thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "net/http_client.hpp"
#include "net/http_server.hpp"

namespace jitney::github {

inline net::Response answer(int status, std::string body = "{}", net::Headers headers = {}) {
  headers.add("Content-Type", "application/json");
  headers.add("X-GitHub-Request-Id", "8A2C:1F");
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

class ScriptedGithub {
 public:
  using Answer = std::function<net::Response(const net::Request&)>;

  ScriptedGithub() {
    auto made = net::HttpServer::listen(
        {.threads = 4}, [this](const net::Request& request, net::Responder respond) {
          Answer next;
          {
            const std::lock_guard lock(mutex_);
            asked_.push_back(request);
            if (!script_.empty()) {
              next = std::move(script_.front());
              script_.pop_front();
            } else {
              next = otherwise_;
            }
          }
          respond(next ? next(request) : answer(500, R"({"message":"not in the script"})"));
        });
    if (!made) ADD_FAILURE() << made.error().what;
    server_ = *std::move(made);
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port());
  }
  [[nodiscard]] net::Url api() const {
    auto url = *net::parse_url(this->url());
    url.path.clear();
    return url;
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
  void otherwise(Answer next) {
    const std::lock_guard lock(mutex_);
    otherwise_ = std::move(next);
  }

  [[nodiscard]] std::vector<net::Request> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] std::size_t calls() { return asked().size(); }
  // "GET /x?y" of each.
  [[nodiscard]] std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const auto& request : asked()) out.push_back(request.method + " " + request.target);
    return out;
  }

 private:
  std::mutex mutex_;
  std::deque<Answer> script_;
  Answer otherwise_;
  std::vector<net::Request> asked_;
  std::unique_ptr<net::HttpServer> server_;  // last: its threads use all the above
};

}  // namespace jitney::github
