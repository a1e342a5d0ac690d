// SPDX-License-Identifier: Apache-2.0
#include "net/http_session.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <chrono>
#include <mutex>
#include <utility>

#include "net/wire_text.hpp"

namespace jitney::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// How long a client that was refused may go on sending before the connection is cut. Closing at
// once would reset the connection, and the client would lose the answer that tells it why.
constexpr std::chrono::seconds kLinger{2};
constexpr std::size_t kReadSize = 16u << 10;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

Response message(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body = R"({"message": ")" + std::string(text) + "\"}\n";
  return response;
}

// The one piece of state behind a Responder.
class Answerer {
 public:
  Answerer(std::shared_ptr<Gate> gate, std::weak_ptr<Session> session, std::uint64_t number)
      : gate_(std::move(gate)), session_(std::move(session)), number_(number) {}
  Answerer(Answerer&&) noexcept = default;
  Answerer& operator=(Answerer&&) = delete;
  ~Answerer() {
    if (gate_) give(message(500, "the server dropped this request; its log may say why"));
  }

  void operator()(Response response) {
    if (gate_) give(std::move(response));
  }

 private:
  void give(Response response) {
    const auto gate = std::move(gate_);
    gate_ = nullptr;
    const std::shared_lock lock(gate->mutex);
    // Declared after the lock: a session that dies here does so before the server can.
    const auto session = gate->open ? session_.lock() : nullptr;
    if (session) session->answer(number_, std::move(response));
  }

  std::shared_ptr<Gate> gate_;
  std::weak_ptr<Session> session_;
  std::uint64_t number_;
};

bool sendable(const Response& response) {
  return response.status >= 200 && response.status <= 599 &&
         std::ranges::all_of(response.headers.fields(), [](const auto& field) {
           return is_token(field.first) && is_field_value(field.second);
         });
}

bool wants_close(const Response& response) {
  const auto value = response.headers.get("Connection");
  return value && same_text(*value, "close");
}

std::string http_date() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  const auto length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), length};
}

std::string format_head(const Response& response, bool keep_alive) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += reason(response.status);
  head += "\r\nDate: " + http_date() + "\r\n";
  for (const auto& [name, value] : response.headers.fields()) {
    // Framing is ours alone.
    if (same_text(name, "Content-Length") || same_text(name, "Transfer-Encoding") ||
        same_text(name, "Connection") || same_text(name, "Date")) {
      continue;
    }
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
  }
  if (response.status != 204) {
    head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  head += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

// "http://host/path" is as good as "/path" (RFC 9112, 3.2.2); handlers see the latter only.
std::string origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same_text(target.substr(0, scheme.size()), scheme)) continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    if (slash == std::string_view::npos) return "/";
    const std::string rest(target.substr(slash));
    return rest.front() == '?' ? "/" + rest : rest;
  }
  return std::string(target);
}

}  // namespace

Session::Session(SessionHost& host, Socket socket)
    : host_(host),
      socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      buffer_(std::max<std::size_t>(host.limits.header_bytes, 64u << 10) + 1024) {}

Session::~Session() {
  hold(0);
  host_.ended(this);
}

void Session::start() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->wait_for_request(true); });
}

void Session::refuse(int status, const std::string& message) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), status, message] {
    self->refuse_request(status, message);
  });
}

void Session::close_when_idle() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->phase_ == Phase::idle) self->end();
  });
}

void Session::close_now() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->end(); });
}

void Session::answer(std::uint64_t number, Response response) {
  asio::post(socket_.get_executor(),
             [self = shared_from_this(), number, response = std::move(response)]() mutable {
               if (self->phase_ != Phase::handling || self->number_ != number) return;
               self->write(std::move(response));
             });
}

void Session::wait_for_request(bool first) {
  if (phase_ == Phase::closing) return;
  if (buffer_.size() > 0) return read_header();
  if (host_.draining) return end();
  phase_ = Phase::idle;
  // A new connection must speak at once; only one that has proved itself may rest.
  arm(first ? host_.limits.header_time : host_.limits.idle_time);
  socket_.async_read_some(buffer_.prepare(kReadSize),
                          [self = shared_from_this()](const Error& error, std::size_t count) {
                            if (error || self->phase_ == Phase::closing) return self->end();
                            self->buffer_.commit(count);
                            self->read_header();
                          });
}

void Session::read_header() {
  phase_ = Phase::reading;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(host_.limits.header_bytes));
  parser_->body_limit(host_.limits.body_bytes);
  arm(host_.limits.header_time);
  parse();
}

void Session::parse() {
  const bool in_header = !parser_->is_header_done();
  Error error;
  while (!error && buffer_.size() > 0 && !parser_->is_done()) {
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (in_header && parser_->is_header_done()) break;
  }
  if (error && error != http::error::need_more) return parse_failed(error);
  if (in_header && parser_->is_header_done()) return header_arrived();
  if (!hold(parser_->get().body().size())) {
    return refuse_request(503, "too many large requests at once; try again soon");
  }
  if (parser_->is_done()) return body_arrived();
  read_more();
}

bool Session::hold(std::size_t bytes) {
  host_.held_bytes += bytes;
  host_.held_bytes -= held_;
  held_ = bytes;
  return bytes == 0 || host_.held_bytes <= host_.limits.bodies_bytes;
}

void Session::read_more() {
  const std::size_t room = buffer_.max_size() - buffer_.size();
  if (room == 0) return parse_failed(http::error::buffer_overflow);
  // Not Beast's async_read(): between two of its inner reads there is nothing to cancel, so that a
  // client that drips bytes could outlive its deadline.
  socket_.async_read_some(buffer_.prepare(std::min(kReadSize, room)),
                          [self = shared_from_this()](const Error& error, std::size_t count) {
                            if (self->phase_ == Phase::closing) return;
                            if (self->timed_out_) {
                              return self->refuse_request(408,
                                                          "the request did not arrive in time");
                            }
                            if (error) return self->end();
                            self->buffer_.commit(count);
                            self->parse();
                          });
}

void Session::header_arrived() {
  // Copied now: trailer fields, which come after a chunked body, must not pass for headers.
  const auto& in = parser_->get();
  request_ = Request{};
  request_.method = std::string(view(in.method_string()));
  request_.target = origin_form(view(in.target()));
  for (const auto& field : in) {
    request_.headers.add(std::string(view(field.name_string())), std::string(view(field.value())));
  }
  head_ = request_.method == "HEAD";
  if (in.version() != 10 && in.version() != 11) {
    return refuse_request(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  if (in.version() == 11 && request_.headers.count("Host") != 1) {
    return refuse_request(400, "the request needs exactly one Host header");
  }
  const auto coding = request_.headers.get("Transfer-Encoding");
  if (coding &&
      (!same_text(*coding, "chunked") || request_.headers.count("Transfer-Encoding") > 1 ||
       request_.headers.count("Content-Length") > 0)) {
    return refuse_request(400, "the only transfer coding is chunked, without a Content-Length");
  }
  if (request_.target.front() != '/' && request_.target != "*") {
    return refuse_request(400, "the request target must be a path");
  }
  keep_alive_ = parser_->keep_alive();
  const auto expect = request_.headers.get("Expect");
  if (!expect || in.version() == 10) return read_body();
  if (!same_text(*expect, "100-continue")) return refuse_request(417, "unknown expectation");
  if (parser_->is_done() || buffer_.size() > 0) return read_body();
  send_continue();
}

void Session::send_continue() {
  out_head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  arm(host_.limits.body_time);
  asio::async_write(socket_, asio::buffer(out_head_),
                    [self = shared_from_this()](const Error& error, std::size_t) {
                      if (error) return self->end();
                      self->read_body();
                    });
}

void Session::read_body() {
  if (phase_ == Phase::closing) return;
  if (parser_->is_done()) return body_arrived();
  parser_->eager(true);
  arm(host_.limits.body_time);
  parse();
}

void Session::body_arrived() {
  request_.body = std::move(parser_->get().body());
  handle();
}

void Session::handle() {
  phase_ = Phase::handling;
  parser_.reset();
  ++number_;
  arm(host_.limits.answer_time);  // also keeps the session alive until the answer comes
  Responder respond = Answerer(host_.gate, weak_from_this(), number_);
  try {
    host_.handler(std::move(request_), std::move(respond));
  } catch (const std::exception&) {
    // The responder died with the stack and so has answered 500.
  }
}

void Session::write(Response response) {
  if (phase_ == Phase::closing) return;
  phase_ = Phase::writing;
  parser_.reset();
  hold(0);
  if (!sendable(response)) response = message(500, "the server made an answer it must not send");
  if (wants_close(response) || host_.draining) keep_alive_ = false;
  out_head_ = format_head(response, keep_alive_);
  const bool bodyless = head_ || response.status == 204 || response.status == 304;
  out_body_ = bodyless ? std::string() : std::move(response.body);
  arm(host_.limits.body_time);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(out_head_), asio::buffer(out_body_)};
  asio::async_write(socket_, parts, [self = shared_from_this()](const Error& error, std::size_t) {
    self->written(error);
  });
}

void Session::written(const Error& error) {
  if (phase_ == Phase::closing) return;
  if (error) return end();
  out_body_ = std::string();
  if (!keep_alive_) return linger();
  wait_for_request(false);
}

void Session::parse_failed(const Error& error) {
  const auto& limits = host_.limits;
  if (error == http::error::body_limit) {
    return refuse_request(
        413, "the body is longer than " + std::to_string(limits.body_bytes) + " bytes");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse_request(
        431, "the header is longer than " + std::to_string(limits.header_bytes) + " bytes");
  }
  refuse_request(400, "malformed HTTP: " + error.message());
}

void Session::refuse_request(int status, std::string_view text) {
  keep_alive_ = false;
  write(message(status, text));
}

void Session::linger() {
  phase_ = Phase::writing;
  Error ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  arm(kLinger);
  discard();
}

void Session::discard() {
  if (phase_ == Phase::closing) return;
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kReadSize),
                          [self = shared_from_this()](const Error& error, std::size_t) {
                            if (error) return self->end();
                            self->discard();
                          });
}

void Session::end() {
  if (phase_ == Phase::closing) return;
  phase_ = Phase::closing;
  disarm();
  Error ignored;
  socket_.close(ignored);
}

void Session::arm(std::chrono::milliseconds limit) {
  timed_out_ = false;
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), ticket = ++ticket_](const Error& error) {
    if (!error && ticket == self->ticket_) self->expired();
  });
}

void Session::disarm() {
  ++ticket_;
  timer_.cancel();
}

void Session::expired() {
  if (phase_ == Phase::closing) return;
  if (phase_ == Phase::handling) {
    return write(message(503, "the request took too long; try again"));
  }
  // Only a request that did not arrive gets a word, said when the read that is cancelled here ends.
  if (phase_ != Phase::reading) return end();
  timed_out_ = true;
  Error ignored;
  socket_.cancel(ignored);
}

}  // namespace jitney::net
