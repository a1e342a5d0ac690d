// SPDX-License-Identifier: Apache-2.0
// For tests only: starting the HTTP server and talking to it byte by byte. `Waiting` is
// thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_server.hpp"
#include "net/test_socket.hpp"

namespace jitney::net {

inline Response text(std::string body) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

// Tells what it got, so that a test sees what the handler saw.
inline void echo(Request request, Responder respond) {
  respond(text(request.method + " " + request.target + " [" + request.body + "]"));
}

inline std::unique_ptr<HttpServer> start(Handler handler, ServerLimits limits = {},
                                         int threads = 2) {
  auto server = HttpServer::listen({.threads = threads, .limits = limits}, std::move(handler));
  if (!server) ADD_FAILURE() << server.error().what;
  return server ? *std::move(server) : nullptr;
}

// One whole conversation: says `bytes`, hears all until the server closes.
inline std::string talk(const HttpServer& server, std::string_view bytes) {
  auto socket = RawSocket::connect(server.port());
  socket.send(bytes);
  return socket.read_all();
}

inline std::string status_line(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n"));
}

inline std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

inline constexpr std::string_view kClose = "Host: a\r\nConnection: close\r\n\r\n";

inline std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(kClose);
}

// Keeps responders for later, as a host does that waits for a group commit.
class Waiting {
 public:
  Handler handler() {
    return [this](Request request, Responder respond) {
      const std::lock_guard lock(mutex_);
      kept_.emplace_back(std::move(request), std::move(respond));
      changed_.notify_all();
    };
  }

  std::pair<Request, Responder> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [this] { return !kept_.empty(); })) {
      ADD_FAILURE() << "no request came";
      return {};
    }
    auto out = std::move(kept_.front());
    kept_.erase(kept_.begin());
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Request, Responder>> kept_;
};

}  // namespace jitney::net
