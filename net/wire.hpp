// SPDX-License-Identifier: Apache-2.0
// One connection of the client: a socket, with TLS or without, whose every step ends at an absolute
// deadline. Has the shape of a Beast SyncReadStream. Private to the client; one thread at a time.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "net/resolver.hpp"
#include "net/tls.hpp"

namespace jitney::net {

class Wire {
 public:
  using Clock = std::chrono::steady_clock;
  using Error = boost::system::error_code;

  Wire() = default;
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Holds for all steps from here on. One that it ends fails with errc::timed_out.
  void deadline(Clock::time_point until) { deadline_ = until; }

  // Tries the addresses one after the other; each gets its share of the time. The text ends with
  // the last address's error.
  core::Status connect(const std::vector<Address>& addresses);
  core::Status handshake(SSL_CTX* context, const std::string& host);

  Error write(std::string_view bytes);  // all of them
  // At least one byte, or an error; asio::error::eof when the peer ended in order.
  std::size_t read(void* data, std::size_t size, Error& error);

  // False when the peer closed an idle connection, or said something nobody asked for.
  bool alive();

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, Error& error) {
    error = {};
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return read(buffer.data(), buffer.size(), error);
    }
    return 0;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    Error error;
    const auto count = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return count;
  }

 private:
  Error wait(short events);
  Error connect_to(const Address& address);
  Error tls_step(int result);  // success: try the step again
  void close();

  int socket_ = -1;
  SslSession tls_;  // after socket_: uses it
  Clock::time_point deadline_ = Clock::time_point::max();
  std::string tls_error_;
};

}  // namespace jitney::net
