// SPDX-License-Identifier: Apache-2.0
// One follow-up of a pool at a time, whatever the queue does with equal messages.
#include "core/wake.hpp"

#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

// Keeps every message, as SQS does.
class EveryMessage final : public Queue {
 public:
  std::vector<Duration> delays;
  bool broken = false;

  Status push(const Message& message, Duration delay, Time) override {
    if (broken) return core::fail(Fault::transient, "no queue");
    EXPECT_EQ(message.kind, MessageKind::create_runner);
    EXPECT_EQ(message.key, "cpu");
    delays.push_back(delay);
    return {};
  }
  Result<std::vector<Delivery>> take(int, Duration, Time) override {
    return std::vector<Delivery>{};
  }
  Status done(const Delivery&) override { return {}; }
  Status retry(const Delivery&, Duration, Time) override { return {}; }
  Status bury(const Message&, const std::string&, Time) override { return {}; }
  Result<std::vector<DeadLetter>> dead_letters(std::size_t) override {
    return std::vector<DeadLetter>{};
  }
  Status forget(MessageKind, const std::string&) override { return {}; }
  Result<std::size_t> depth() override { return delays.size(); }
};

class Wake : public FunctionsTest {
 protected:
  Status wake_in(Duration delay) {
    const Context plain = context();
    const Context all{plain.deployment, plain.ledger, every,         plain.fleet,
                      plain.forges,     plain.clock,  plain.deadline};
    return wake_at(all, "cpu", clock.now() + delay, "follow-up");
  }
  EveryMessage every;
};

TEST_F(Wake, IsPushedOnceHoweverManyMessagesAskForIt) {
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(wake_in(3s));
  EXPECT_EQ(every.delays, std::vector<Duration>{3s});
}

TEST_F(Wake, IsPushedAgainWhenTheLastOneIsDue) {
  ASSERT_TRUE(wake_in(3s));
  clock.advance(3s);
  ASSERT_TRUE(wake_in(3s));
  EXPECT_EQ(every.delays.size(), 2u);
}

TEST_F(Wake, ASoonerOneDoesNotWaitForALaterOne) {
  ASSERT_TRUE(wake_in(10min));
  ASSERT_TRUE(wake_in(5s));
  ASSERT_TRUE(wake_in(10min));
  EXPECT_EQ(every.delays, (std::vector<Duration>{10min, 5s}))
      << "the sooner one looks again and asks for the later one";
}

TEST_F(Wake, IsNoLaterThanAQueueCanDelayAndNoSoonerThanNow) {
  ASSERT_TRUE(wake_in(-1min));
  clock.advance(1h);
  ASSERT_TRUE(wake_in(2h));
  EXPECT_EQ(every.delays, (std::vector<Duration>{0s, 15min}));
}

TEST_F(Wake, WhatCouldNotBePushedIsNotBelievedToBeUnderWay) {
  every.broken = true;
  EXPECT_FALSE(wake_in(3s));
  every.broken = false;
  EXPECT_TRUE(wake_in(3s));
  EXPECT_EQ(every.delays.size(), 1u);
}

TEST_F(Wake, AClockThatJumpedBackLosesNoWakeUp) {
  ASSERT_TRUE(wake_in(3s));
  clock.advance(-20min);
  ASSERT_TRUE(wake_in(3s));
  EXPECT_EQ(every.delays.size(), 2u);
}

// Five hundred webhooks while machines boot: one of their messages follows up, the others end.
TEST_F(Wake, AMessageThatFindsAFollowUpUnderWayLeavesNone) {
  machines.boot_by_hand();
  queue_job();
  const Context plain = context();
  const Context all{plain.deployment, plain.ledger, every,         plain.fleet,
                    plain.forges,     plain.clock,  plain.deadline};
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(create_runner(all, "cpu"));
  EXPECT_EQ(every.delays.size(), 1u);
}

}  // namespace
}  // namespace jitney::core
