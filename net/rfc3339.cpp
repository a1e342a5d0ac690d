// SPDX-License-Identifier: Apache-2.0
#include "net/rfc3339.hpp"

#include <chrono>
#include <cstddef>

namespace jitney::net {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Reads fields of fixed width from the front; once something does not fit, it stays failed.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t width, int low, int high) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      const char c = next();
      if (c < '0' || c > '9') failed_ = true;
      value = value * 10 + (c - '0');
    }
    if (value < low || value > high) failed_ = true;
    return value;
  }

  char one_of(std::string_view allowed) {
    const char c = next();
    if (allowed.find(c) == std::string_view::npos) failed_ = true;
    return c;
  }

  milliseconds fraction() {
    if (rest_.empty() || rest_.front() != '.') return {};
    rest_.remove_prefix(1);
    int value = 0;
    int digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
      if (digits < 3) value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (digits == 0) failed_ = true;
    for (; digits < 3; ++digits) value *= 10;
    return milliseconds(value);
  }

  minutes offset() {
    const char sign = one_of("Zz+-");
    if (sign == 'Z' || sign == 'z') return {};
    const minutes whole = hours(number(2, 0, 23));
    one_of(":");
    const minutes ahead = whole + minutes(number(2, 0, 59));
    return sign == '-' ? -ahead : ahead;
  }

  [[nodiscard]] bool done() const { return !failed_ && rest_.empty(); }

 private:
  char next() {
    if (rest_.empty()) {
      failed_ = true;
      return '\0';
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  std::string_view rest_;
  bool failed_ = false;
};

void append_padded(std::string& out, long long value, std::size_t width) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

std::string format_seconds(core::Time time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<seconds>(time - day));
  std::string out;
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, clock.hours().count(), 2);
  out += ':';
  append_padded(out, clock.minutes().count(), 2);
  out += ':';
  append_padded(out, clock.seconds().count(), 2);
  return out;
}

}  // namespace

std::optional<core::Time> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  const std::chrono::year year(reader.number(4, 0, 9999));
  reader.one_of("-");
  const std::chrono::month month(static_cast<unsigned>(reader.number(2, 1, 12)));
  reader.one_of("-");
  const std::chrono::day day(static_cast<unsigned>(reader.number(2, 1, 31)));
  reader.one_of("Tt ");
  const hours hour(reader.number(2, 0, 23));
  reader.one_of(":");
  const minutes minute(reader.number(2, 0, 59));
  reader.one_of(":");
  const seconds second(reader.number(2, 0, 60));
  const milliseconds fraction = reader.fraction();
  const minutes ahead = reader.offset();
  const std::chrono::year_month_day date(year, month, day);
  if (!reader.done() || !date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + hour + minute + second + fraction - ahead;
}

std::string format_rfc3339(core::Time time) { return format_seconds(time) + "Z"; }

std::string format_rfc3339_ms(core::Time time) {
  std::string out = format_seconds(time) + ".";
  append_padded(out, (time - std::chrono::floor<seconds>(time)).count(), 3);
  return out + "Z";
}

}  // namespace jitney::net
