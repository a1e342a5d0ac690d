// SPDX-License-Identifier: Apache-2.0
#include "core/plan.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{Duration{1'800'000'000'000}};

Pool pool(int max = 10, int warm = 0) {
  Pool p;
  p.name = "cpu";
  p.labels = {"cpu"};
  p.scope = "acme";
  p.max = max;
  p.warm = warm;
  return p;
}

Job job(JobId id, JobStatus status = JobStatus::queued) {
  Job j;
  j.id = id;
  j.status = status;
  j.pool = "cpu";
  j.queued_at = kNow - 1min;
  return j;
}

Runner runner(std::int64_t number, Phase phase, Time since = kNow) {
  Runner r;
  r.number = number;
  r.name = "ci-cpu-" + std::to_string(number);
  r.pool = "cpu";
  r.phase = phase;
  r.created_at = since;
  r.phase_since = since;
  r.machine = "m" + std::to_string(number);
  r.lease_until = kNow + 1min;
  return r;
}

Snapshot snapshot(std::vector<Job> jobs, std::vector<Runner> runners = {}) {
  Snapshot s;
  s.state = {
      .pool = "cpu", .version = 3, .next_number = 7, .live = static_cast<int>(runners.size())};
  s.jobs = std::move(jobs);
  s.runners = std::move(runners);
  return s;
}

TEST(Plan, ClaimsOneRunnerAJob) {
  const Plan p = plan(pool(), snapshot({job(1), job(2)}), {}, kNow);
  EXPECT_EQ(p.deficit, 2);
  EXPECT_EQ(p.jobs, (std::vector<JobId>{1, 2}));
}

TEST(Plan, SupplyOnTheWayIsNotClaimedAgain) {
  const Plan p = plan(pool(), snapshot({job(1), job(2)}, {runner(1, Phase::planned)}), {}, kNow);
  EXPECT_EQ(p.deficit, 1);
}

TEST(Plan, CapCountsRunnersThatAreStoppingToo) {
  const Plan p = plan(pool(2), snapshot({job(1), job(2)}, {runner(1, Phase::stopping)}), {}, kNow);
  EXPECT_EQ(p.deficit, 1);
}

TEST(Plan, WarmIsKeptBesideDemand) {
  EXPECT_EQ(plan(pool(10, 2), snapshot({job(1)}), {}, kNow).deficit, 3);
}

TEST(Plan, JobThatWaitsForARetryIsNoDemandYet) {
  Job later = job(1);
  later.not_before = kNow + 1min;
  const Plan p = plan(pool(), snapshot({later}), {}, kNow);
  EXPECT_EQ(p.deficit, 0);
  EXPECT_EQ(p.wake_at, kNow + 1min);
}

TEST(Plan, BlameGoesToJobsThatNoOtherSupplyWasLaunchedFor) {
  Runner first = runner(1, Phase::launched);
  first.launched_for = 1;
  const Plan p = plan(pool(), snapshot({job(1), job(2)}, {first}), {}, kNow);
  EXPECT_EQ(p.jobs, std::vector<JobId>{2});
}

TEST(Plan, ARunnerThatIsToBeWarmIsForNoJob) {
  Runner first = runner(1, Phase::ready);
  first.launched_for = 1;
  const Plan p = plan(pool(10, 1), snapshot({job(1)}, {first}), {}, kNow);
  EXPECT_EQ(p.deficit, 1);
  EXPECT_TRUE(p.jobs.empty());
}

TEST(Plan, StartsWhatIsReadyForLongestWhateverBecameReadySince) {
  const Runner late = runner(1, Phase::ready, kNow - 1s);
  const Runner early = runner(2, Phase::ready, kNow - 2s);
  EXPECT_EQ(plan(pool(), snapshot({job(1)}, {early}), {}, kNow).start, std::vector{early.name});
  EXPECT_EQ(plan(pool(), snapshot({job(1)}, {late, early}), {}, kNow).start,
            std::vector{early.name});
}

TEST(Plan, MintsOnlyForJobsThatWait) {
  const auto ready = {runner(1, Phase::ready), runner(2, Phase::ready), runner(3, Phase::ready)};
  EXPECT_EQ(plan(pool(10, 3), snapshot({job(1)}, ready), {}, kNow).start,
            std::vector<RunnerName>{"ci-cpu-1"});
  const auto starting = {runner(1, Phase::starting), runner(2, Phase::ready)};
  EXPECT_TRUE(plan(pool(10, 3), snapshot({job(1)}, starting), {}, kNow).start.empty());
}

TEST(Plan, LeaseThatEndedIsStartedAgain) {
  Runner dead = runner(1, Phase::starting, kNow - 3min);
  dead.lease_until = kNow - 1s;
  EXPECT_EQ(plan(pool(), snapshot({job(1)}, {dead}), {}, kNow).start,
            std::vector<RunnerName>{"ci-cpu-1"});
}

TEST(Plan, LaunchesNothingWhileGitHubIsDown) {
  Conditions down;
  down.forge_down = true;
  down.forge_down_until = kNow + 30s;
  const Plan p = plan(pool(), snapshot({job(1)}, {runner(1, Phase::ready)}), down, kNow);
  EXPECT_EQ(p.deficit, 0);
  EXPECT_TRUE(p.start.empty());
  EXPECT_EQ(p.wake_at, kNow + 30s);
}

TEST(Plan, TakesSurplusOldestFirstAfterTheGrace) {
  const auto idle = {runner(1, Phase::registered, kNow - 5min),
                     runner(2, Phase::ready, kNow - 5min), runner(3, Phase::registered, kNow)};
  const Plan p = plan(pool(), snapshot({job(1)}, idle), {}, kNow);
  ASSERT_EQ(p.stop.size(), 2u);
  EXPECT_EQ(p.stop[0].name, "ci-cpu-1");
  EXPECT_EQ(p.stop[1].name, "ci-cpu-2");
  EXPECT_FALSE(p.stop[0].failure);
}

TEST(Plan, YoungSurplusIsLeftAlone) {
  EXPECT_TRUE(plan(pool(), snapshot({}, {runner(1, Phase::registered)}), {}, kNow).stop.empty());
}

struct Deadline {
  Phase phase;
  Duration age;
  bool failure;
};

class PlanDeadline : public testing::TestWithParam<Deadline> {};

TEST_P(PlanDeadline, StopsWhatIsPastIt) {
  const auto [phase, age, failure] = GetParam();
  const Plan before = plan(pool(), snapshot({job(1)}, {runner(1, phase, kNow - age)}), {}, kNow);
  EXPECT_TRUE(before.stop.empty());
  const Plan after =
      plan(pool(), snapshot({job(1)}, {runner(1, phase, kNow - age - 1ms)}), {}, kNow);
  ASSERT_EQ(after.stop.size(), 1u);
  EXPECT_EQ(after.stop[0].failure, failure);
  Conditions jumped;
  jumped.observe_only = true;
  EXPECT_TRUE(plan(pool(), snapshot({job(1)}, {runner(1, phase, kNow - age - 1ms)}), jumped, kNow)
                  .stop.empty());
}

INSTANTIATE_TEST_SUITE_P(Phases, PlanDeadline,
                         testing::Values(Deadline{Phase::launched, 15min, true},
                                         Deadline{Phase::starting, 5min, true},
                                         Deadline{Phase::registered, 10min, true},
                                         Deadline{Phase::busy, 12h, false}));

TEST(Plan, DeadlinesOfGitHubStandStillWhileItIsAway) {
  Conditions back;
  back.forge_since = kNow - 1min;
  const auto old = {runner(1, Phase::registered, kNow - 2h)};
  EXPECT_TRUE(plan(pool(), snapshot({job(1)}, old), back, kNow).stop.empty());
}

TEST(Plan, FollowsBatchesWhoseTimeHasCome) {
  Snapshot s = snapshot({});
  Batch due, later;
  due.id = "ci-cpu-1";
  due.next_try = kNow;
  later.id = "ci-cpu-2";
  later.next_try = kNow + 20s;
  s.batches = {due, later};
  const Plan p = plan(pool(), s, {}, kNow);
  EXPECT_EQ(p.follow, std::vector<BatchId>{"ci-cpu-1"});
  EXPECT_EQ(p.wake_at, kNow + 20s);
}

TEST(MakeBatch, NamesRunnersByLaunchNumber) {
  const Snapshot s = snapshot({job(1), job(2)});
  const Plan p = plan(pool(), s, {}, kNow);
  const Batch batch = make_batch("ci", pool(), s.state, p, kNow);
  EXPECT_EQ(batch.runners, (std::vector<RunnerName>{"ci-cpu-7", "ci-cpu-8"}));
  EXPECT_EQ(batch.id, "ci-cpu-7");
  EXPECT_EQ(batch.client_token(), "ci-cpu-7/0");
  EXPECT_EQ(batch.deadline, kNow + 5min);
}

Snapshot any_snapshot() {
  std::vector<Job> jobs;
  const int job_count = *rc::gen::inRange(0, 30);
  for (int i = 0; i < job_count; ++i) {
    Job j = job(i + 1, static_cast<JobStatus>(*rc::gen::inRange(0, 3)));
    j.not_before = kNow + Duration(*rc::gen::inRange(-60'000, 60'000));
    jobs.push_back(j);
  }
  std::vector<Runner> runners;
  const int runner_count = *rc::gen::inRange(0, 30);
  for (int i = 0; i < runner_count; ++i) {
    Runner r = runner(i + 1, static_cast<Phase>(*rc::gen::inRange(0, 7)),
                      kNow - Duration(*rc::gen::inRange(0, 50'000'000)));
    r.launched_for = *rc::gen::inRange(0, 30);
    runners.push_back(r);
  }
  return snapshot(std::move(jobs), std::move(runners));
}

TEST(PlanProperty, NeverOverSupplyNorOverCapAndAlwaysTheSame) {
  const bool holds = rc::check("promises P3, P5 and P6 in one plan", [] {
    const Pool p = pool(*rc::gen::inRange(0, 20), *rc::gen::inRange(0, 5));
    const Snapshot s = any_snapshot();
    const Plan one = plan(p, s, {}, kNow);
    RC_ASSERT(one.deficit >= 0);
    RC_ASSERT(one.deficit == 0 || one.supply + one.deficit <= one.demand + p.warm);
    RC_ASSERT(one.deficit == 0 || one.live + one.deficit <= p.max);
    RC_ASSERT(one.jobs.size() <= static_cast<std::size_t>(one.deficit));
    for (const Plan::Stop& stop : one.stop) {
      const auto r = std::ranges::find(s.runners, stop.name, &Runner::name);
      RC_ASSERT(r->phase != Phase::busy || stop.event == Event::job_overdue);
    }
    const Plan two = plan(p, s, {}, kNow);
    RC_ASSERT(one.deficit == two.deficit && one.start == two.start && one.jobs == two.jobs);
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace jitney::core
