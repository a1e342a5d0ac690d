// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <future>

#include "apps/serve/workers.hpp"

namespace jitney::app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Steady = std::chrono::steady_clock;

constexpr core::Duration kForever = hours(1);
constexpr auto kBound = seconds(30);  // a wait that fails ends the test then, not after an hour

TEST(Doorbell, WakesASleeperWhenRung) {
  Doorbell bell;
  const std::uint64_t seen = bell.rings();
  std::stop_source stop;
  auto sleeper =
      std::async(std::launch::async, [&] { bell.wait(seen, kForever, stop.get_token()); });
  bell.ring();
  const auto woken = sleeper.wait_for(kBound);
  stop.request_stop();
  EXPECT_EQ(woken, std::future_status::ready);
}

TEST(Doorbell, DoesNotSleepThroughARingBetweenLookingAndWaiting) {
  Doorbell bell;
  const std::uint64_t seen = bell.rings();
  bell.ring();
  std::stop_source stop;
  auto sleeper =
      std::async(std::launch::async, [&] { bell.wait(seen, kForever, stop.get_token()); });
  const auto woken = sleeper.wait_for(kBound);
  stop.request_stop();
  EXPECT_EQ(woken, std::future_status::ready);
}

TEST(Doorbell, WakesAtADueTimeAndNotBefore) {
  Doorbell bell;
  const auto before = Steady::now();
  bell.ring_after(milliseconds(60));
  std::stop_source stop;
  auto sleeper = std::async(std::launch::async, [&] {
    bell.wait(bell.rings(), kForever, stop.get_token());
    return Steady::now();
  });
  const auto woken = sleeper.wait_for(kBound);
  stop.request_stop();
  ASSERT_EQ(woken, std::future_status::ready);
  EXPECT_GE(sleeper.get() - before, milliseconds(60));
}

TEST(Doorbell, AnEarlierDueTimeReachesWhoSleepsTowardsALaterOne) {
  Doorbell bell;
  bell.ring_after(hours(1));
  std::stop_source stop;
  auto sleeper = std::async(std::launch::async,
                            [&] { bell.wait(bell.rings(), 2 * kForever, stop.get_token()); });
  bell.ring_after(milliseconds(20));
  const auto woken = sleeper.wait_for(kBound);
  stop.request_stop();
  EXPECT_EQ(woken, std::future_status::ready);
}

TEST(Doorbell, StopsAndTimesOut) {
  Doorbell bell;
  std::stop_source stop;
  bell.wait(bell.rings(), milliseconds(1), stop.get_token());  // returns by itself
  stop.request_stop();
  bell.wait(bell.rings(), kForever, stop.get_token());  // returns at once
}

TEST(Backoff, DoublesToItsBoundAndSpreadsByHalf) {
  SettleOptions options;
  options.first_backoff = seconds(1);
  options.longest_backoff = seconds(60);
  EXPECT_EQ(backoff(options, 1, 0), seconds(1));
  EXPECT_EQ(backoff(options, 3, 0), seconds(4));
  EXPECT_EQ(backoff(options, 3, 1), seconds(2));
  EXPECT_EQ(backoff(options, 7, 0), seconds(60));
  EXPECT_EQ(backoff(options, 1'000'000, 0), seconds(60));
}

}  // namespace
}  // namespace jitney::app
