// SPDX-License-Identifier: Apache-2.0
#include "core/runner.hpp"

#include <gtest/gtest.h>

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{Duration{1'800'000'000'000}};

Runner planned() {
  Runner runner;
  runner.name = "ci-cpu-1";
  runner.pool = "cpu";
  runner.number = 1;
  runner.created_at = kNow;
  runner.phase_since = kNow;
  return runner;
}

Facts on_machine(MachineId id) {
  Facts facts;
  facts.machine = std::move(id);
  return facts;
}

Facts leased(Time until) {
  Facts facts;
  facts.lease_until = until;
  return facts;
}

// A runner that went the ordinary way up to `phase`.
Runner at(Phase phase) {
  Runner runner = planned();
  const std::vector<std::pair<Event, Facts>> way{
      {Event::machine_bound, on_machine("m1")},
      {Event::machine_answered, {}},
      {Event::start_claimed, leased(kNow + 2min)},
      {Event::start_done,
       Facts{.machine = {}, .forge_id = 99, .lease_until = {}, .exit_code = {}, .reason = {}}},
      {Event::job_started,
       Facts{.machine = {}, .job = 17, .lease_until = {}, .exit_code = {}, .reason = {}}},
      {Event::job_ended,
       Facts{.machine = {}, .job = 17, .lease_until = {}, .exit_code = {}, .reason = {}}},
      {Event::machine_gone, {}},
  };
  for (const auto& [event, facts] : way) {
    if (runner.phase == phase) break;
    runner = advance(runner, event, facts, kNow).value();
  }
  EXPECT_EQ(runner.phase, phase);
  return runner;
}

TEST(Runner, GoesTheOrdinaryWay) {
  const Runner runner = at(Phase::gone);
  EXPECT_EQ(runner.machine, "m1");
  EXPECT_EQ(runner.forge_id, 99);
  EXPECT_EQ(runner.job, 17);
  EXPECT_TRUE(runner.had_job);
  EXPECT_TRUE(runner.end_proved);
  EXPECT_EQ(runner.reason, "job ended");
}

TEST(Runner, EveryPhaseTakesEveryEnd) {
  for (int p = 0; p < kPhases; ++p) {
    const Runner runner = at(static_cast<Phase>(p));
    for (const Event end : {Event::job_ended, Event::command_ended, Event::machine_gone}) {
      const auto after = advance(runner, end, {}, kNow + 1s);
      ASSERT_TRUE(after) << to_string(runner.phase) << " " << to_string(end);
      EXPECT_GE(after->phase, Phase::stopping);
    }
  }
}

TEST(Runner, RepeatedEventReturnsTheSameVersion) {
  const Runner busy = at(Phase::busy);
  Facts facts;
  facts.job = 17;
  const auto again = advance(busy, Event::job_started, facts, kNow + 1h);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, busy);
}

TEST(Runner, PairThatIsNotInTheTableIsRefusedWithWords) {
  const auto refused = advance(planned(), Event::start_done, {}, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::conflict);
  EXPECT_EQ(refused.error().what,
            "runner ci-cpu-1 is planned: start_done refused, the lifecycle has no such step");
}

TEST(Runner, TakesOneMachineOnly) {
  const Runner launched = at(Phase::launched);
  EXPECT_TRUE(advance(launched, Event::machine_bound, on_machine("m1"), kNow));
  const auto other = advance(launched, Event::machine_bound, on_machine("m2"), kNow);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().fault, Fault::conflict);
}

TEST(Runner, LeaseKeepsOthersAwayUntilItEnds) {
  const Runner starting = at(Phase::starting);
  EXPECT_FALSE(advance(starting, Event::start_claimed, leased(kNow + 3min), kNow + 1min));
  const auto later = advance(starting, Event::start_claimed, leased(kNow + 5min), kNow + 2min);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->lease_until, kNow + 5min);
  EXPECT_EQ(later->phase_since, starting.phase_since);
}

TEST(Runner, BusyRefusesToBeStoppedByACleanUp) {
  EXPECT_FALSE(advance(at(Phase::busy), Event::stop_requested, {}, kNow));
}

TEST(Runner, OverdueJobIsTheOneStopOfABusyRunner) {
  const auto after = advance(at(Phase::busy), Event::job_overdue, {}, kNow);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->phase, Phase::stopping);
  EXPECT_TRUE(after->overdue);
  EXPECT_FALSE(advance(*after, Event::found_busy, {}, kNow));
}

TEST(Runner, StopIsTakenBackWhenGitHubSaysBusy) {
  Facts facts;
  facts.reason = "surplus";
  const Runner stopping = *advance(at(Phase::registered), Event::stop_requested, facts, kNow);
  EXPECT_EQ(stopping.reason, "surplus");
  const auto back = advance(stopping, Event::found_busy, {}, kNow);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->phase, Phase::busy);
  EXPECT_TRUE(back->reason.empty());
}

TEST(Runner, StopIsNotTakenBackOnceTheEndIsProved) {
  const Runner ended = *advance(at(Phase::registered), Event::command_ended, {}, kNow);
  EXPECT_FALSE(advance(ended, Event::found_busy, {}, kNow));
}

TEST(Runner, JobThatStartedBeforeTheStartWasRecordedIsKept) {
  Facts facts;
  facts.job = 5;
  const Runner busy = *advance(at(Phase::starting), Event::job_started, facts, kNow);
  EXPECT_EQ(busy.phase, Phase::busy);
  facts = {};
  facts.forge_id = 7;
  const auto late = advance(busy, Event::start_done, facts, kNow);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->phase, Phase::busy);
  EXPECT_EQ(late->forge_id, 7);
}

TEST(Runner, WordsAndValuesAgree) {
  for (int p = 0; p < kPhases; ++p) {
    EXPECT_EQ(parse_phase(to_string(static_cast<Phase>(p))), static_cast<Phase>(p));
  }
  for (int e = 0; e < kEvents; ++e) {
    EXPECT_EQ(parse_event(to_string(static_cast<Event>(e))), static_cast<Event>(e));
  }
  EXPECT_FALSE(parse_phase("asleep"));
}

TEST(Runner, EveryPhaseIsReachedAndEveryEventUsed) {
  for (int e = 0; e < kEvents; ++e) {
    bool used = false;
    for (const Edge& edge : lifecycle()) used |= edge.event == static_cast<Event>(e);
    EXPECT_TRUE(used) << to_string(static_cast<Event>(e));
  }
  for (int p = 1; p < kPhases; ++p) {
    bool reached = false;
    for (const Edge& edge : lifecycle()) {
      reached |= edge.to == static_cast<Phase>(p) && edge.from != edge.to;
    }
    EXPECT_TRUE(reached) << to_string(static_cast<Phase>(p));
  }
}

}  // namespace
}  // namespace jitney::core
