// SPDX-License-Identifier: Apache-2.0
// What the tests of the simulation share: a caller of its API. One thread.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <string>

#include "net/http_client.hpp"

namespace jitney::sim {

namespace json = boost::json;

class Caller {
 public:
  Caller(std::string base, std::string token) : base_(std::move(base)), token_(std::move(token)) {}

  net::Response call(const std::string& method, const std::string& path,
                     const json::value& body = nullptr) {
    net::Request request;
    request.method = method;
    request.headers.set("User-Agent", "test");
    request.headers.set("Accept", "application/vnd.github+json");
    if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
    if (!body.is_null()) {
      request.headers.set("Content-Type", "application/json");
      request.body = json::serialize(body);
    }
    const auto url = net::parse_url(base_ + path);
    request.target = url->path;
    const auto answer =
        client_.send(*url, request, std::chrono::steady_clock::now() + std::chrono::seconds(30));
    if (answer) return *answer;
    net::Response none;
    none.status = 0;
    none.body = answer.error().what;
    return none;
  }

  // The body of an answer that must have this status.
  json::value expect(int status, const std::string& method, const std::string& path,
                     const json::value& body = nullptr) {
    const net::Response answer = call(method, path, body);
    EXPECT_EQ(answer.status, status) << method << " " << path << " " << answer.body;
    return parse(answer);
  }

  static json::value parse(const net::Response& answer) {
    boost::system::error_code error;
    return json::parse(answer.body, error);
  }

  void use_token(std::string token) { token_ = std::move(token); }

 private:
  std::string base_;
  std::string token_;
  net::HttpClient client_;
};

}  // namespace jitney::sim
