// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/queue_contract.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

namespace jitney::contract {

using namespace std::chrono_literals;
using core::Fault;
using core::Message;
using core::MessageKind;

namespace {

const Message kWake{MessageKind::create_runner, "template_cpu", ""};
const Message kStop{MessageKind::stop_runner, "ci-template_cpu-1", "job ended; it's \"over\"\n"};

}  // namespace

TEST_P(QueueContract, AnEmptyQueueHasNothingToTake) { EXPECT_TRUE(take().empty()); }

TEST_P(QueueContract, APushedMessageIsTakenAsItWas) {
  push(kStop);
  const core::Delivery delivery = take_one();
  EXPECT_EQ(delivery.message, kStop);
  EXPECT_EQ(delivery.receives, 1);
  EXPECT_FALSE(delivery.handle.empty());
}

TEST_P(QueueContract, EveryKindOfMessageIsCarried) {
  const std::vector<MessageKind> kinds = {MessageKind::create_runner, MessageKind::stop_runner,
                                          MessageKind::check_job, MessageKind::check_run,
                                          MessageKind::dead_job};
  for (const MessageKind kind : kinds) push({kind, "same key", ""});
  std::set<MessageKind> taken;
  for (const core::Delivery& delivery : take()) taken.insert(delivery.message.kind);
  EXPECT_EQ(taken.size(), kinds.size());
}

TEST_P(QueueContract, ADelayedMessageWaitsForItsTime) {
  push(kWake, 1min);
  EXPECT_TRUE(take(kStart + 59s).empty());
  EXPECT_EQ(take(kStart + 1min).size(), 1U);
}

TEST_P(QueueContract, AtMostAsManyAsAskedForAreTaken) {
  for (int i = 0; i < 5; ++i) push({MessageKind::check_job, std::to_string(i), ""});
  EXPECT_EQ(take(kStart, 2).size(), 2U);
  EXPECT_EQ(take(kStart, 10).size(), 3U);
}

TEST_P(QueueContract, ATakenMessageIsHiddenUntilItsLeaseEnds) {
  push(kWake);
  take_one();
  EXPECT_TRUE(take(kStart + 2min - 1ms).empty());
  const core::Delivery again = take_one(kStart + 2min);
  EXPECT_EQ(again.message, kWake);
  EXPECT_EQ(again.receives, 2);
}

TEST_P(QueueContract, AMessageThatIsDoneNeverComesBack) {
  push(kWake);
  const core::Delivery delivery = take_one();
  EXPECT_TRUE(queue_.done(delivery).has_value());
  EXPECT_TRUE(queue_.done(delivery).has_value()) << "idempotent";
  EXPECT_TRUE(take(kStart + 24h).empty());
}

TEST_P(QueueContract, AHandleIsGoodUntilAnotherTakesTheMessage) {
  push(kWake);
  const core::Delivery delivery = take_one();
  EXPECT_TRUE(take(kStart + 1min).empty());
  EXPECT_TRUE(queue_.done(delivery).has_value());
}

TEST_P(QueueContract, AStaleHandleIsNotFoundAndHurtsNobody) {
  push(kWake);
  const core::Delivery stale = take_one();
  const core::Delivery fresh = take_one(kStart + 2min);
  EXPECT_EQ(queue_.done(stale).error().fault, Fault::not_found);
  EXPECT_EQ(queue_.retry(stale, 0s, kStart + 2min).error().fault, Fault::not_found);
  EXPECT_TRUE(take(kStart + 3min).empty()) << "the fresh lease still runs";
  EXPECT_TRUE(queue_.done(fresh).has_value());
  EXPECT_TRUE(take(kStart + 24h).empty());
}

TEST_P(QueueContract, ARetriedMessageComesBackAfterItsDelay) {
  push(kStop);
  ASSERT_TRUE(queue_.retry(take_one(), 30s, kStart).has_value());
  EXPECT_TRUE(take(kStart + 29s).empty());
  const core::Delivery again = take_one(kStart + 30s);
  EXPECT_EQ(again.message, kStop);
  EXPECT_EQ(again.receives, 2);
}

TEST_P(QueueContract, AMessageGivenBackIsNotRemovedByItsOldHandle) {
  push(kWake);
  const core::Delivery delivery = take_one();
  ASSERT_TRUE(queue_.retry(delivery, 30s, kStart).has_value());
  const auto done = queue_.done(delivery);
  if (home_->knows_who_has_it()) {
    EXPECT_EQ(done.error().fault, Fault::not_found);
  }
  EXPECT_EQ(take(kStart + 30s).size(), 1U);
}

TEST_P(QueueContract, RetryingWhatIsDoneIsNotFound) {
  push(kWake);
  const core::Delivery delivery = take_one();
  ASSERT_TRUE(queue_.done(delivery).has_value());
  EXPECT_EQ(queue_.retry(delivery, 0s, kStart).error().fault, Fault::not_found);
  EXPECT_TRUE(take(kStart + 24h).empty());
}

TEST_P(QueueContract, EqualMessagesThatWaitMayBecomeOneButNeverNone) {
  for (int i = 0; i < 20; ++i) push(kWake, core::Duration(i), kStart);
  const std::size_t waiting = take(kStart + 1s, 100).size();
  EXPECT_GE(waiting, 1U);
  EXPECT_LE(waiting, 20U);
}

TEST_P(QueueContract, AnEarlierPushIsNotSwallowedByALaterOne) {
  push(kWake, 10min);
  push(kWake);
  EXPECT_EQ(take().size(), 1U);
  EXPECT_EQ(take(kStart + 10min, 1).size(), 1U);
}

TEST_P(QueueContract, APushDuringALeaseIsNotLostWithIt) {
  push(kWake);
  const core::Delivery delivery = take_one();
  push(kWake);
  ASSERT_TRUE(queue_.done(delivery).has_value());
  EXPECT_EQ(take().size(), 1U);
}

TEST_P(QueueContract, APushAfterALeaseEndedIsNotLostWithIt) {
  push(kWake);
  const core::Delivery delivery = take_one();
  push(kWake, 0s, kStart + 5min);
  const auto done = queue_.done(delivery);
  if (!home_->knows_who_has_it()) {
    EXPECT_EQ(done.error().fault, Fault::not_found) << "for all it knows, another took it";
    EXPECT_GE(take(kStart + 5min).size(), 1U);
    return;
  }
  ASSERT_TRUE(done.has_value()) << "nobody else took it";
  EXPECT_EQ(take(kStart + 5min).size(), 1U);
}

TEST_P(QueueContract, DepthCountsWhatWaits) {
  EXPECT_EQ(depth(), 0U);
  push(kWake);
  push(kStop, 10min);
  EXPECT_EQ(depth(), 2U);
  const core::Delivery delivery = take_one();
  EXPECT_EQ(depth(), 1U);
  ASSERT_TRUE(queue_.done(delivery).has_value());
  EXPECT_EQ(depth(), 1U);
}

TEST_P(QueueContract, ADeadLetterKeepsMessageAndCause) {
  const Message dead{MessageKind::dead_job, "42", "detail"};
  ASSERT_TRUE(queue_.bury(dead, "no capacity for an hour", kStart).has_value());
  const auto letters = queue_.dead_letters(10);
  ASSERT_TRUE(letters.has_value());
  ASSERT_EQ(letters->size(), 1U);
  EXPECT_EQ(letters->front().message, dead);
  EXPECT_EQ(letters->front().cause, "no capacity for an hour");
  EXPECT_EQ(letters->front().at, kStart);
  EXPECT_FALSE(letters->front().id.empty());
  EXPECT_TRUE(take(kStart + 24h).empty()) << "a dead letter wakes nobody";
  EXPECT_EQ(depth(), 0U);
}

TEST_P(QueueContract, ThereIsOneDeadLetterAKeyWithItsLastCause) {
  const Message dead{MessageKind::dead_job, "42", ""};
  ASSERT_TRUE(queue_.bury(dead, "first", kStart).has_value());
  ASSERT_TRUE(queue_.bury(dead, "second", kStart + 1s).has_value());
  ASSERT_TRUE(queue_.bury({MessageKind::dead_job, "43", ""}, "other", kStart).has_value());
  ASSERT_TRUE(queue_.bury({MessageKind::check_job, "42", ""}, "other kind", kStart).has_value());
  const auto letters = queue_.dead_letters(10);
  ASSERT_EQ(letters->size(), 3U);
  const auto letter = std::ranges::find(*letters, dead, &core::DeadLetter::message);
  ASSERT_NE(letter, letters->end());
  EXPECT_EQ(letter->cause, "second");
  EXPECT_EQ(queue_.dead_letters(2)->size(), 2U);
}

TEST_P(QueueContract, ForgettingRemovesOneDeadLetterAndIsIdempotent) {
  ASSERT_TRUE(queue_.bury({MessageKind::dead_job, "42", ""}, "a", kStart).has_value());
  ASSERT_TRUE(queue_.bury({MessageKind::dead_job, "43", ""}, "b", kStart).has_value());
  EXPECT_TRUE(queue_.forget(MessageKind::check_job, "42").has_value());
  EXPECT_EQ(queue_.dead_letters(10)->size(), 2U);
  EXPECT_TRUE(queue_.forget(MessageKind::dead_job, "42").has_value());
  EXPECT_TRUE(queue_.forget(MessageKind::dead_job, "42").has_value());
  ASSERT_EQ(queue_.dead_letters(10)->size(), 1U);
  EXPECT_EQ(queue_.dead_letters(10)->front().message.key, "43");
}

TEST_P(QueueContract, BuryingTouchesNoDelivery) {
  push(kWake);
  const core::Delivery delivery = take_one();
  ASSERT_TRUE(queue_.bury(kWake, "poison", kStart).has_value());
  EXPECT_TRUE(queue_.done(delivery).has_value());
}

TEST_P(QueueContract, WorkersAtOnceNeverHoldTheSameMessage) {
  constexpr int kMessages = 60;
  for (int i = 0; i < kMessages; ++i) push({MessageKind::check_job, std::to_string(i), ""});
  std::mutex mutex;
  std::multiset<std::string> taken;
  {
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < 4; ++worker) {
      workers.emplace_back([&] {
        for (auto some = take(kStart, 3); !some.empty(); some = take(kStart, 3)) {
          const std::lock_guard lock(mutex);
          for (const core::Delivery& delivery : some) taken.insert(delivery.message.key);
        }
      });
    }
  }
  EXPECT_EQ(taken.size(), static_cast<std::size_t>(kMessages));
  EXPECT_EQ(std::set(taken.begin(), taken.end()).size(), static_cast<std::size_t>(kMessages));
}

}  // namespace jitney::contract
