// SPDX-License-Identifier: Apache-2.0
#include "tests/aws/runtime_api.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace jitney::tests {

namespace {

constexpr std::string_view kBase = "/2018-06-01/runtime/";
constexpr std::size_t kLongestAnswer = (6u << 20) + 100;  // as in AWS's own emulator

net::Response status(int code, std::string_view type = "") {
  net::Response response{
      .status = code, .headers = {{"Content-Type", "application/json"}}, .body = {}};
  response.body =
      type.empty() ? R"({"status":"OK"})" : R"({"errorType":")" + std::string(type) + "\"}";
  return response;
}

}  // namespace

RuntimeApi::RuntimeApi() {
  net::ServerOptions options{.port = 0, .threads = 1, .limits = {}};
  options.limits.answer_time = std::chrono::hours(1);  // a function may wait long for its event
  options.limits.idle_time = std::chrono::hours(1);
  auto made =
      net::HttpServer::listen(options, [this](const net::Request& request, net::Responder respond) {
        handle(request, std::move(respond));
      });
  if (!made) throw std::runtime_error(made.error().what);
  server_ = *std::move(made);
  port_ = server_->port();
}

std::string RuntimeApi::address() const { return "127.0.0.1:" + std::to_string(port_); }

std::string RuntimeApi::send(Event event) {
  std::optional<net::Responder> respond;
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    id = "8476a536-e9f4-11e8-9739-" + std::to_string(100'000'000'000 + ++sent_);
    if (!waiting_) {
      events_.emplace_back(id, std::move(event));
      return id;
    }
    respond = std::exchange(waiting_, std::nullopt);
    current_.emplace(id, event);
  }
  give(*std::move(respond), std::move(event));
  return id;
}

// `current_` is what is given.
void RuntimeApi::give(net::Responder respond, Event event) {
  net::Response response{.status = 200, .headers = {}, .body = std::move(event.payload)};
  if (event.headers) {
    response.headers = *event.headers;
  } else {
    const auto deadline = std::chrono::duration_cast<std::chrono::milliseconds>(
        (std::chrono::system_clock::now() + event.time).time_since_epoch());
    const std::lock_guard lock(mutex_);
    response.headers = {
        {"Content-Type", "application/json"},
        {"Lambda-Runtime-Aws-Request-Id", current_->first},
        {"Lambda-Runtime-Deadline-Ms", std::to_string(deadline.count())},
        {"Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f"},
        {"Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1"}};
  }
  respond(std::move(response));
}

void RuntimeApi::next(net::Responder respond) {
  Event event;
  {
    const std::lock_guard lock(mutex_);
    ++asked_;
    changed_.notify_all();
    if (refused_ != 0) return respond(status(refused_, "InvalidStateTransition"));
    if (!current_) {
      if (events_.empty()) {
        waiting_ = std::move(respond);
        return;
      }
      current_ = std::move(events_.front());
      events_.pop_front();
    }
    event = current_->second;  // asked twice: the same again
    if (event.headers) current_.reset();
  }
  give(std::move(respond), std::move(event));
}

void RuntimeApi::take(const net::Request& request, net::Responder& respond, std::string_view id,
                      bool error) {
  const std::lock_guard lock(mutex_);
  if (!current_ || current_->first != id) return respond(status(400, "InvalidRequestID"));
  if (request.body.size() > kLongestAnswer) {
    current_.reset();
    return respond(status(413, "RequestEntityTooLarge"));
  }
  current_.reset();
  answers_.push_back({.request_id = std::string(id),
                      .error = error,
                      .body = request.body,
                      .error_type = std::string(
                          request.headers.get("Lambda-Runtime-Function-Error-Type").value_or(""))});
  changed_.notify_all();
  respond(status(verdict_ == 0 ? 202 : std::exchange(verdict_, 0)));
}

void RuntimeApi::handle(const net::Request& request, net::Responder respond) {
  std::string_view path = request.path();
  if (!path.starts_with(kBase)) return respond(status(404, "NotFound"));
  path.remove_prefix(kBase.size());
  if (request.method == "GET" && path == "invocation/next") return next(std::move(respond));
  if (request.method == "POST" && path == "init/error") {
    const std::lock_guard lock(mutex_);
    init_error_ = Answer{
        .request_id = "",
        .error = true,
        .body = request.body,
        .error_type =
            std::string(request.headers.get("Lambda-Runtime-Function-Error-Type").value_or(""))};
    changed_.notify_all();
    return respond(status(202));
  }
  constexpr std::string_view kInvocation = "invocation/";
  const auto slash = path.rfind('/');
  const auto end = path.substr(slash + 1);
  if (request.method != "POST" || !path.starts_with(kInvocation) || slash <= kInvocation.size() ||
      (end != "response" && end != "error")) {
    return respond(status(404, "NotFound"));
  }
  take(request, respond, path.substr(kInvocation.size(), slash - kInvocation.size()),
       end == "error");
}

std::optional<RuntimeApi::Answer> RuntimeApi::answer(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, longest, [this] { return !answers_.empty(); })) return std::nullopt;
  Answer first = std::move(answers_.front());
  answers_.pop_front();
  return first;
}

bool RuntimeApi::wait_asked(int times, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, longest, [&] { return asked_ >= times; });
}

int RuntimeApi::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

std::optional<RuntimeApi::Answer> RuntimeApi::init_error(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest, [this] { return init_error_.has_value(); });
  return init_error_;
}

void RuntimeApi::cut() {
  const std::lock_guard lock(mutex_);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    sockaddr_in own{};
    sockaddr_in peer{};
    socklen_t size = sizeof own;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &size) != 0) continue;
    size = sizeof peer;
    const bool connected =
        ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
    // The listener stays: a sandbox that thaws finds the Runtime API where it was.
    if (connected && ntohs(own.sin_port) == port_) ::shutdown(descriptor, SHUT_RDWR);
  }
  waiting_.reset();  // only now: its end would be an answer
}

void RuntimeApi::refuse(int status_code) {
  std::optional<net::Responder> respond;
  {
    const std::lock_guard lock(mutex_);
    refused_ = status_code;
    respond = std::exchange(waiting_, std::nullopt);
  }
  if (respond) (*respond)(status(status_code, "InvalidStateTransition"));
}

void RuntimeApi::judge_next(int status_code) {
  const std::lock_guard lock(mutex_);
  verdict_ = status_code;
}

}  // namespace jitney::tests
