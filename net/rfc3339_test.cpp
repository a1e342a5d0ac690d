// SPDX-License-Identifier: Apache-2.0
#include "net/rfc3339.hpp"

#include <gtest/gtest.h>

namespace jitney::net {
namespace {

using namespace std::chrono_literals;
using core::Time;
using std::chrono::sys_days;

constexpr Time kExample = sys_days(2026y / 1 / 2) + 3h + 4min + 5s;

TEST(Rfc3339, ReadsWhatGithubAndOthersWrite) {
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05Z"), kExample);
  EXPECT_EQ(parse_rfc3339("2026-01-02t03:04:05z"), kExample);
  EXPECT_EQ(parse_rfc3339("2026-01-02 03:04:05Z"), kExample);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.6Z"), kExample + 600ms);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.0679999999Z"), kExample + 67ms);
  EXPECT_EQ(parse_rfc3339("2026-01-02T05:04:05+02:00"), kExample);
  EXPECT_EQ(parse_rfc3339("2026-01-01T21:34:05.001-05:30"), kExample + 1ms);
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), Time(sys_days(2024y / 2 / 29)));
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), Time(sys_days(2017y / 1 / 1)));
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59.999Z"), Time(-1ms));
}

TEST(Rfc3339, RefusesTheRest) {
  for (const char* bad : {"",
                          "2026",
                          "2026-01-02",
                          "2026-01-02T03:04:05",
                          "2026-01-02T03:04Z",
                          "2026-13-02T03:04:05Z",
                          "2026-00-02T03:04:05Z",
                          "2026-02-29T03:04:05Z",
                          "2026-01-02T24:00:00Z",
                          "2026-01-02T03:60:05Z",
                          "2026-01-02T03:04:61Z",
                          "2026-01-02T03:04:05.Z",
                          "2026-01-02T03:04:05Zx",
                          "2026-01-02T03:04:05+2:00",
                          "2026-01-02T03:04:05+24:00",
                          "2026-01-02T03:04:05+0200",
                          "-026-01-02T03:04:05Z",
                          " 2026-01-02T03:04:05Z",
                          "2026-1-2T03:04:05Z",
                          "null"}) {
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  }
}

TEST(Rfc3339, Writes) {
  EXPECT_EQ(format_rfc3339(kExample + 999ms), "2026-01-02T03:04:05Z");
  EXPECT_EQ(format_rfc3339_ms(kExample + 7ms), "2026-01-02T03:04:05.007Z");
  EXPECT_EQ(format_rfc3339_ms(Time(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, ReadsWhatItWrites) {
  for (long long day = -20'000; day < 60'000; day += 37) {
    const Time time(std::chrono::milliseconds(day * 86'400'000 + day * 7919 % 86'400'000));
    EXPECT_EQ(parse_rfc3339(format_rfc3339_ms(time)), time);
  }
}

}  // namespace
}  // namespace jitney::net
