// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

#include <fcntl.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/http_session.hpp"
#include "net/peer_user.hpp"

namespace jitney::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using core::Fault;
using Error = boost::system::error_code;

// Refused connections also cost a descriptor until they have read why: above this many, no word.
constexpr std::size_t kRefusals = 256;
// Asio opens sockets without it, and runners are started from this process: none may inherit one.
void close_on_exec(int fd) { fcntl(fd, F_SETFD, FD_CLOEXEC); }

// After accept() failed, as it does when descriptors run out.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

struct HttpServer::Impl {
  using Strand = Session::Strand;
  using Acceptor = asio::basic_socket_acceptor<tcp, Strand>;

  Impl(ServerOptions given, Handler handler)
      : options(std::move(given)),
        io(std::max(1, options.threads)),
        strand(asio::make_strand(io.get_executor())),
        acceptor(strand),
        pause(strand),
        work(io.get_executor()) {
    host.limits = options.limits;
    host.handler = std::move(handler);
    host.ended = [this](const void* session) {
      const std::lock_guard lock(mutex);
      sessions.erase(session);
      if (sessions.empty()) none_left.notify_all();
    };
  }

  core::Status bind();
  void accept();
  void admit(Session::Socket socket);
  template <class Step>
  void each_session(Step step);
  bool wait_until_none(std::chrono::steady_clock::time_point until);
  void drain(std::chrono::milliseconds deadline);
  void stop();

  // The sessions, which die with `io` at the latest, use what stands above it.
  ServerOptions options;
  SessionHost host;
  std::mutex mutex;
  std::condition_variable none_left;
  std::unordered_map<const void*, std::weak_ptr<Session>> sessions;
  asio::io_context io;
  Strand strand;  // of the acceptor
  Acceptor acceptor;
  asio::steady_timer pause;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::uint16_t port = 0;
  std::vector<std::jthread> threads;
};

core::Status HttpServer::Impl::bind() {
  std::string address = options.address;
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  const std::string where = options.address + " port " + std::to_string(options.port);
  Error error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error) {
    return core::fail(Fault::invalid, "cannot listen on " + where +
                                          ": the address must be numeric, such as 127.0.0.1 or ::");
  }
  const tcp::endpoint endpoint(parsed, options.port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) close_on_exec(acceptor.native_handle());
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) port = acceptor.local_endpoint(error).port();
  if (error) {
    return core::fail(Fault::invalid, "cannot listen on " + where + ": " + error.message());
  }
  return {};
}

void HttpServer::Impl::accept() {
  acceptor.async_accept(asio::make_strand(io.get_executor()),
                        [this](const Error& error, Session::Socket socket) {
                          if (!acceptor.is_open()) return;
                          if (!error) {
                            admit(std::move(socket));
                            return accept();
                          }
                          pause.expires_after(kAcceptPause);
                          pause.async_wait([this](const Error& stopped) {
                            if (!stopped && acceptor.is_open()) accept();
                          });
                        });
}

void HttpServer::Impl::admit(Session::Socket socket) {
  close_on_exec(socket.native_handle());
  Error ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const bool refused =
      !options.refused_users.empty() &&
      peer_may_be({socket.local_endpoint(ignored), socket.remote_endpoint(ignored)},
                  options.refused_users);
  const auto session = std::make_shared<Session>(host, std::move(socket));
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex);
    sessions.emplace(session.get(), session);
    count = sessions.size();
  }
  if (count > options.limits.connections + kRefusals) return;
  if (refused) return session->refuse(403, "no job may ask here");
  if (count <= options.limits.connections) return session->start();
  session->refuse(503, "too many connections; try again soon");
}

template <class Step>
void HttpServer::Impl::each_session(Step step) {
  std::vector<std::shared_ptr<Session>> alive;
  {
    const std::lock_guard lock(mutex);
    alive.reserve(sessions.size());
    for (const auto& [key, weak] : sessions) {
      if (auto session = weak.lock()) alive.push_back(std::move(session));
    }
  }
  for (const auto& session : alive) step(*session);
}

bool HttpServer::Impl::wait_until_none(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex);
  return none_left.wait_until(lock, until, [this] { return sessions.empty(); });
}

void HttpServer::Impl::drain(std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  host.draining = true;
  asio::post(strand, [this] {
    Error ignored;
    acceptor.close(ignored);
    pause.cancel();
  });
  each_session([](Session& session) { session.close_when_idle(); });
  if (!wait_until_none(until)) each_session([](Session& session) { session.close_now(); });
}

void HttpServer::Impl::stop() {
  drain(std::chrono::milliseconds(0));
  {
    // From here on no responder touches a session.
    const std::unique_lock lock(host.gate->mutex);
    host.gate->open = false;
  }
  // A session that was accepted while we drained is not in the list above; stopping ends it too.
  io.stop();
  threads.clear();
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { impl_->stop(); }

core::Result<std::unique_ptr<HttpServer>> HttpServer::listen(ServerOptions options,
                                                             Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  if (auto bound = impl->bind(); !bound) return std::unexpected(std::move(bound).error());
  impl->accept();
  for (int i = 0; i < std::max(1, impl->options.threads); ++i) {
    impl->threads.emplace_back([&io = impl->io] { io.run(); });
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port; }

void HttpServer::drain(std::chrono::milliseconds deadline) { impl_->drain(deadline); }

}  // namespace jitney::net
