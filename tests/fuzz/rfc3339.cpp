// SPDX-License-Identifier: Apache-2.0
// A timestamp.
#include "net/rfc3339.hpp"

#include <cstdio>
#include <ctime>
#include <regex>
#include <string>

#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

// By a regular expression and the C library's calendar.
std::optional<core::Time> slowly(const std::string& text) {
  static const std::regex form(
      R"((\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d))");
  std::smatch part;
  if (!std::regex_match(text, part, form)) return std::nullopt;
  std::tm tm{};
  tm.tm_year = std::stoi(part[1]) - 1900;
  tm.tm_mon = std::stoi(part[2]) - 1;
  tm.tm_mday = std::stoi(part[3]);
  tm.tm_hour = std::stoi(part[4]);
  tm.tm_min = std::stoi(part[5]);
  tm.tm_sec = std::stoi(part[6]);
  if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) return std::nullopt;
  std::tm date{};
  date.tm_year = tm.tm_year;
  date.tm_mon = tm.tm_mon;
  date.tm_mday = tm.tm_mday;
  timegm(&date);  // puts the 31st of April right: then it is no date
  if (date.tm_mday != tm.tm_mday || date.tm_mon != tm.tm_mon || date.tm_year != tm.tm_year) {
    return std::nullopt;
  }
  std::int64_t ahead = 0;
  if (const std::string zone = part[8]; zone.size() == 6) {
    const int hours = std::stoi(zone.substr(1, 2));
    const int minutes = std::stoi(zone.substr(4, 2));
    if (hours > 23 || minutes > 59) return std::nullopt;
    ahead = (hours * 60 + minutes) * (zone[0] == '-' ? -60 : 60);
  }
  std::int64_t millis = 0;
  if (part[7].matched) millis = std::stoi((part[7].str() + "000").substr(1, 3));
  return core::Time(core::Duration((timegm(&tm) - ahead) * 1000 + millis));
}

}  // namespace

void target(std::string_view input) {
  const auto time = net::parse_rfc3339(input);
  // The library's regular expressions recurse with the text's length.
  if (input.size() <= 200) {
    expect(time == slowly(std::string(input)), "a time is what the C library makes of it");
  }
  if (!time) return;
  const std::string written = net::format_rfc3339_ms(*time);
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(*time));
  // An offset can lead out of the years that the format knows.
  if (date.year() < std::chrono::year(0) || date.year() > std::chrono::year(9999)) return;
  expect(net::parse_rfc3339(written) == time, "a time is read as it was written");
  const auto whole = net::parse_rfc3339(net::format_rfc3339(*time));
  expect(whole && *whole <= *time && *time - *whole < std::chrono::seconds(1),
         "without its fraction a time is the same second");
}

}  // namespace jitney::fuzz
