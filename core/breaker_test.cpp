// SPDX-License-Identifier: Apache-2.0
#include "core/breaker.hpp"

#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class Breaker : public FunctionsTest {
 protected:
  void answer(Fault fault, std::optional<Duration> retry_after = std::nullopt) {
    note_forge(context(), "acme", fail(fault, "told to", retry_after));
  }
  void answer_well() { note_forge(context(), "acme", {}); }
  Conditions now() { return conditions(context(), "acme").value(); }
};

TEST_F(Breaker, IsClosedWhileNothingWasHeard) {
  EXPECT_FALSE(now().forge_down);
  EXPECT_EQ(now().forge_since, Time{});
  EXPECT_EQ(now().batch_size, deployment.batch_size);
}

TEST_F(Breaker, OpensForAMinuteWhenGitHubCannotBeReached) {
  answer(Fault::transient);
  EXPECT_TRUE(now().forge_down);
  EXPECT_EQ(now().forge_down_until, clock.now() + 1min);
  clock.advance(1min);
  EXPECT_FALSE(now().forge_down) << "somebody has to try";
}

TEST_F(Breaker, OpensForAsLongAsGitHubAsksFor) {
  answer(Fault::throttled, 17min);
  EXPECT_EQ(now().forge_down_until, clock.now() + 17min);
}

TEST_F(Breaker, IsNotShortenedByAnEarlierEnd) {
  answer(Fault::throttled, 17min);
  answer(Fault::transient);
  EXPECT_EQ(now().forge_down_until, clock.now() + 17min);
}

TEST_F(Breaker, ClosesWithTheFirstAnswerAlsoARefusal) {
  for (const Fault fault : {Fault::invalid, Fault::unauthorized, Fault::not_found, Fault::conflict,
                            Fault::no_capacity, Fault::not_ready}) {
    answer(Fault::transient);
    ASSERT_TRUE(now().forge_down);
    answer(fault);
    EXPECT_FALSE(now().forge_down) << to_string(fault) << " is an answer";
  }
}

TEST_F(Breaker, IsLeftAsItIsByOurOwnDeadline) {
  answer(Fault::cancelled);
  EXPECT_FALSE(now().forge_down);
  answer(Fault::transient);
  answer(Fault::cancelled);
  EXPECT_TRUE(now().forge_down);
}

// Deadlines stand still from the first failure until an answer, not only until the note runs out.
TEST_F(Breaker, LetsDeadlinesStandStillUntilGitHubAnswers) {
  answer(Fault::transient);
  clock.advance(30min);
  EXPECT_EQ(now().forge_since, clock.now());
  answer_well();
  const Time closed = clock.now();
  clock.advance(5min);
  EXPECT_EQ(now().forge_since, closed);
}

TEST_F(Breaker, OfOneScopeSaysNothingOfAnother) {
  answer(Fault::transient);
  EXPECT_FALSE(conditions(context(), "other")->forge_down);
}

TEST_F(Breaker, WritesNothingWhileAllIsWell) {
  answer_well();
  EXPECT_TRUE(ledger.notes("")->empty());
}

TEST_F(Breaker, IsNotGuessedWhenTheLedgerFails) {
  ledger.fail_next(Fault::transient);
  EXPECT_FALSE(conditions(context(), "acme"));
}

// A registered runner that GitHub could give no job, because it was down, is not stopped for it.
TEST_F(Breaker, EndsNoRunnerForTheTimeOfAnOutage) {
  queue_job();
  ASSERT_TRUE(create());
  forge.connect(runner("prod-cpu-1").forge_id);
  steady();
  forge.outage(true);
  sweep_for(pool().deadlines.idle + 5min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  forge.outage(false);
  sweep_for(pool().deadlines.idle - 1min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  sweep_for(3min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone) << "the deadline began anew";
}

}  // namespace
}  // namespace jitney::core
