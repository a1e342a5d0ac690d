// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <sstream>

namespace jitney::app {
namespace {

using testing::HasSubstr;
using testing::Not;

const Area kSection{
    "GitHub acme",
    {ok("credentials", "a token, which GitHub takes"),
     failed("webhook", "there is none", "jitney webhook install"), skipped("clock", "no date")}};

TEST(Report, ShowsEachFindingAndBelowWhatToDo) {
  EXPECT_EQ(section_text(kSection, {}),
            "GitHub acme\n"
            "  ok       credentials  a token, which GitHub takes\n"
            "  failed   webhook      there is none\n"
            "                        > jitney webhook install\n"
            "  skipped  clock        no date\n");
}

TEST(Report, BreaksLongLinesUnderTheirBeginning) {
  const Area area{"s",
                  {warning("disk", "one two three four five six seven eight nine ten",
                           "free some space, or lower min_free_disk of [process]")}};
  std::istringstream lines(section_text(area, {.width = 50, .colour = false}));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  EXPECT_EQ(line, "  warning  disk  one two three four five six seven");
  std::getline(lines, line);
  EXPECT_EQ(line, "                 eight nine ten");
  while (std::getline(lines, line)) EXPECT_LE(line.size(), 50U) << line;
}

TEST(Report, WhatOthersWroteCannotMoveTheCursor) {
  const Area area{"a\033[2J", {ok("b", "c\033[2Jd\n")}};
  EXPECT_THAT(section_text(area, {}), Not(HasSubstr("\033")));
  EXPECT_THAT(section_text(area, {}), HasSubstr("c?[2Jd?"));
}

TEST(Report, CountsVerdictsAndKnowsWhetherAnyFailed) {
  EXPECT_EQ(tally_text({kSection, kSection}, {}), "2 ok, 2 failed, 2 skipped\n");
  EXPECT_TRUE(any_failed({kSection}));
  EXPECT_FALSE(any_failed({{"s", {warning("a", "b", "c"), ok("d", "e"), skipped("f", "g")}}}));
}

TEST(Report, AsJsonHasNullWhereThereIsNothingToDo) {
  const boost::json::array checks = sections_json({kSection});
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_TRUE(checks[0].at("todo").is_null());
  EXPECT_EQ(checks[1].at("todo"), "jitney webhook install");
  EXPECT_EQ(checks[1].at("verdict"), "failed");
  EXPECT_EQ(checks[1].at("area"), "GitHub acme");
}

}  // namespace
}  // namespace jitney::app
