// SPDX-License-Identifier: Apache-2.0
// Ledger::claim and update: nobody claims twice, nobody exceeds the cap.
#include <atomic>
#include <thread>

#include "tests/contract/ledger_contract.hpp"

namespace jitney::contract {

TEST_P(LedgerContract, AClaimPlansItsRunnersAndCountsThemAsLive) {
  queue_job(11);
  const Batch wanted = batch(1, 2, {11});
  claim(wanted);
  const auto snapshot = ledger_.snapshot(kPool);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->state.live, 2);
  EXPECT_EQ(snapshot->state.next_number, 3);
  ASSERT_EQ(snapshot->runners.size(), 2U);
  const Runner& first = snapshot->runners[0];
  EXPECT_EQ(first.name, name_of(1));
  EXPECT_EQ(first.phase, Phase::planned);
  EXPECT_EQ(first.number, 1);
  EXPECT_EQ(first.batch, wanted.id);
  EXPECT_EQ(first.launched_for, 11);
  EXPECT_EQ(first.pool, kPool);
  EXPECT_EQ(first.created_at, kNow);
  EXPECT_EQ(first.phase_since, kNow);
  EXPECT_EQ(snapshot->runners[1].launched_for, 0);
  EXPECT_EQ(snapshot->batches, std::vector{wanted});
  EXPECT_EQ(**ledger_.batch(wanted.id), wanted);
  EXPECT_FALSE(lines(core::batch_subject(wanted.id)).empty());
  EXPECT_FALSE(lines(core::runner_subject(name_of(1))).empty());
  EXPECT_EQ(lines(core::job_subject(11)).size(), 2U);
}

TEST_P(LedgerContract, AClaimSentAgainIsMineAndChangesNothing) {
  const Batch wanted = batch(1, 2);
  claim(wanted);
  const std::int64_t before = version();
  EXPECT_EQ(ledger_.claim(wanted, 0, 10), Claimed::mine);
  EXPECT_EQ(ledger_.claim(wanted, before, 10), Claimed::mine);
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(version(), before);
}

TEST_P(LedgerContract, AClaimOnAnOlderSnapshotIsOutrun) {
  const std::int64_t seen = version();
  claim(batch(1, 1));
  EXPECT_EQ(ledger_.claim(batch(2, 1), seen, 10), Claimed::outrun);
  EXPECT_FALSE(ledger_.batch(name_of(2))->has_value());
  EXPECT_FALSE(ledger_.runner(name_of(2))->has_value());
  EXPECT_EQ(live(), 1);
}

TEST_P(LedgerContract, AJobTakenAfterTheSnapshotOutrunsTheClaim) {
  queue_job(1);
  const std::int64_t seen = version();
  record(event(1, JobStatus::in_progress, "somebody else's"));
  EXPECT_EQ(ledger_.claim(batch(1, 1, {1}), seen, 10), Claimed::outrun);
}

TEST_P(LedgerContract, AClaimBeyondTheCapIsFullAndClaimsNone) {
  claim(batch(1, 2));
  const std::int64_t before = version();
  EXPECT_EQ(ledger_.claim(batch(3, 2), before, 3), Claimed::full);
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(version(), before);
  EXPECT_FALSE(ledger_.runner(name_of(3))->has_value());
  EXPECT_EQ(ledger_.claim(batch(3, 1), before, 3), Claimed::ok);
  EXPECT_EQ(live(), 3);
}

TEST_P(LedgerContract, EveryClaimRaisesTheVersion) {
  const std::int64_t before = version();
  claim(batch(1, 1));
  EXPECT_GT(version(), before);
}

TEST_P(LedgerContract, ALaunchNumberIsNeverUsedTwice) {
  claim(batch(1, 3));
  for (int number = 1; number <= 3; ++number) {
    advance(name_of(number), Event::launch_abandoned);
  }
  Batch again = batch(2, 1);
  again.id = "another batch";
  const auto claimed = ledger_.claim(again, version(), 10);
  ASSERT_FALSE(claimed.has_value());
  EXPECT_EQ(claimed.error().fault, Fault::invalid);
  EXPECT_EQ(runner(name_of(2)).phase, Phase::gone);
  EXPECT_EQ(ledger_.snapshot(kPool)->state.next_number, 4);
}

TEST_P(LedgerContract, PoolsAreClaimedApart) {
  claim(batch(1, 2));
  claim(batch(1, 3, {}, "other"));
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(live("other"), 3);
  EXPECT_EQ(ledger_.snapshot("other")->runners.size(), 3U);
}

TEST_P(LedgerContract, OfManyWhoClaimAtOnceExactlyOneWins) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 10; ++round) {
    const auto snapshot = ledger_.snapshot(kPool);
    ASSERT_TRUE(snapshot.has_value());
    std::atomic<int> won = 0;
    std::atomic<int> outrun = 0;
    {
      std::vector<std::jthread> rivals;
      for (int i = 0; i < kThreads; ++i) {
        rivals.emplace_back([&, i] {
          Batch mine = batch(snapshot->state.next_number, 2);
          mine.id += "-rival-" + std::to_string(i);
          const auto claimed = ledger_.claim(mine, snapshot->state.version, 1000);
          won += claimed == Claimed::ok ? 1 : 0;
          outrun += claimed == Claimed::outrun ? 1 : 0;
        });
      }
    }
    EXPECT_EQ(won, 1);
    EXPECT_EQ(outrun, kThreads - 1);
    EXPECT_EQ(live(), (round + 1) * 2);
  }
}

TEST_P(LedgerContract, ABatchIsReplacedWhenNobodyWasFaster) {
  claim(batch(1, 2));
  Batch wanted = **ledger_.batch(name_of(1));
  wanted.rung = 1;
  wanted.tries = 2;
  wanted.request = "another request";
  wanted.next_try = kNow + 1min;
  wanted.waiting = "no capacity in eu-west-1a";
  const auto updated = ledger_.update(wanted, kNow, "rung 1");
  ASSERT_TRUE(updated.has_value()) << updated.error().what;
  Batch expected = wanted;
  expected.version = wanted.version + 1;
  EXPECT_EQ(*updated, expected);
  EXPECT_EQ(**ledger_.batch(wanted.id), expected);
  EXPECT_EQ(lines(core::batch_subject(wanted.id)).back(), "rung 1");
}

TEST_P(LedgerContract, ABatchChangedByAnotherIsAConflict) {
  claim(batch(1, 1));
  const Batch seen = **ledger_.batch(name_of(1));
  ASSERT_TRUE(ledger_.update(seen, kNow, "first").has_value());
  const auto late = ledger_.update(seen, kNow, "second");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().fault, Fault::conflict);
  EXPECT_EQ(lines(core::batch_subject(seen.id)).back(), "first");
}

TEST_P(LedgerContract, ABatchThatNeverWasIsNotFound) {
  const auto updated = ledger_.update(batch(1, 1), kNow, "");
  ASSERT_FALSE(updated.has_value());
  EXPECT_EQ(updated.error().fault, Fault::not_found);
  EXPECT_FALSE(ledger_.batch(name_of(1))->has_value());
}

TEST_P(LedgerContract, AClosedBatchIsInNoSnapshot) {
  claim(batch(1, 1));
  Batch wanted = **ledger_.batch(name_of(1));
  wanted.open = false;
  ASSERT_TRUE(ledger_.update(wanted, kNow, "closed").has_value());
  EXPECT_TRUE(ledger_.snapshot(kPool)->batches.empty());
  EXPECT_FALSE((*ledger_.batch(wanted.id))->open);
}

}  // namespace jitney::contract
