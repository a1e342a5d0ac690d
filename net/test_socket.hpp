// SPDX-License-Identifier: Apache-2.0
// For tests only: sockets that say exactly what a test wants, well-formed or not. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace jitney::net {

class RawSocket {
 public:
  explicit RawSocket(int fd = -1) : fd_(fd) {}
  RawSocket(RawSocket&& other) noexcept;
  RawSocket& operator=(RawSocket&& other) noexcept;
  ~RawSocket();

  static RawSocket connect(std::uint16_t port, const char* address = "127.0.0.1");
  static RawSocket listen();                 // on 127.0.0.1
  [[nodiscard]] std::uint16_t port() const;  // the local one
  RawSocket accept();                        // waits ten seconds at most

  bool send(std::string_view bytes);
  std::string read_until(
      std::string_view mark);  // what came up to and with the mark; or to the end
  std::string read_all();      // to the end, ten seconds of silence at most
  void close();
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  std::string unread_;
};

}  // namespace jitney::net
