// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/queue_contract.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace jitney::contract {

using core::Duration;
using core::Fault;
using core::MessageKind;
using namespace std::chrono_literals;

TEST_P(QueueContract, GivesWhatWasPushedOnceItIsDue) {
  ASSERT_TRUE(queue().push(wake("cpu"), 10s, kNow));
  EXPECT_TRUE(take(kNow + 9s).empty());
  const auto taken = take(kNow + 10s);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].message, wake("cpu"));
  EXPECT_EQ(taken[0].receives, 1);
}

TEST_P(QueueContract, HidesAMessageForTheLeaseAndGivesItAgain) {
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  EXPECT_EQ(take(kNow).size(), 1u);
  EXPECT_TRUE(take(kNow + kLease - 1ms).empty());
  const auto again = take(kNow + kLease);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].receives, 2);
}

TEST_P(QueueContract, DoneRemovesForGood) {
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  const auto taken = take(kNow);
  ASSERT_TRUE(queue().done(taken.at(0)));
  ASSERT_TRUE(queue().done(taken.at(0)));
  EXPECT_TRUE(take(kNow + 1h).empty());
}

TEST_P(QueueContract, LeaseThatEndedHasNoSay) {
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  const auto first = take(kNow);
  const auto second = take(kNow + kLease);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(queue().done(first.at(0)).error().fault, Fault::not_found);
  EXPECT_EQ(queue().retry(first.at(0), 0s, kNow).error().fault, Fault::not_found);
  ASSERT_TRUE(queue().done(second.at(0)));
}

TEST_P(QueueContract, RetryGivesItBackLater) {
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  ASSERT_TRUE(queue().retry(take(kNow).at(0), 1min, kNow));
  EXPECT_TRUE(take(kNow + 59s).empty());
  EXPECT_EQ(take(kNow + 60s).at(0).receives, 2);
}

TEST_P(QueueContract, NeverLosesTheEarlierOfTwoEqualWakeUps) {
  ASSERT_TRUE(queue().push(wake("cpu"), 1min, kNow));
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  EXPECT_FALSE(take(kNow).empty());
}

TEST_P(QueueContract, WakeUpDuringALeaseIsNotSwallowed) {
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  ASSERT_EQ(take(kNow).size(), 1u);
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  EXPECT_EQ(take(kNow).size(), 1u);
}

TEST_P(QueueContract, DifferentKeysAreDifferentMessages) {
  ASSERT_TRUE(queue().push(wake("cpu"), 0s, kNow));
  ASSERT_TRUE(queue().push(wake("gpu"), 0s, kNow));
  ASSERT_TRUE(queue().push({MessageKind::stop_runner, "cpu", "surplus"}, 0s, kNow));
  EXPECT_EQ(take(kNow).size(), 3u);
}

TEST_P(QueueContract, TakesNoMoreThanAsked) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue().push(wake(std::to_string(i)), 0s, kNow));
  EXPECT_EQ(take(kNow, 2).size(), 2u);
  EXPECT_EQ(take(kNow, 10).size(), 3u);
  EXPECT_EQ(queue().depth().value(), 5u);
}

TEST_P(QueueContract, TwoTakersNeverShareALease) {
  constexpr int kMessages = 40;
  for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(queue().push(wake(std::to_string(i)), 0s, kNow));
  std::atomic<int> taken{0};
  {
    std::vector<std::jthread> takers;
    for (int t = 0; t < 4; ++t) {
      takers.emplace_back([&] {
        while (true) {
          const auto got = queue().take(3, kLease, kNow).value();
          if (got.empty()) return;
          taken += static_cast<int>(got.size());
        }
      });
    }
  }
  EXPECT_EQ(taken, kMessages);
}

TEST_P(QueueContract, DeadLettersKeepTheCauseOnceAKey) {
  const core::Message dead{MessageKind::dead_job, "17", "gave up"};
  ASSERT_TRUE(queue().bury(dead, "gave up", kNow));
  ASSERT_TRUE(queue().bury(dead, "gave up again", kNow + 1s));
  const auto letters = queue().dead_letters(10).value();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].message, dead);
  EXPECT_EQ(letters[0].cause, "gave up again");
  EXPECT_TRUE(take(kNow + 1h).empty());
  ASSERT_TRUE(queue().forget(MessageKind::dead_job, "17"));
  ASSERT_TRUE(queue().forget(MessageKind::dead_job, "17"));
  EXPECT_TRUE(queue().dead_letters(10).value().empty());
}

}  // namespace jitney::contract
