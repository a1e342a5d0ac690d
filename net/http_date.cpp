// SPDX-License-Identifier: Apache-2.0
#include "net/http_date.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "net/rfc3339.hpp"

namespace jitney::net {

std::optional<core::Time> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sat, 28 Nov 2026 13:33:38 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
      text[16] != ' ' || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const std::string number = std::to_string(month - kMonths.begin() + 101).substr(1);
  return parse_rfc3339(std::string(text.substr(12, 4)) + "-" + number + "-" +
                       std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) +
                       "Z");
}

}  // namespace jitney::net
