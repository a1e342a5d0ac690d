// SPDX-License-Identifier: Apache-2.0
#include "github/governor.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.hpp"

namespace jitney::github {
namespace {

using namespace std::chrono_literals;

TEST(Governor, TellsALateWriteToWaitOnlyWhereOthersAreAheadOfIt) {
  fakes::FakeClock clock;
  Governor governor(clock, 400ms);
  const auto late = std::chrono::steady_clock::now() - 1ms;
  EXPECT_TRUE(governor.admit(Lane::core, true, late)) << "nobody is ahead";
  const auto second = governor.admit(Lane::core, true, late);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, core::Fault::throttled);
  EXPECT_GT(second.error().retry_after, core::Duration(0));
}

}  // namespace
}  // namespace jitney::github
