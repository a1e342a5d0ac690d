// SPDX-License-Identifier: Apache-2.0
// Ledger::fail, bury, redrive, checked: failures counted once, deaths and second lives.
#include "core/timeline.hpp"
#include "tests/contract/ledger_contract.hpp"

namespace jitney::contract {

namespace {

const core::RetryPolicy kTwoTries{{1min, 2min}};
const core::Error kNoCapacity{Fault::no_capacity, "InsufficientInstanceCapacity (req 1)"};

}  // namespace

TEST_P(LedgerContract, AFailureMakesTheJobWait) {
  queue_job(1);
  const std::int64_t before = version();
  const Job expected =
      core::after_failure(job(1), "b/0", kNoCapacity, kTwoTries, kNow).value_or(Job{});
  const auto failed = ledger_.fail(1, "b/0", kNoCapacity, kTwoTries, kNow);
  ASSERT_TRUE(failed.has_value()) << failed.error().what;
  EXPECT_EQ(*failed, expected);
  EXPECT_EQ(job(1), expected);
  EXPECT_FALSE(job(1).demand(kNow));
  EXPECT_GT(version(), before) << "it stopped being demand for a while";
  EXPECT_EQ(lines(core::job_subject(1)).back(), core::job_failure(expected));
}

TEST_P(LedgerContract, AFailureIsCountedOnceAKey) {
  queue_job(1);
  ASSERT_TRUE(ledger_.fail(1, "b/0", kNoCapacity, kTwoTries, kNow).has_value());
  const Job once = job(1);
  const std::int64_t before = version();
  EXPECT_EQ(ledger_.fail(1, "b/0", kNoCapacity, kTwoTries, kNow + 1h), once);
  EXPECT_EQ(job(1), once);
  EXPECT_EQ(version(), before);
  EXPECT_EQ(lines(core::job_subject(1)).size(), 2U);
  EXPECT_EQ(ledger_.fail(1, "b/1", kNoCapacity, kTwoTries, kNow)->failures, 2);
}

TEST_P(LedgerContract, AfterTheLastDelayTheJobIsDeadWithItsCause) {
  queue_job(1);
  for (const char* key : {"a", "b"}) {
    EXPECT_FALSE(ledger_.fail(1, key, kNoCapacity, kTwoTries, kNow)->dead);
  }
  const std::int64_t before = version();
  const auto last = ledger_.fail(1, "c", kNoCapacity, kTwoTries, kNow);
  ASSERT_TRUE(last.has_value() && last->dead);
  EXPECT_FALSE(last->dead->permanent);
  EXPECT_NE(last->dead->cause.find(kNoCapacity.what), std::string::npos);
  EXPECT_EQ(job(1), *last);
  EXPECT_TRUE(ledger_.snapshot(kPool)->jobs.empty());
  EXPECT_GT(version(), before);
}

TEST_P(LedgerContract, APermanentFaultKillsAtOnce) {
  queue_job(1);
  const core::Error broken{Fault::invalid, "no such launch template"};
  const auto failed = ledger_.fail(1, "a", broken, kTwoTries, kNow);
  ASSERT_TRUE(failed.has_value() && failed->dead);
  EXPECT_TRUE(failed->dead->permanent);
}

TEST_P(LedgerContract, AFailureOfAJobThatNoLongerWaitsChangesNothing) {
  queue_job(1);
  record(event(1, JobStatus::in_progress, "somebody else's"));
  const Job before = job(1);
  EXPECT_EQ(ledger_.fail(1, "a", kNoCapacity, kTwoTries, kNow), before);
  EXPECT_EQ(job(1), before);
}

TEST_P(LedgerContract, BuryingIsAtOnceAndIdempotent) {
  queue_job(1);
  const std::int64_t before = version();
  const core::Death death{"the repository is gone", true, kNow};
  const auto buried = ledger_.bury(1, death);
  ASSERT_TRUE(buried.has_value()) << buried.error().what;
  EXPECT_EQ(buried->dead, death);
  EXPECT_GT(version(), before);
  const std::size_t told = lines(core::job_subject(1)).size();
  EXPECT_EQ(ledger_.bury(1, death), *buried);
  EXPECT_EQ(lines(core::job_subject(1)).size(), told);
  EXPECT_EQ(lines(core::job_subject(1)).back(), core::job_death(death));
}

TEST_P(LedgerContract, ACompletedJobCannotBeBuried) {
  record(event(1, JobStatus::completed));
  const auto buried = ledger_.bury(1, {"late", true, kNow});
  ASSERT_TRUE(buried.has_value());
  EXPECT_FALSE(buried->dead);
}

TEST_P(LedgerContract, ADeadJobThatGitHubSaysRunsLives) {
  queue_job(1);
  ASSERT_TRUE(ledger_.bury(1, {"gave up", false, kNow}).has_value());
  record(event(1, JobStatus::in_progress, "somebody else's"));
  EXPECT_FALSE(job(1).dead);
}

TEST_P(LedgerContract, RedrivingGivesADeadJobAnotherLife) {
  queue_job(1);
  ASSERT_TRUE(ledger_.fail(1, "a", kNoCapacity, kTwoTries, kNow).has_value());
  ASSERT_TRUE(ledger_.bury(1, {"gave up", false, kNow}).has_value());
  const Job expected = core::redriven(job(1), kNow + 1h).value_or(Job{});
  const auto redriven = ledger_.redrive(1, kNow + 1h);
  ASSERT_TRUE(redriven.has_value()) << redriven.error().what;
  EXPECT_EQ(*redriven, expected);
  EXPECT_EQ(job(1), expected);
  EXPECT_TRUE(job(1).demand(kNow + 1h));
  EXPECT_EQ(ledger_.snapshot(kPool)->jobs.size(), 1U);
  EXPECT_EQ(ledger_.fail(1, "a", kNoCapacity, kTwoTries, kNow + 1h)->failures, 1)
      << "a new life counts anew";
}

TEST_P(LedgerContract, OnlyADeadJobIsRedriven) {
  queue_job(1);
  const auto alive = ledger_.redrive(1, kNow);
  ASSERT_FALSE(alive.has_value());
  EXPECT_EQ(alive.error().fault, Fault::conflict);
}

TEST_P(LedgerContract, CheckingIsRememberedAndIsNoChangeToPeople) {
  queue_job(1);
  ASSERT_TRUE(ledger_.checked(1, kNow + 1min).has_value());
  ASSERT_TRUE(ledger_.checked(1, kNow + 1min).has_value());
  EXPECT_EQ(job(1).checked_at, kNow + 1min);
  EXPECT_EQ(lines(core::job_subject(1)).size(), 1U);
}

TEST_P(LedgerContract, WritesToAnUnknownJobAreNotFound) {
  EXPECT_EQ(ledger_.fail(1, "a", kNoCapacity, kTwoTries, kNow).error().fault, Fault::not_found);
  EXPECT_EQ(ledger_.bury(1, {"x", false, kNow}).error().fault, Fault::not_found);
  EXPECT_EQ(ledger_.redrive(1, kNow).error().fault, Fault::not_found);
  EXPECT_EQ(ledger_.checked(1, kNow).error().fault, Fault::not_found);
  EXPECT_FALSE(ledger_.job(1)->has_value());
}

}  // namespace jitney::contract
