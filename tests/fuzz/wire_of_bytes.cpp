// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/wire_of_bytes.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>

#include "net/wire.hpp"

namespace jitney::fuzz {

Peer& peer() {
  static Peer current;
  return current;
}

}  // namespace jitney::fuzz

namespace jitney::net {

Wire::~Wire() = default;

Wire::Error Wire::write(std::string_view) { return {}; }

std::size_t Wire::read(void* data, std::size_t size, Error& error) {
  fuzz::Peer& peer = fuzz::peer();
  std::size_t count = std::min(size, peer.says.size());
  if (peer.piece > 0) count = std::min(count, peer.piece);
  if (count == 0) error = boost::asio::error::eof;
  std::copy_n(peer.says.data(), count, static_cast<char*>(data));
  peer.says.remove_prefix(count);
  peer.read += count;
  return count;
}

}  // namespace jitney::net
