// SPDX-License-Identifier: Apache-2.0
// A blocking HTTP/1.1 client: pooled kept-alive connections, TLS, proxy CONNECT, absolute deadline.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/http.hpp"

namespace jitney::net {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // without brackets for IPv6
  std::uint16_t port = 0;
  std::string path;  // origin form with query; "/" when empty
};
core::Result<Url> parse_url(std::string_view text);

struct ClientOptions {
  std::string ca_file;   // PEM; empty with empty ca_dir: the system's hashed directory
  std::string ca_dir;    // hashed (c_rehash): only the roots that are needed get loaded
  std::string proxy;     // "http://[user:password@]host:port"; empty: none
  std::string no_proxy;  // comma-separated hosts, ".suffix" and "*"
  std::size_t connections_per_host = 8;  // kept when idle; more may be open at a time
  std::size_t answer_bytes = 64u << 20;  // a longer body is `transient`
  std::chrono::milliseconds connect_time{10'000};
  std::chrono::milliseconds idle_time{30'000};  // pooled connections older than this are dropped
};

// Thread-safe; calls from several threads run side by side on connections of their own.
class HttpClient {
 public:
  explicit HttpClient(ClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends to scheme://host:port of `base`; `request.target` is the path. An answer with any status
  // is a success here. `transient`: no answer; the text says at which step (resolve, connect, TLS,
  // send, receive). `cancelled`: the deadline passed. A request that died on a kept-alive
  // connection before any byte of the answer is sent once more on a new one: every effect must be
  // idempotent by name.
  core::Result<Response> send(const Url& base, const Request& request,
                              std::chrono::steady_clock::time_point deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jitney::net
