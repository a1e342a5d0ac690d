// SPDX-License-Identifier: Apache-2.0
#include "net/wire.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>

namespace jitney::net {
namespace {

using core::Fault;
using Error = Wire::Error;

Error last_error() { return {errno, boost::system::system_category()}; }

Error failure(boost::system::errc::errc_t code) { return make_error_code(code); }

}  // namespace

Wire::~Wire() { close(); }

void Wire::close() {
  if (socket_ < 0) return;
  // Says good-bye where that does not block; the answer is not awaited.
  if (tls_ && SSL_is_init_finished(tls_.get())) SSL_shutdown(tls_.get());
  ERR_clear_error();
  tls_.reset();
  ::close(socket_);
  socket_ = -1;
}

Error Wire::wait(short events) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) return failure(boost::system::errc::timed_out);
    pollfd entry{.fd = socket_, .events = events, .revents = 0};
    const auto slice = std::min<std::chrono::milliseconds::rep>(left.count(), 3'600'000);
    const int ready = poll(&entry, 1, static_cast<int>(slice));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return last_error();
  }
}

Error Wire::connect_to(const Address& address) {
  close();
  socket_ = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return last_error();
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* name = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::connect(socket_, name, address.length) == 0) return {};
  if (errno != EINPROGRESS) return last_error();
  if (auto error = wait(POLLOUT)) return error;
  int status = 0;
  socklen_t length = sizeof status;
  if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &status, &length) != 0) return last_error();
  return {status, boost::system::system_category()};
}

core::Status Wire::connect(const std::vector<Address>& addresses) {
  const auto until = deadline_;
  std::string why = "no address";
  bool late = Clock::now() >= until;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto now = Clock::now();
    if (now >= until) break;
    deadline_ = now + (until - now) / static_cast<long>(addresses.size() - i);
    const auto error = connect_to(addresses[i]);
    deadline_ = until;
    if (!error) return {};
    late = error == boost::system::errc::timed_out;
    why = to_string(addresses[i]) + ": " + (late ? "no answer in time" : error.message());
  }
  return core::fail(late ? Fault::cancelled : Fault::transient, why);
}

Error Wire::tls_step(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait(POLLIN);
    case SSL_ERROR_WANT_WRITE:
      return wait(POLLOUT);
    case SSL_ERROR_ZERO_RETURN:
      return boost::asio::error::eof;
    case SSL_ERROR_SYSCALL: {
      const auto error = errno == 0 ? failure(boost::system::errc::connection_reset) : last_error();
      ERR_clear_error();
      return error;
    }
    default:
      break;
  }
  // An end without TLS's own close is no end: the answer may be cut short.
  const bool cut = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  tls_error_ = cut ? "the peer hung up" : tls_failure(tls_.get());
  ERR_clear_error();
  return failure(cut ? boost::system::errc::connection_reset : boost::system::errc::protocol_error);
}

core::Status Wire::handshake(SSL_CTX* context, const std::string& host) {
  tls_ = make_tls_session(context, socket_, host);
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(tls_.get());
    if (result == 1) return {};
    if (const auto error = tls_step(result)) {
      const bool late = error == boost::system::errc::timed_out;
      return core::fail(late ? Fault::cancelled : Fault::transient, late ? "no answer in time"
                                                                    : tls_error_.empty()
                                                                        ? error.message()
                                                                        : tls_error_);
    }
  }
}

Error Wire::write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t done = 0;
    Error error;
    if (tls_) {
      ERR_clear_error();
      errno = 0;
      const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &done);
      if (result != 1) error = tls_step(result);
    } else {
      const auto sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        done = static_cast<std::size_t>(sent);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        error = wait(POLLOUT);
      } else if (errno != EINTR) {
        error = last_error();
      }
    }
    if (error) return error;
    bytes.remove_prefix(done);
    if (Clock::now() >= deadline_ && !bytes.empty()) return failure(boost::system::errc::timed_out);
  }
  return {};
}

std::size_t Wire::read(void* data, std::size_t size, Error& error) {
  error = {};
  for (;;) {
    // A peer that drips bytes is always ready, and must not outlive the deadline either.
    if (Clock::now() >= deadline_) {
      error = failure(boost::system::errc::timed_out);
      return 0;
    }
    if (tls_) {
      std::size_t done = 0;
      ERR_clear_error();
      errno = 0;
      const int result = SSL_read_ex(tls_.get(), data, size, &done);
      if (result == 1) return done;
      error = tls_step(result);
    } else {
      const auto got = recv(socket_, data, size, 0);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) {
        error = boost::asio::error::eof;
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        error = wait(POLLIN);
      } else if (errno != EINTR) {
        error = last_error();
      }
    }
    if (error) return 0;
  }
}

bool Wire::alive() {
  char byte = 0;
  if (!tls_) {
    return recv(socket_, &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }
  // Session tickets arrive unasked and are no data: let OpenSSL look.
  ERR_clear_error();
  std::size_t done = 0;
  const int result = SSL_peek_ex(tls_.get(), &byte, 1, &done);
  const bool quiet = result != 1 && SSL_get_error(tls_.get(), result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return quiet;
}

}  // namespace jitney::net
