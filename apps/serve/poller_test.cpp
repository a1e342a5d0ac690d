// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/poller.hpp"

#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Steady = std::chrono::steady_clock;

TEST(CallAllowance, NeverSpendsMoreThanItsBudgetInAnyMinute) {
  const Steady::time_point start{};
  CallAllowance allowance(60, start);
  int spent = 0;
  for (int second = 0; second < 600; ++second) spent += allowance.take(4, start + seconds(second));
  EXPECT_LE(spent, 60 + 600);  // what it begins with, and one a second
  EXPECT_GE(spent, 60 + 590);
}

TEST(CallAllowance, SavesUpForAWholeQuestionAndNoLongerThanAMinute) {
  const Steady::time_point start{};
  CallAllowance allowance(6, start);
  EXPECT_EQ(allowance.take(4, start), 6);
  EXPECT_EQ(allowance.take(4, start + seconds(30)), 0);  // three saved: not enough yet
  EXPECT_EQ(allowance.take(4, start + seconds(40)), 4);
  EXPECT_EQ(allowance.take(4, start + minutes(60)), 6);
}

TEST(CallAllowance, ABudgetSmallerThanOneQuestionIsStillSpent) {
  const Steady::time_point start{};
  CallAllowance allowance(2, start);
  EXPECT_EQ(allowance.take(4, start), 2);
  EXPECT_EQ(allowance.take(4, start + seconds(59)), 0);
  EXPECT_EQ(allowance.take(4, start + seconds(61)), 2);
}

TEST(CallAllowance, AClockThatStandsStillGivesNothing) {
  const Steady::time_point start{};
  CallAllowance allowance(60, start);
  EXPECT_EQ(allowance.take(1, start), 60);
  EXPECT_EQ(allowance.take(1, start), 0);
}

}  // namespace
}  // namespace jitney::app
