// SPDX-License-Identifier: Apache-2.0
// The Lambda Runtime API: our own loop of next, handler, response. Plain HTTP on loopback; the
// process is frozen inside `next`, for hours at times. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/http_client.hpp"

namespace jitney::aws {

struct Invocation {
  std::string request_id;
  std::string payload;
  std::string trace_id;      // X-Ray; may be empty
  std::string function_arn;  // may be empty
  core::Time deadline{};     // after it the process is killed without a word
  // The same moment on the clock that nobody sets; counted from when the event arrived, so that a
  // thaw does not make it look passed.
  std::chrono::steady_clock::time_point steady_deadline{};
};

// An error is told to Lambda, whose caller decides about a retry. Exceptions count as errors.
using Handler = std::function<core::Result<std::string>(const Invocation&)>;

struct RuntimeOptions {
  std::string address;                          // AWS_LAMBDA_RUNTIME_API: host:port
  std::size_t response_bytes = 6u << 20;        // longer answers are an error of the function
  std::chrono::milliseconds answer_time{5000};  // of posting one answer
};

class LambdaRuntime {
 public:
  // `invalid`: the address is none.
  static core::Result<LambdaRuntime> open(RuntimeOptions options);

  // The process cannot serve: said before the first event, then the process ends.
  core::Status init_error(const core::Error& error);

  // Waits for one event, however long, and answers it. ok: whatever became of it, Lambda may send
  // the next. An error: Lambda does not talk to this process any more; it must end.
  core::Status serve_one(const Handler& handler);

  // Serves until that error. A connection that died while frozen is opened again first.
  core::Error serve(const Handler& handler);

 private:
  LambdaRuntime(RuntimeOptions options, net::Url base);
  core::Result<net::Response> next();
  core::Result<std::string> call(const Handler& handler, const Invocation& invocation);
  core::Status answer(const Invocation& invocation, const core::Result<std::string>& outcome);
  core::Result<net::Response> post(const std::string& path, net::Headers headers, std::string body);

  RuntimeOptions options_;
  net::Url base_;
  std::unique_ptr<net::HttpClient> client_;
  int nameless_ = 0;  // events in a row that could not be answered
};

// "Function.NoCapacity": Lambda's own pattern for error types, which its metrics are grouped by.
std::string error_type(core::Fault fault);

}  // namespace jitney::aws
