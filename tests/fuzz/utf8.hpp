// SPDX-License-Identifier: Apache-2.0
// Whether text is UTF-8, decoded slowly: what is none cannot be stored in DynamoDB nor stand in
// JSON. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace jitney::fuzz {

inline bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    std::size_t more = 0;
    std::uint32_t point = lead;
    if (lead >= 0x80) {
      more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
      if (lead < 0xc0 || lead >= 0xf8) return false;
      point = lead & (0x3fU >> more);
    }
    if (text.size() - at <= more) return false;
    for (std::size_t i = 1; i <= more; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      if (byte >> 6 != 2) return false;
      point = point << 6 | (byte & 0x3fU);
    }
    constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (point < kLeast[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      return false;
    }
    at += more + 1;
  }
  return true;
}

}  // namespace jitney::fuzz
