// SPDX-License-Identifier: Apache-2.0
// The fakes keep the contracts of the ports they stand for; a fake that does not may not be used.
#include "tests/contract/ledger_contract.hpp"
#include "tests/contract/queue_contract.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::contract {

namespace {

class FakeLedgerHome final : public LedgerHome {
 public:
  core::Ledger& ledger() override { return ledger_; }

 private:
  fakes::FakeLedger ledger_;
};

class FakeQueueHome final : public QueueHome {
 public:
  core::Queue& queue() override { return queue_; }

 private:
  fakes::FakeQueue queue_;
};

std::unique_ptr<LedgerHome> make_ledger() { return std::make_unique<FakeLedgerHome>(); }
std::unique_ptr<QueueHome> make_queue() { return std::make_unique<FakeQueueHome>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Fake, LedgerContract, ::testing::Values(LedgerMaker{"fake", make_ledger}));
INSTANTIATE_TEST_SUITE_P(Fake, QueueContract, ::testing::Values(QueueMaker{"fake", make_queue}));

TEST(FakeLedger, FailsAsOftenAsItWasToldAndChangesNothing) {
  fakes::FakeLedger ledger;
  ledger.fail_next(Fault::transient, 2);
  JobEvent queued;
  queued.id = 1;
  queued.pool = kPool;
  EXPECT_EQ(ledger.record({&queued, 1}).error().fault, Fault::transient);
  EXPECT_EQ(ledger.put({.key = "a", .value = "", .at = kNow, .expires = {}}).error().fault,
            Fault::transient);
  EXPECT_FALSE(ledger.job(1)->has_value());
  EXPECT_FALSE(ledger.note("a")->has_value());
  EXPECT_TRUE(ledger.record({&queued, 1}).has_value());
}

TEST(FakeQueue, FailsAsOftenAsItWasToldAndChangesNothing) {
  fakes::FakeQueue queue;
  queue.fail_next(Fault::throttled);
  EXPECT_EQ(queue.push({}, 0s, kNow).error().fault, Fault::throttled);
  EXPECT_EQ(queue.depth(), 0U);
  EXPECT_TRUE(queue.push({}, 0s, kNow).has_value());
  EXPECT_EQ(queue.depth(), 1U);
}

TEST(FakeClock, StandsStillUntilItIsTold) {
  fakes::FakeClock clock(kNow);
  EXPECT_EQ(clock.now(), kNow);
  clock.advance(2min);
  EXPECT_EQ(clock.now(), kNow + 2min);
  clock.advance(-1min);
  EXPECT_EQ(clock.now(), kNow + 1min);
  clock.set(kNow);
  EXPECT_EQ(clock.now(), kNow);
}

}  // namespace jitney::contract
