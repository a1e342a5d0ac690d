// SPDX-License-Identifier: Apache-2.0
#include "aws/lambda_runtime.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <exception>
#include <optional>
#include <utility>

#include "net/log.hpp"

namespace jitney::aws {

namespace {

using core::Fault;
using Steady = std::chrono::steady_clock;

constexpr std::string_view kVersion = "/2018-06-01/runtime";
// Events are at most 6 MB, and base64 inside them is counted already.
constexpr std::size_t kLongestEvent = 16u << 20;
// No function runs longer, whatever a header or a jumping clock says.
constexpr std::chrono::milliseconds kLongestRun = std::chrono::hours(2);
constexpr int kNextTries = 3;
constexpr std::size_t kLongestMessage = 32u << 10;

std::string_view header(const net::Response& response, std::string_view name) {
  return response.headers.get(name).value_or(std::string_view{});
}

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::optional<core::Time> deadline_of(std::string_view text) {
  std::int64_t at = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, at).ptr != end || at <= 0) {
    return std::nullopt;
  }
  return core::Time(std::chrono::milliseconds(at));
}

core::Result<Invocation> read(net::Response event) {
  Invocation made;
  made.request_id = header(event, "Lambda-Runtime-Aws-Request-Id");
  if (!is_request_id(made.request_id)) {
    return core::fail(Fault::transient, "the Lambda Runtime API sent an event without request id");
  }
  made.trace_id = header(event, "Lambda-Runtime-Trace-Id");
  made.function_arn = header(event, "Lambda-Runtime-Invoked-Function-Arn");
  made.payload = std::move(event.body);
  const auto now = std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
  // Without a deadline nothing is begun: the error is this event's, not the process's.
  made.deadline = deadline_of(header(event, "Lambda-Runtime-Deadline-Ms")).value_or(now);
  made.steady_deadline = Steady::now() + std::clamp<core::Duration>(made.deadline - now,
                                                                    core::Duration(0), kLongestRun);
  return made;
}

std::string error_body(std::string_view type, std::string_view message) {
  return boost::json::serialize(
      boost::json::object{{"errorMessage", boost::json::string(message.substr(0, kLongestMessage))},
                          {"errorType", boost::json::string(type)},
                          {"stackTrace", boost::json::array{}}});
}

net::Headers error_headers(const std::string& type) {
  return {{"Content-Type", "application/json"}, {"Lambda-Runtime-Function-Error-Type", type}};
}

// 4xx: about this one answer (too long, or Lambda has given up on the event). 5xx: the sandbox is
// broken.
core::Status judge(const core::Result<net::Response>& answered, const Invocation& invocation) {
  if (!answered) return std::unexpected(answered.error());
  if (answered->status >= 500) {
    return core::fail(Fault::transient, "the Lambda Runtime API answered " +
                                            std::to_string(answered->status) +
                                            ": this process must end");
  }
  if (answered->status >= 300) {
    net::log(net::LogLevel::warning, "Lambda did not take the answer to an event",
             {{"request_id", invocation.request_id}, {"status", answered->status}});
  }
  return {};
}

}  // namespace

std::string error_type(Fault fault) {
  std::string type = "Function.";
  bool upper = true;
  for (const char c : core::to_string(fault)) {
    if (c == '_') {
      upper = true;
    } else {
      type += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return type;
}

LambdaRuntime::LambdaRuntime(RuntimeOptions options, net::Url base)
    : options_(std::move(options)), base_(std::move(base)) {
  net::ClientOptions client;  // no proxy: what the environment says of proxies is for others
  client.answer_bytes = kLongestEvent;
  client.connections_per_host = 1;
  client.idle_time = std::chrono::hours(24);  // one that died is noticed and replaced
  client_ = std::make_unique<net::HttpClient>(std::move(client));
}

core::Result<LambdaRuntime> LambdaRuntime::open(RuntimeOptions options) {
  auto base = net::parse_url("http://" + options.address);
  if (options.address.empty() || !base) {
    return core::fail(Fault::invalid,
                      "AWS_LAMBDA_RUNTIME_API is no address of the Lambda Runtime API: this "
                      "program is started by Lambda, or by its runtime interface emulator");
  }
  return LambdaRuntime(std::move(options), *std::move(base));
}

core::Result<net::Response> LambdaRuntime::post(const std::string& path, net::Headers headers,
                                                std::string body) {
  return client_->send(base_,
                       {.method = "POST",
                        .target = std::string(kVersion) + path,
                        .headers = std::move(headers),
                        .body = std::move(body)},
                       Steady::now() + options_.answer_time);
}

core::Status LambdaRuntime::init_error(const core::Error& error) {
  const auto type = error_type(error.fault);
  const auto told = post("/init/error", error_headers(type), error_body(type, error.what));
  if (!told) return std::unexpected(told.error());
  return {};
}

// The one call without a deadline: Lambda freezes the process here until there is work.
core::Result<net::Response> LambdaRuntime::next() {
  const net::Request request{.method = "GET",
                             .target = std::string(kVersion) + "/invocation/next",
                             .headers = {},
                             .body = {}};
  for (int tries = 1;; ++tries) {
    auto event = client_->send(base_, request, Steady::time_point::max());
    if (event && event->status == 200) return event;
    // A connection that died while frozen: the same event is offered again.
    if (!event && tries < kNextTries) continue;
    if (!event) return std::unexpected(event.error());
    return core::fail(Fault::transient, "the Lambda Runtime API answered " +
                                            std::to_string(event->status) + " instead of an event");
  }
}

core::Result<std::string> LambdaRuntime::call(const Handler& handler,
                                              const Invocation& invocation) {
  try {
    return handler(invocation);
  } catch (const std::exception& bug) {
    return core::fail(Fault::transient, std::string("exception: ") + bug.what());
  }
}

core::Status LambdaRuntime::answer(const Invocation& invocation,
                                   const core::Result<std::string>& outcome) {
  const std::string path = "/invocation/" + invocation.request_id;
  core::Error error;
  if (outcome && outcome->size() <= options_.response_bytes) {
    return judge(post(path + "/response", {{"Content-Type", "application/json"}}, *outcome),
                 invocation);
  }
  if (outcome) {
    error = {.fault = Fault::invalid,
             .what = "the answer of " + std::to_string(outcome->size()) +
                     " bytes is longer than Lambda's " + std::to_string(options_.response_bytes)};
  } else {
    error = outcome.error();
  }
  net::log(net::LogLevel::error, "an event failed",
           {{"request_id", invocation.request_id},
            {"fault", core::to_string(error.fault)},
            {"error", error.what}});
  const std::string type = error_type(error.fault);
  return judge(post(path + "/error", error_headers(type), error_body(type, error.what)),
               invocation);
}

core::Status LambdaRuntime::serve_one(const Handler& handler) {
  auto event = next();
  if (!event) return std::unexpected(event.error());
  const auto invocation = read(*std::move(event));
  if (!invocation) {
    net::log(net::LogLevel::error, "an event cannot be answered",
             {{"error", invocation.error().what}});
    if (++nameless_ >= kNextTries) return std::unexpected(invocation.error());
    return {};
  }
  nameless_ = 0;
  return answer(*invocation, call(handler, *invocation));
}

core::Error LambdaRuntime::serve(const Handler& handler) {
  for (;;) {
    if (core::Status served = serve_one(handler); !served) return served.error();
  }
}

}  // namespace jitney::aws
