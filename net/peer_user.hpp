// SPDX-License-Identifier: Apache-2.0
// Which user of this machine is at the other end of a TCP connection, as the kernel's tables say
// (/proc/net/tcp and tcp6, see proc(5)): what an address alone does not tell on loopback. Costs as
// much as there are sockets. Stateless.
#pragma once

#include <sys/types.h>

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <span>

namespace jitney::net {

struct TcpConnection {
  boost::asio::ip::tcp::endpoint ours;
  boost::asio::ip::tcp::endpoint theirs;
};

// Empty: a peer of another machine or network namespace, or one that let go of its socket already.
std::optional<uid_t> peer_user(const TcpConnection& connection);
// Whether a process of one of `users` may be at the other end. That it cannot be told of a
// connection within this machine counts as yes: one that sends and leaves shall gain nothing.
bool peer_may_be(const TcpConnection& connection, std::span<const uid_t> users);

}  // namespace jitney::net
