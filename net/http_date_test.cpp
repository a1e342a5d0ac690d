// SPDX-License-Identifier: Apache-2.0
#include "net/http_date.hpp"

#include <gtest/gtest.h>

#include "net/rfc3339.hpp"

namespace jitney::net {
namespace {

TEST(HttpDate, ReadsWhatServersSend) {
  EXPECT_EQ(parse_http_date("Sat, 28 Nov 2026 13:33:38 GMT"),
            parse_rfc3339("2026-11-28T13:33:38Z"));
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            parse_rfc3339("1994-11-06T08:49:37Z"));
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT"),
            parse_rfc3339("2024-02-29T00:00:00Z"));
}

TEST(HttpDate, RefusesAllElse) {
  for (const auto* text :
       {"", "Sat, 28 Nov 2026 13:33:38", "Sat, 28 Nov 2026 13:33:38 UTC",
        "Sat, 28 Nox 2026 13:33:38 GMT", "Sat, 31 Nov 2026 13:33:38 GMT",
        "Sat, 28 Nov 2026 25:33:38 GMT", "Sat,  8 Nov 2026 13:33:38 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "2026-11-28T13:33:38Z"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace jitney::net
