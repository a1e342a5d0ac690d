// SPDX-License-Identifier: Apache-2.0
// JSON-line logs on stderr: one object a line, so that journald, CloudWatch and jq read them alike.
// Thread-safe.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace jitney::net {

enum class LogLevel { debug, info, warning, error };

// A value to be logged. There is no conversion from core::Secret, on purpose.
using LogValue = std::variant<std::string_view, std::int64_t, double, bool>;
struct LogField {
  std::string_view name;
  LogValue value;
  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  template <std::integral T>
  LogField(std::string_view n, T v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

void set_log_level(LogLevel level);

// {"ts":"2026-01-02T03:04:05.678Z","level":"info","msg":"job queued","job":17,...}
// `message` is constant text; what varies stands in fields.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace jitney::net
