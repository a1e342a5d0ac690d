// SPDX-License-Identifier: Apache-2.0
// One connection of the HTTP server: reads a request, waits for its answer, writes it, and again.
// All its steps run on a strand of its own. Private to the server.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "net/http.hpp"
#include "net/http_server.hpp"

namespace jitney::net {

// Responders may outlive the server: they pass here before they touch a session. Thread-safe.
struct Gate {
  std::shared_mutex mutex;
  bool open = true;
};

// What the sessions of one server share. Outlives them all.
struct SessionHost {
  ServerLimits limits;
  Handler handler;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::atomic<bool> draining = false;
  std::atomic<std::size_t> held_bytes = 0;         // of bodies, by all sessions
  std::function<void(const void* session)> ended;  // called by the destructor, from any thread
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;

  Session(SessionHost& host, Socket socket);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // From any thread.
  void start();
  void refuse(int status, const std::string& message);  // says so and closes
  void close_when_idle();
  void close_now();
  void answer(std::uint64_t number, Response response);  // a late or second one is ignored

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Error = boost::system::error_code;
  enum class Phase { idle, reading, handling, writing, closing };

  void wait_for_request(bool first);
  void read_header();
  void parse();
  void read_more();
  bool hold(std::size_t bytes);  // counts this request's body; false when all together are too many
  void parse_failed(const Error& error);
  void header_arrived();
  void send_continue();
  void read_body();
  void body_arrived();
  void handle();
  void write(Response response);
  void written(const Error& error);
  void refuse_request(int status, std::string_view message);
  void linger();
  void discard();
  void end();
  void arm(std::chrono::milliseconds limit);  // one deadline at a time: the phase's
  void disarm();
  void expired();

  SessionHost& host_;
  Socket socket_;
  // Not Beast's stream with timeouts: that closes the socket, and a 408 could not be said any more.
  boost::asio::steady_timer timer_;
  std::uint64_t ticket_ = 0;  // of the deadline that counts; older waits find another one
  bool timed_out_ = false;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Request request_;
  Phase phase_ = Phase::idle;
  std::uint64_t number_ = 0;  // of the request whose answer is awaited
  std::size_t held_ = 0;      // this session's share of host_.held_bytes
  bool keep_alive_ = false;
  bool head_ = false;  // the request's method is HEAD: its answer has no body
  std::string out_head_;
  std::string out_body_;
};

}  // namespace jitney::net
