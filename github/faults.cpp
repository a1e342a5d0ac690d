// SPDX-License-Identifier: Apache-2.0
#include "github/faults.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <charconv>

#include "github/job_body.hpp"
#include "net/json.hpp"

namespace jitney::github {
namespace {

using core::Duration;
using core::Fault;
using std::chrono::seconds;

constexpr std::size_t kMaxMessage = 300;
constexpr Duration kShortestWait = seconds(1);
constexpr Duration kUsualWait = std::chrono::minutes(1);
// The primary limit is by the hour. More than that is a clock that is wrong, theirs or ours.
constexpr Duration kLongestWait = std::chrono::minutes(65);

enum class Sign {
  any,
  words,      // the message contains `words`, compared without case
  waiting,    // there is a retry-after
  exhausted,  // x-ratelimit-remaining is 0
};

struct Row {
  int first;  // statuses, both ends included
  int last;
  Sign sign;
  std::string_view words;
  Fault fault;
  Limit limit = Limit::none;
};

// The first row that fits counts.
constexpr std::array kRows{
    // Renamed. Reads follow one hop before they come here; a write under the old name does not.
    Row{300, 399, Sign::any, "", Fault::not_found},
    Row{400, 400, Sign::any, "", Fault::invalid},
    Row{401, 401, Sign::any, "", Fault::unauthorized},
    Row{403, 403, Sign::words, "secondary rate limit", Fault::throttled, Limit::secondary},
    Row{403, 403, Sign::words, "abuse detection", Fault::throttled, Limit::secondary},
    Row{403, 403, Sign::exhausted, "", Fault::throttled, Limit::primary},
    Row{403, 403, Sign::words, "api rate limit exceeded", Fault::throttled, Limit::primary},
    Row{403, 403, Sign::waiting, "", Fault::throttled, Limit::secondary},
    Row{403, 403, Sign::any, "", Fault::unauthorized},
    Row{404, 404, Sign::any, "", Fault::not_found},
    Row{409, 409, Sign::any, "", Fault::conflict},
    Row{410, 410, Sign::any, "", Fault::not_found},
    Row{422, 422, Sign::words, "already exists", Fault::conflict},
    Row{422, 422, Sign::words, "reached max limit", Fault::no_capacity},
    Row{422, 422, Sign::any, "", Fault::invalid},
    Row{429, 429, Sign::words, "secondary rate limit", Fault::throttled, Limit::secondary},
    Row{429, 429, Sign::exhausted, "", Fault::throttled, Limit::primary},
    Row{429, 429, Sign::any, "", Fault::throttled, Limit::secondary},
    Row{451, 451, Sign::any, "", Fault::not_found},  // taken down for legal reasons
    Row{500, 599, Sign::any, "", Fault::transient},
};

bool contains(std::string_view text, std::string_view lower_case) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  };
  return std::ranges::search(text, lower_case, same).begin() != text.end() || lower_case.empty();
}

std::optional<std::int64_t> number_of(const net::Headers& headers, std::string_view name) {
  const auto text = headers.get(name);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return number;
}

bool fits(const Row& row, int status, const net::Headers& headers, std::string_view message) {
  if (status < row.first || status > row.last) return false;
  switch (row.sign) {
    case Sign::any:
      return true;
    case Sign::words:
      return contains(message, row.words);
    case Sign::waiting:
      return headers.get("retry-after").has_value();
    case Sign::exhausted:
      return number_of(headers, "x-ratelimit-remaining") == 0;
  }
  return false;
}

// Bounded before it is multiplied or added: the numbers are a stranger's.
Duration bounded_wait(std::int64_t in_seconds) {
  constexpr std::int64_t kMost = std::chrono::duration_cast<seconds>(kLongestWait).count();
  return std::max(kShortestWait, Duration(seconds(std::clamp<std::int64_t>(in_seconds, 0, kMost))));
}

std::optional<Duration> asked_wait(const net::Headers& headers, Limit limit, core::Time now) {
  if (const auto after = number_of(headers, "retry-after")) return bounded_wait(*after);
  if (limit != Limit::primary) return std::nullopt;
  const auto reset = number_of(headers, "x-ratelimit-reset");
  if (!reset) return std::nullopt;
  const std::int64_t today = std::chrono::floor<seconds>(now).time_since_epoch().count();
  const std::int64_t bounded_reset = std::clamp<std::int64_t>(*reset, 0, std::int64_t{1} << 40);
  return bounded_wait(bounded_reset - today);
}

}  // namespace

Verdict judge(int status, const net::Headers& headers, std::string_view message, core::Time now) {
  Verdict verdict;
  for (const Row& row : kRows) {
    if (!fits(row, status, headers, message)) continue;
    verdict.fault = row.fault;
    verdict.limit = row.limit;
    break;
  }
  if (verdict.fault == Fault::throttled || verdict.fault == Fault::transient) {
    verdict.retry_after = asked_wait(headers, verdict.limit, now);
  }
  if (verdict.fault == Fault::throttled && !verdict.retry_after) verdict.retry_after = kUsualWait;
  return verdict;
}

std::string message_of(std::string_view body) {
  const auto parsed = net::parse_json(body.substr(0, 64u << 10));
  if (!parsed) return {};
  std::string text = net::get_string_or(*parsed, "message", "");
  if (const auto* errors = net::get_array(*parsed, "errors"); errors != nullptr) {
    for (const auto& error : *errors) {
      std::string words;
      if (const auto* word = error.if_string()) words.assign(word->data(), word->size());
      if (words.empty()) words = net::get_string_or(error, "message", "");
      if (!words.empty() && text.size() < kMaxMessage) text += " (" + words + ")";
    }
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return bounded(text, kMaxMessage);
}

}  // namespace jitney::github
