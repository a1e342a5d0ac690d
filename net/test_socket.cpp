// SPDX-License-Identifier: Apache-2.0
#include "net/test_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace jitney::net {
namespace {

sockaddr_in loopback(std::uint16_t port, const char* host = "127.0.0.1") {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = inet_addr(host);
  return address;
}

bool readable(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, 10'000) > 0;
}

}  // namespace

RawSocket::RawSocket(RawSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)) {}

RawSocket& RawSocket::operator=(RawSocket&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  unread_ = std::move(other.unread_);
  return *this;
}

RawSocket::~RawSocket() { close(); }

RawSocket RawSocket::connect(std::uint16_t port, const char* host) {
  RawSocket out(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(port, host);
  if (::connect(out.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    out.close();
  }
  return out;
}

RawSocket RawSocket::listen() {
  RawSocket out(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(0);
  if (bind(out.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(out.fd_, 16) != 0) {
    out.close();
  }
  return out;
}

std::uint16_t RawSocket::port() const {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

RawSocket RawSocket::accept() {
  return RawSocket(readable(fd_) ? ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC) : -1);
}

bool RawSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawSocket::read_until(std::string_view mark) {
  std::array<char, 4096> chunk{};
  for (;;) {
    if (const auto at = unread_.find(mark); !mark.empty() && at != std::string::npos) {
      std::string out = unread_.substr(0, at + mark.size());
      unread_.erase(0, at + mark.size());
      return out;
    }
    const auto got = readable(fd_) ? recv(fd_, chunk.data(), chunk.size(), 0) : -1;
    if (got <= 0) return std::exchange(unread_, {});
    unread_.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

std::string RawSocket::read_all() { return read_until(""); }

void RawSocket::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace jitney::net
