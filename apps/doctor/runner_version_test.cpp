// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/runner_version.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using testing::HasSubstr;

// A text constant as .NET writes it.
std::string constant(const std::string& text) {
  std::string bytes(1, static_cast<char>(2 * text.size() + 1));
  for (const char c : text) bytes += {c, '\0'};
  return bytes + '\0';
}

TEST(RunnerVersion, IsFoundAmongTheTextConstantsOfTheProgram) {
  const std::string noise = constant("Listening for Jobs") + constant("2.0") + constant("10.336.0");
  EXPECT_EQ(version_in(noise + constant("2.336.0") + noise), "2.336.0");
  EXPECT_EQ(version_in(noise), std::nullopt);
  EXPECT_EQ(version_in(""), std::nullopt);
}

TEST(RunnerVersion, PartOfALongerTextIsNone) {
  EXPECT_EQ(version_in(constant("v2.336.0-rc")), std::nullopt);
  EXPECT_EQ(version_in(constant("2.336.0.1")), std::nullopt);
}

TEST(RunnerVersion, OfSeveralTheNewestCounts) {
  EXPECT_EQ(version_in(constant("2.299.1") + constant("2.336.0") + constant("2.283.2")), "2.336.0");
}

TEST(RunnerVersion, IsReadStrictly) {
  EXPECT_TRUE(parse_runner_version("2.336.0"));
  for (const char* wrong :
       {"", "2", "2.336", "2.336.", "2.336.0.", "2.336.0-rc", " 2.336.0", "2.-1.0"}) {
    EXPECT_FALSE(parse_runner_version(wrong)) << wrong;
  }
  EXPECT_LT(*parse_runner_version("2.99.9"), *parse_runner_version("2.100.0"));
}

TEST(RunnerVersion, BelowTheFloorOrFarBehindFailsAndALittleBehindWarns) {
  const auto verdict = [](const char* have, const char* newest) {
    return check_runner_version("/opt/actions-runner", have, newest).verdict;
  };
  EXPECT_EQ(verdict("2.328.9", ""), Verdict::failed);
  EXPECT_EQ(verdict("2.333.0", "2.336.0"), Verdict::failed);
  EXPECT_EQ(verdict("2.334.0", "2.336.0"), Verdict::warning);
  EXPECT_EQ(verdict("2.336.0", "2.336.1"), Verdict::warning);
  EXPECT_EQ(verdict("2.336.0", "2.336.0"), Verdict::ok);
  EXPECT_EQ(verdict("2.337.0", "2.336.0"), Verdict::ok);
  EXPECT_EQ(verdict("2.336.0", ""), Verdict::ok);
  EXPECT_EQ(verdict("", "2.336.0"), Verdict::skipped);
  EXPECT_THAT(check_runner_version("/opt/r", "2.330.0", "2.336.0").seen,
              HasSubstr("2.330.0; GitHub offers 2.336.0"));
}

}  // namespace
}  // namespace jitney::app
