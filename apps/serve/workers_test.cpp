// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/workers.hpp"

#include <gtest/gtest.h>

#include <future>
#include <map>

#include "apps/serve/serve_test_world.hpp"

namespace jitney::app {
namespace {

using core::Fault;
using core::Message;
using core::MessageKind;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Message kWake{.kind = MessageKind::create_runner, .key = "template_cpu", .detail = ""};

// Workers on the fakes; `handle` is what the test looks at.
class WorkersTest : public testing::Test {
 protected:
  WorkersTest() {
    options_.threads = 2;
    options_.longest_sleep = hours(1);  // nothing here may rely on looking again by chance
    options_.settle.first_backoff = milliseconds(10);
    options_.settle.longest_backoff = milliseconds(40);
    options_.handle = [this](const core::Context&, const Message& message) {
      return handle(message);
    };
    options_.runner_ended = [this](const core::Context&, const core::MachineId& machine,
                                   std::optional<int> exit_code) {
      return runner_ended(machine, exit_code);
    };
  }

  void start() {
    workers_.emplace(options_, world_.new_context(queue_), bell_);
    workers_->start();
  }
  void push(const Message& message, core::Duration delay = core::Duration::zero()) {
    ASSERT_TRUE(queue_.push(message, delay, world_.clock.now()));
  }

  TestWorld world_;
  Doorbell bell_;
  NotifyingQueue queue_{world_.queue, bell_};
  WorkerOptions options_;
  std::function<core::Status(const Message&)> handle = [](const Message&) {
    return core::Status{};
  };
  std::function<core::Status(const core::MachineId&, std::optional<int>)> runner_ended =
      [](const core::MachineId&, std::optional<int>) { return core::Status{}; };
  std::optional<Workers> workers_;
};

TEST_F(WorkersTest, AMessageIsHandledOnceAndRemoved) {
  std::atomic<int> handled = 0;
  handle = [&](const Message& message) {
    EXPECT_EQ(message, kWake);
    ++handled;
    return core::Status{};
  };
  start();
  push(kWake);
  EXPECT_TRUE(eventually([&] { return handled > 0 && world_.queue.depth().value_or(1) == 0; }));
  workers_.reset();
  EXPECT_EQ(handled, 1);
}

TEST_F(WorkersTest, AFailureIsTriedAgainAfterABackoff) {
  std::atomic<int> tries = 0;
  handle = [&](const Message&) -> core::Status {
    if (++tries < 3) return core::fail(Fault::transient, "the network blinked");
    return {};
  };
  start();
  push(kWake);
  EXPECT_TRUE(eventually([&] { return tries == 3 && world_.queue.depth().value_or(1) == 0; }));
  EXPECT_TRUE(world_.queue.dead_letters(10)->empty());
}

TEST_F(WorkersTest, RetryAfterIsHonoured) {
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::time_point> at;
  handle = [&](const Message&) -> core::Status {
    const std::lock_guard lock(mutex);
    at.push_back(std::chrono::steady_clock::now());
    if (at.size() == 1) return core::fail(Fault::throttled, "slow down", milliseconds(300));
    return {};
  };
  start();
  push(kWake);
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return at.size() == 2;
  }));
  EXPECT_GE(at[1] - at[0], milliseconds(295));
}

TEST_F(WorkersTest, AMessageThatKeepsFailingIsBuriedWithItsCause) {
  options_.settle.poison_receives = 3;
  std::atomic<int> tries = 0;
  handle = [&](const Message&) -> core::Status {
    ++tries;
    return core::fail(Fault::transient, "disk on fire");
  };
  start();
  push(kWake);
  EXPECT_TRUE(eventually([&] {
    const auto dead = world_.queue.dead_letters(10);
    return dead && dead->size() == 1 && world_.queue.depth().value_or(1) == 0;
  }));
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(world_.queue.dead_letters(10)->front().cause, "disk on fire");
}

TEST_F(WorkersTest, WaitingIsNoFailureHoweverOften) {
  options_.settle.poison_receives = 3;
  std::atomic<int> tries = 0;
  handle = [&](const Message&) -> core::Status {
    if (++tries < 12) return core::fail(Fault::not_ready, "still going", milliseconds(1));
    return {};
  };
  start();
  push(kWake);
  EXPECT_TRUE(eventually([&] { return tries == 12 && world_.queue.depth().value_or(1) == 0; }));
  EXPECT_TRUE(world_.queue.dead_letters(10)->empty());
}

TEST_F(WorkersTest, AnImpossibleMessageIsBuriedAtOnce) {
  std::atomic<int> tries = 0;
  handle = [&](const Message&) -> core::Status {
    ++tries;
    return core::fail(Fault::invalid, "no job id");
  };
  start();
  push({.kind = MessageKind::check_job, .key = "x", .detail = ""});
  EXPECT_TRUE(eventually([&] {
    const auto dead = world_.queue.dead_letters(10);
    return dead && dead->size() == 1;
  }));
  EXPECT_EQ(tries, 1);
}

TEST_F(WorkersTest, AMessageThatKilledWhoeverTookItIsNotHandledAgain) {
  options_.settle.poison_receives = 2;
  push(kWake);
  for (int i = 0; i < 2; ++i) {  // two lives that ended while they held it
    const auto taken = world_.queue.take(1, core::Duration::zero(), world_.clock.now());
    ASSERT_TRUE(taken);
    ASSERT_EQ(taken->size(), 1U);
  }
  std::atomic<int> handled = 0;
  handle = [&](const Message&) {
    ++handled;
    return core::Status{};
  };
  start();
  EXPECT_TRUE(eventually([&] {
    const auto dead = world_.queue.dead_letters(10);
    return dead && dead->size() == 1;
  }));
  EXPECT_EQ(handled, 0);
}

TEST_F(WorkersTest, ADelayedMessageWakesItsWorkerWhenDueWithoutAnyoneLooking) {
  const auto before = std::chrono::steady_clock::now();
  std::promise<std::chrono::steady_clock::time_point> handled;
  handle = [&](const Message&) {
    handled.set_value(std::chrono::steady_clock::now());
    return core::Status{};
  };
  start();
  push(kWake, milliseconds(80));
  auto when = handled.get_future();
  ASSERT_EQ(when.wait_for(seconds(30)), std::future_status::ready);
  EXPECT_GE(when.get() - before, milliseconds(79));
}

TEST_F(WorkersTest, TwoMessagesRunSideBySide) {
  std::promise<void> both;
  std::atomic<int> inside = 0;
  auto together = both.get_future().share();
  handle = [&](const Message&) -> core::Status {
    if (++inside == 2) both.set_value();
    return together.wait_for(seconds(30)) == std::future_status::ready
               ? core::Status{}
               : core::fail(Fault::invalid, "alone");
  };
  start();
  push({.kind = MessageKind::create_runner, .key = "a", .detail = ""});
  push({.kind = MessageKind::create_runner, .key = "b", .detail = ""});
  EXPECT_TRUE(eventually([&] { return inside == 2 && world_.queue.depth().value_or(1) == 0; }));
  workers_.reset();
  EXPECT_TRUE(world_.queue.dead_letters(10)->empty());
}

TEST_F(WorkersTest, TheEndOfARunnerIsRetriedUntilSettled) {
  std::atomic<int> tries = 0;
  std::promise<void> settled;
  runner_ended = [&](const core::MachineId& machine, std::optional<int> exit_code) -> core::Status {
    EXPECT_EQ(machine, "root-7");
    EXPECT_EQ(exit_code, 0);
    if (++tries < 3) return core::fail(Fault::transient, "the ledger is busy");
    settled.set_value();
    return {};
  };
  start();
  workers_->runner_ended("root-7", 0);
  EXPECT_EQ(settled.get_future().wait_for(seconds(30)), std::future_status::ready);
}

TEST_F(WorkersTest, StoppingLetsAFunctionFinishAndTakesNothingNew) {
  std::promise<void> entered;
  std::promise<void> release;
  auto released = release.get_future().share();
  handle = [&](const Message& message) {
    EXPECT_EQ(message.key, "first");
    entered.set_value();
    released.wait();
    return core::Status{};
  };
  options_.threads = 1;
  start();
  push({.kind = MessageKind::create_runner, .key = "first", .detail = ""});
  entered.get_future().wait();
  push({.kind = MessageKind::create_runner, .key = "second", .detail = ""});
  workers_->stop();
  EXPECT_FALSE(workers_->wait_stopped(milliseconds(1)));
  EXPECT_TRUE(workers_->trouble().has_value());
  release.set_value();
  EXPECT_TRUE(workers_->wait_stopped(seconds(30)));
  EXPECT_EQ(world_.queue.depth().value_or(0), 1U);  // the second waits for the next life
}

TEST_F(WorkersTest, AnExceptionCostsTheMessageNothing) {
  std::atomic<int> tries = 0;
  handle = [&](const Message&) -> core::Status {
    if (++tries == 1) throw std::bad_alloc();
    return {};
  };
  start();
  push(kWake);
  EXPECT_TRUE(eventually([&] { return tries >= 2 && world_.queue.depth().value_or(1) == 0; }));
}

}  // namespace
}  // namespace jitney::app
