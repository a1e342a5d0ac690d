// SPDX-License-Identifier: Apache-2.0
// A bounded HTTP/1.1 server. Handlers answer when they like, from any thread, so that a request can
// wait for a group commit without holding a thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "net/http.hpp"

namespace jitney::net {

struct ServerLimits {
  std::size_t body_bytes = 25u << 20;    // 413 above: GitHub's own maximum for webhooks
  std::size_t header_bytes = 32u << 10;  // 431 above
  std::chrono::milliseconds header_time{
      10'000};                                  // whole header and body of one request must arrive
  std::chrono::milliseconds body_time{30'000};  // within these, else 408 and close
  std::chrono::milliseconds idle_time{75'000};  // kept-alive connection without a request
  std::chrono::milliseconds answer_time{30'000};  // handler's answer, else 503
  // Bodies of all requests that are being read or await their answer, together; above: 503. Without
  // it a few thousand strangers could each make us hold a body of the largest size.
  std::size_t bodies_bytes = 256u << 20;
  std::size_t connections = 4096;  // above: accepted and closed at once with 503
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the system picks one
  int threads = 1;
  ServerLimits limits;
  // 403 for their processes on this machine (see net/peer_user.hpp).
  std::vector<uid_t> refused_users;
};

// Called once, from any thread; later calls are ignored. If it is destroyed uncalled the client
// gets 500.
using Responder = std::move_only_function<void(Response)>;
// Runs on an I/O thread: must not block. `request.headers` holds "x-jitney-peer" nowhere: what the
// client sent, nothing else.
using Handler = std::function<void(Request request, Responder respond)>;

// Thread-safe. The destructor stops accepting, ends open connections and joins its threads.
class HttpServer {
 public:
  // Bound and accepting on return. `invalid`: address or port cannot be bound; the text names both.
  static core::Result<std::unique_ptr<HttpServer>> listen(ServerOptions options, Handler handler);
  ~HttpServer();

  [[nodiscard]] std::uint16_t port() const;
  // Stops accepting; lets requests under way finish until `deadline`, then ends them. Idempotent.
  void drain(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jitney::net
