// SPDX-License-Identifier: Apache-2.0
// Ledger::advance: the lifecycle, `live`, the pool's version, machines bound once.
#include <atomic>
#include <thread>

#include "tests/contract/ledger_contract.hpp"

namespace jitney::contract {

TEST_P(LedgerContract, ARunnerReadsBackAsTheCoreAdvancesIt) {
  claim(batch(1, 1, {}));
  const Runner planned = runner(name_of(1));
  const auto expected = core::advance(planned, Event::machine_bound, machine("i-1"), kNow + 1s);
  ASSERT_TRUE(expected.has_value());
  EXPECT_EQ(advance(name_of(1), Event::machine_bound, machine("i-1"), kNow + 1s), *expected);
  EXPECT_EQ(runner(name_of(1)), *expected);
  EXPECT_EQ(**ledger_.runner_on("i-1"), *expected);
  EXPECT_FALSE(ledger_.runner_on("i-2")->has_value());
  EXPECT_FALSE(ledger_.runner_on("")->has_value());
}

TEST_P(LedgerContract, EveryFieldOfARunnerSurvives) {
  const RunnerName name = runner_in(Phase::busy);
  core::Facts facts;
  facts.exit_code = 0;
  facts.reason = "runner ended; it's \"done\"";
  const Runner before = runner(name);
  const auto expected = core::advance(before, Event::command_ended, facts, kNow + 1h);
  ASSERT_TRUE(expected.has_value());
  advance(name, Event::command_ended, facts, kNow + 1h);
  EXPECT_EQ(runner(name), *expected);
  EXPECT_EQ(runner(name).exit_code, 0);
  EXPECT_TRUE(runner(name).minted);
  EXPECT_TRUE(runner(name).had_job);
}

TEST_P(LedgerContract, AnEventSentAgainChangesNothing) {
  const RunnerName name = runner_in(Phase::launched);
  const Runner before = runner(name);
  const std::size_t told = lines(core::runner_subject(name)).size();
  EXPECT_EQ(advance(name, Event::machine_bound, machine(before.machine), kNow + 1min), before);
  EXPECT_EQ(lines(core::runner_subject(name)).size(), told);
}

TEST_P(LedgerContract, AnUnknownRunnerIsNotFound) {
  const auto after = ledger_.advance("nobody", Event::machine_gone, {}, kNow);
  ASSERT_FALSE(after.has_value());
  EXPECT_EQ(after.error().fault, Fault::not_found);
}

TEST_P(LedgerContract, ARefusedPairIsAConflictAndNotedOnce) {
  const RunnerName name = runner_in(Phase::planned);
  const Runner before = runner(name);
  const std::size_t told = lines(core::runner_subject(name)).size();
  for (int i = 0; i < 3; ++i) {
    const auto after = ledger_.advance(name, Event::start_done, {}, kNow);
    ASSERT_FALSE(after.has_value());
    EXPECT_EQ(after.error().fault, Fault::conflict);
  }
  EXPECT_EQ(runner(name), before);
  EXPECT_EQ(lines(core::runner_subject(name)).size(), told + 1);
}

TEST_P(LedgerContract, OneMachineIsBoundToOneRunnerOnly) {
  const RunnerName first = runner_in(Phase::launched);
  const RunnerName second = runner_in(Phase::planned);
  const std::string taken = runner(first).machine;
  const Runner before = runner(second);
  const auto after = ledger_.advance(second, Event::machine_bound, machine(taken), kNow);
  ASSERT_FALSE(after.has_value());
  EXPECT_EQ(after.error().fault, Fault::conflict);
  EXPECT_EQ(runner(second), before);
  EXPECT_EQ((*ledger_.runner_on(taken))->name, first);
  EXPECT_NE(lines(core::runner_subject(second)).back().find(taken), std::string::npos);
}

TEST_P(LedgerContract, AMachineIsNotBoundAgainAfterItsRunnerIsGone) {
  const RunnerName first = gone_runner(kNow);
  const RunnerName second = runner_in(Phase::planned);
  const auto after =
      ledger_.advance(second, Event::machine_bound, machine(runner(first).machine), kNow);
  ASSERT_FALSE(after.has_value());
  EXPECT_EQ(after.error().fault, Fault::conflict);
}

TEST_P(LedgerContract, OneRunnerIsBoundToOneMachineOnly) {
  const RunnerName name = runner_in(Phase::launched);
  const Runner before = runner(name);
  const auto after = ledger_.advance(name, Event::machine_bound, machine("i-another"), kNow);
  ASSERT_FALSE(after.has_value());
  EXPECT_EQ(after.error().fault, Fault::conflict);
  EXPECT_EQ(runner(name), before);
  EXPECT_FALSE(ledger_.runner_on("i-another")->has_value());
}

TEST_P(LedgerContract, LiveIsReleasedWhenTheRunnerIsGoneAndOnlyOnce) {
  const RunnerName name = runner_in(Phase::busy);
  EXPECT_EQ(live(), 1);
  advance(name, Event::job_ended);
  EXPECT_EQ(live(), 1) << "stopping still holds capacity";
  const std::int64_t before = version();
  advance(name, Event::machine_gone);
  EXPECT_EQ(live(), 0);
  EXPECT_GT(version(), before) << "every fall of `live` raises the version";
  advance(name, Event::machine_gone);
  EXPECT_EQ(live(), 0);
  EXPECT_TRUE(ledger_.snapshot(kPool)->runners.empty());
}

TEST_P(LedgerContract, AnAbandonedLaunchReleasesLive) {
  claim(batch(1, 2));
  const std::int64_t before = version();
  advance(name_of(2), Event::launch_abandoned);
  EXPECT_EQ(live(), 1);
  EXPECT_GT(version(), before);
}

TEST_P(LedgerContract, TheVersionRisesWhenARunnerStopsBeingSupply) {
  std::int64_t last = 0;
  const auto rose = [&] { return std::exchange(last, version()) < last; };
  const RunnerName taken = runner_in(Phase::registered);
  const RunnerName stopped = runner_in(Phase::ready);
  last = version();
  advance(stopped, Event::start_claimed);
  EXPECT_FALSE(rose()) << "starting is supply as ready is";
  advance(stopped, Event::stop_requested);
  EXPECT_TRUE(rose()) << "supply was taken away";
  core::Facts facts;
  facts.job = 1;
  advance(taken, Event::job_started, facts);
  EXPECT_TRUE(rose()) << "a busy runner serves nobody else";
  advance(taken, Event::job_ended, facts);
  EXPECT_FALSE(rose()) << "it was no supply any more";
}

TEST_P(LedgerContract, OfManyWhoClaimAStartExactlyOneWins) {
  const RunnerName name = runner_in(Phase::ready);
  core::Facts lease;
  lease.lease_until = kNow + 2min;
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> rivals;
    for (int i = 0; i < 4; ++i) {
      rivals.emplace_back(
          [&] { won += ledger_.advance(name, Event::start_claimed, lease, kNow) ? 1 : 0; });
    }
  }
  EXPECT_EQ(won, 1);
}

TEST_P(LedgerContract, LiveRunnersAreThoseOfAllPools) {
  const RunnerName gone = gone_runner(kNow);
  const RunnerName busy = runner_in(Phase::busy);
  claim(batch(1, 1, {}, "not configured any more"));
  const auto live = ledger_.live_runners();
  ASSERT_TRUE(live.has_value());
  std::vector<RunnerName> names;
  for (const Runner& each : *live) names.push_back(each.name);
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector{name_of(1, "not configured any more"), busy}));
}

// More than DynamoDB reads at once: a batch of 50 has a hundred places to look at.
TEST_P(LedgerContract, RunnersThatAreAskedForByNameAreThoseThatExistLiveOrGone) {
  claim(batch(1, 60, {}));
  advance(name_of(2), Event::launch_abandoned, {}, kNow);
  std::vector<RunnerName> names;
  for (int number = 1; number <= 61; ++number) names.push_back(name_of(number));
  const auto found = ledger_.runners_named(names);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 60U);
  for (const Runner& one : *found) EXPECT_EQ(one, runner(one.name));
  EXPECT_TRUE(ledger_.runners_named({})->empty());
}

}  // namespace jitney::contract
