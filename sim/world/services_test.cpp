// SPDX-License-Identifier: Apache-2.0
// Limits, buckets and queues of the simulated world.
#include <gtest/gtest.h>

#include "sim/world/bucket.hpp"
#include "sim/world/call_limits.hpp"
#include "sim/world/capacity.hpp"
#include "sim/world/sqs.hpp"

namespace jitney::sim {
namespace {

using core::Fault;
using namespace std::chrono_literals;

constexpr core::Time kStart{core::Duration{1'800'000'000'000}};

TEST(Bucket, GivesABurstAndThenItsRate) {
  Bucket bucket(5, 2, kStart, 0);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.take(kStart));
  EXPECT_FALSE(bucket.take(kStart));
  EXPECT_FALSE(bucket.take(kStart + 499ms));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(bucket.take(kStart + 1s));
  EXPECT_FALSE(bucket.take(kStart + 1s));
}

TEST(Bucket, NeverHoldsMoreThanItsBurst) {
  Bucket bucket(2, 100, kStart, 0);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(bucket.take(kStart + 24h));
  EXPECT_FALSE(bucket.take(kStart + 24h));
}

TEST(Bucket, OthersLeaveLittleOfIt) {
  Bucket bucket(100, 10, kStart, 990);
  EXPECT_TRUE(bucket.take(kStart));
  EXPECT_FALSE(bucket.take(kStart + 5s));
  EXPECT_TRUE(bucket.take(kStart + 10s));
}

TEST(CallLimits, RefusesUntilTheHourIsOver) {
  CallLimits limits(3, kStart);
  EXPECT_FALSE(limits.budget());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.spend(CallKind::read, kStart + 10min));
  const core::Status refused = limits.spend(CallKind::read, kStart + 10min);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::throttled);
  EXPECT_EQ(refused.error().retry_after, core::Duration(50min));
  EXPECT_EQ(limits.budget()->remaining, 0);
  EXPECT_TRUE(limits.spend(CallKind::read, kStart + 60min));
}

TEST(CallLimits, WritesAndNewContentHaveALimitAMinute) {
  CallLimits limits(5'000, kStart);
  for (int i = 0; i < 80; ++i) EXPECT_TRUE(limits.spend(CallKind::create, kStart));
  EXPECT_FALSE(limits.spend(CallKind::create, kStart + 30s));
  EXPECT_TRUE(limits.spend(CallKind::create, kStart + 60s));
}

TEST(Capacity, OneOfferingRunsOutWhileOthersDoNot) {
  Mix mix;
  mix.no_capacity = 500;
  Random random(3);
  Capacity capacity(random, mix);
  int empty = 0;
  for (int hour = 0; hour < 20; ++hour) {
    for (const char* zone : {"a", "b"}) {
      empty += capacity.take({"m7i.large", zone, true}, 50, kStart + hour * 1h) < 50 ? 1 : 0;
    }
  }
  EXPECT_GT(empty, 5);
  EXPECT_LT(empty, 35);
}

class SqsTest : public testing::Test {
 protected:
  void push(const std::string& key) {
    ASSERT_TRUE(sqs.push({.kind = core::MessageKind::check_job, .key = key}, 0s, kStart));
  }
  Mix mix = calm();
  Random random{5};
  Sqs sqs{random, mix};
};

TEST_F(SqsTest, KeepsEqualMessagesApart) {
  for (int i = 0; i < 4; ++i) push("1");
  EXPECT_EQ(sqs.take(10, 1min, kStart)->size(), 4u);
}

TEST_F(SqsTest, TakesThemInAnyOrder) {
  for (int i = 0; i < 8; ++i) push(std::to_string(i));
  std::string order;
  for (int i = 0; i < 8; ++i) order += sqs.take(1, 1min, kStart)->at(0).message.key;
  EXPECT_NE(order, "01234567");
}

TEST_F(SqsTest, GivesOneMessageToTwoWhoThenCannotBothRemoveIt) {
  push("1");
  mix.duplicate = 1000;
  const auto first = sqs.take(1, 1min, kStart);
  const auto second = sqs.take(1, 1min, kStart);
  ASSERT_EQ(first->size() + second->size(), 2u);
  EXPECT_EQ(sqs.done(first->at(0)).error().fault, Fault::not_found);
  EXPECT_TRUE(sqs.done(second->at(0)));
  EXPECT_TRUE(sqs.take(1, 1min, kStart + 1h)->empty());
}

TEST_F(SqsTest, WhatIsReceivedTooOftenGoesToTheDeadLetters) {
  push("1");
  core::Time now = kStart;
  for (int i = 0; i < 100; ++i, now += 1min) ASSERT_EQ(sqs.take(1, 1min, now)->size(), 1u);
  EXPECT_TRUE(sqs.take(1, 1min, now)->empty());
  ASSERT_EQ(sqs.dead_letters(10)->size(), 1u);
  EXPECT_EQ(sqs.dead_letters(10)->at(0).cause, "the worker died");
}

}  // namespace
}  // namespace jitney::sim
