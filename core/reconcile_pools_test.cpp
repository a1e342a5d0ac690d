// SPDX-License-Identifier: Apache-2.0
// Deadlines, surplus, stops that were left half done, pools that are no longer configured.
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using ReconcilePools = FunctionsTest;

TEST_F(ReconcilePools, StopsAMachineThatNeverAnswersAndBlamesItsLaunch) {
  machines.boot_by_hand();
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  steady();
  sweep_for(pool().deadlines.batch + pool().deadlines.boot - 2min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::launched);
  sweep_for(2min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(machine_count(), 0u);
  EXPECT_EQ(job(id).failures, 1);
}

TEST_F(ReconcilePools, StopsAnIdleRunnerThatNobodyNeedsAnyMore) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  forge.connect(runner("prod-cpu-1").forge_id);
  forge.finish(id, "cancelled");
  tell(id);
  steady();
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_NE(runner("prod-cpu-1").reason.find("no longer needed"), std::string::npos);
  EXPECT_EQ(forge.registrations(), 0u);
}

TEST_F(ReconcilePools, KeepsASurplusRunnerThatJustTookAJobUnseen) {
  const JobId id = queue_job();
  const JobId other = queue_job();
  ASSERT_TRUE(create());
  forge.finish(id, "cancelled");
  tell(id);
  take(other, "prod-cpu-1", /*told=*/false);
  steady();
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_TRUE(machines.find(runner("prod-cpu-1").machine)->has_value());
}

TEST_F(ReconcilePools, StopsAJobThatOutlivesMaxJobTimeWithTheReason) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  steady();
  sweep_for(pool().deadlines.max_job_time - 5min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  sweep_for(6min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_NE(runner("prod-cpu-1").reason.find("max_job_time"), std::string::npos);
}

TEST_F(ReconcilePools, FinishesAStopThatWasLeftHalfDone) {
  queue_job();
  ASSERT_TRUE(create());
  fleet.stop_takes_longer = true;
  EXPECT_FALSE(stop_runner(context(), "prod-cpu-1", "tested"));
  ASSERT_EQ(runner("prod-cpu-1").phase, Phase::stopping);
  fleet.stop_takes_longer = false;
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").reason, "tested");
}

// --- wake-ups

TEST_F(ReconcilePools, WakesAPoolWhoseWakeUpWasLost) {
  queue_job();
  messages(1h);
  swept();
  const std::vector<Message> woken = messages();
  ASSERT_EQ(woken.size(), 1u);
  EXPECT_EQ(woken[0].kind, MessageKind::create_runner);
  EXPECT_EQ(woken[0].key, "cpu");
}

TEST_F(ReconcilePools, WakesAPoolWhoseMachineBoots) {
  machines.boot_by_hand();
  queue_job();
  ASSERT_TRUE(create());
  messages(1h);
  swept();
  EXPECT_EQ(messages().size(), 1u);
}

TEST_F(ReconcilePools, LetsAPoolSleepThatHasNothingToDo) {
  queue_job();
  ASSERT_TRUE(create());
  messages(1h);
  swept();
  EXPECT_TRUE(messages(1h).empty());
}

// --- a pool that a person took out of the configuration

TEST_F(ReconcilePools, RetiresTheIdleRunnersOfAPoolThatIsNoLongerConfigured) {
  const std::vector<JobId> ids = queue_jobs(2);
  ASSERT_TRUE(create());
  take(ids[0], "prod-cpu-1");
  deployment.pools.clear();
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy) << "its job goes on";
  EXPECT_EQ(runner("prod-cpu-2").phase, Phase::gone);
  EXPECT_NE(runner("prod-cpu-2").reason.find("no longer configured"), std::string::npos);
}

TEST_F(ReconcilePools, ClosesTheOpenBatchesOfARetiredPoolAndBlamesNobody) {
  const JobId id = queue_job();
  fleet.launch_error = Error{Fault::transient, "told to"};
  ASSERT_TRUE(create());
  ASSERT_TRUE(batch("prod-cpu-1").open);
  deployment.pools.clear();
  swept();
  EXPECT_FALSE(batch("prod-cpu-1").open);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(job(id).failures, 0);
}

}  // namespace
}  // namespace jitney::core
