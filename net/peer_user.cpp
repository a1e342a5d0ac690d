// SPDX-License-Identifier: Apache-2.0
#include "net/peer_user.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace jitney::net {

namespace {

namespace ip = boost::asio::ip;
using ip::tcp;

// An IPv4 address may be spoken to through a socket of IPv6.
ip::address_v6 as_v6(const ip::address& address) {
  return address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4());
}

// As the tables write it: each four bytes as one number of the machine's own byte order.
std::string entry(const tcp::endpoint& endpoint, bool v4) {
  const ip::address_v6::bytes_type bytes = as_v6(endpoint.address()).to_bytes();
  std::string text;
  for (std::size_t i = v4 ? 12 : 0; i < bytes.size(); i += 4) {
    const std::array<unsigned char, 4> four{bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]};
    char word[9];
    std::snprintf(word, sizeof word, "%08X", std::bit_cast<std::uint32_t>(four));
    text += word;
  }
  char port[6];
  std::snprintf(port, sizeof port, ":%04X", endpoint.port());
  return text + port;
}

// `local` and `remote` are the peer's, who sees the connection from the other side.
std::optional<uid_t> find(const char* table, const std::string& local, const std::string& remote) {
  std::ifstream file(table);
  std::string line;
  while (std::getline(file, line)) {
    if (line.find(local) == std::string::npos) continue;
    std::istringstream fields(line);
    std::string number, from, to, state, queues, timer, retries, probes;
    uid_t user = 0;
    std::uint64_t inode = 0;
    fields >> number >> from >> to >> state >> queues >> timer >> retries >> user >> probes >>
        inode;
    // Without an inode no process has it any more, and the user is not told.
    if (fields && from == local && to == remote && inode != 0) return user;
  }
  return std::nullopt;
}

bool is_v4(const ip::address& address) { return address.is_v4() || address.to_v6().is_v4_mapped(); }

bool is_loopback(const ip::address& address) {
  const ip::address_v6 all = as_v6(address);
  return all.is_loopback() ||
         (all.is_v4_mapped() && ip::make_address_v4(ip::v4_mapped, all).is_loopback());
}

}  // namespace

std::optional<uid_t> peer_user(const TcpConnection& connection) {
  const auto look = [&](const char* table, bool v4) {
    return find(table, entry(connection.theirs, v4), entry(connection.ours, v4));
  };
  if (is_v4(connection.ours.address())) {
    if (auto user = look("/proc/net/tcp", true)) return user;
  }
  return look("/proc/net/tcp6", false);
}

bool peer_may_be(const TcpConnection& connection, std::span<const uid_t> users) {
  if (users.empty()) return false;
  if (const auto user = peer_user(connection))
    return std::ranges::find(users, *user) != users.end();
  const auto& ours = connection.ours.address();
  return is_loopback(ours) || as_v6(ours) == as_v6(connection.theirs.address());
}

}  // namespace jitney::net
