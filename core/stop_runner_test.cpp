// SPDX-License-Identifier: Apache-2.0
// The end of one runner: deregister first, then the machine (P6), then the place it held.
#include "core/breaker.hpp"
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class StopRunner : public FunctionsTest {
 protected:
  void registered_runner() {
    job_ = queue_job();
    ASSERT_TRUE(create());
    ASSERT_EQ(runner("prod-cpu-1").phase, Phase::registered);
    machine_ = runner("prod-cpu-1").machine;
    messages(1h);
  }
  Status stop_it() { return stop_runner(context(), "prod-cpu-1", "tested"); }

  JobId job_ = 0;
  MachineId machine_;
};

TEST_F(StopRunner, DeregistersStopsTheMachineReleasesItsPlaceAndWakesThePool) {
  registered_runner();
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").reason, "tested");
  EXPECT_EQ(forge.registrations(), 0u);
  EXPECT_EQ(fleet.stopped, std::vector<MachineId>{machine_});
  EXPECT_EQ(live(), 0);
  const std::vector<Message> woken = messages();
  ASSERT_EQ(woken.size(), 1u);
  EXPECT_EQ(woken[0].kind, MessageKind::create_runner);
}

TEST_F(StopRunner, DoesNothingTheSecondTime) {
  registered_runner();
  ASSERT_TRUE(stop_it());
  messages(1h);
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(fleet.stopped.size(), 1u);
  EXPECT_EQ(live(), 0);
  EXPECT_TRUE(messages(1h).empty());
}

TEST_F(StopRunner, KnowsNothingOfAStrangerAndOfAnUnboundRunner) {
  EXPECT_TRUE(stop_runner(context(), "prod-cpu-99", "tested"));
  queue_job();
  fleet.lose_launch_answers = 1;
  ASSERT_TRUE(create());
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::planned) << "its batch may still bring its machine";
}

// --- P6: a busy runner is never killed

TEST_F(StopRunner, LeavesABusyRunnerAlone) {
  registered_runner();
  take(job_, "prod-cpu-1");
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_TRUE(fleet.stopped.empty());
  EXPECT_EQ(forge.registrations(), 1u);
}

TEST_F(StopRunner, TakesTheStopBackWhenGitHubSaysThatAJobRuns) {
  registered_runner();
  take(job_, "prod-cpu-1", /*told=*/false);
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_TRUE(runner("prod-cpu-1").reason.empty());
  EXPECT_TRUE(fleet.stopped.empty());
  EXPECT_EQ(live(), 1);
}

TEST_F(StopRunner, StopsNoMachineWhileGitHubCannotBeAsked) {
  registered_runner();
  forge.outage(true);
  const Status stopped = stop_it();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().fault, Fault::transient);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::stopping);
  EXPECT_TRUE(fleet.stopped.empty());
  EXPECT_TRUE(noted(breaker_key("acme")));

  forge.outage(false);
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").reason, "tested");
}

TEST_F(StopRunner, StopsTheMachineOfAnOverdueJobWhateverGitHubSays) {
  registered_runner();
  take(job_, "prod-cpu-1");
  Facts facts;
  facts.reason = "max_job_time is over";
  ASSERT_TRUE(ledger.advance("prod-cpu-1", Event::job_overdue, facts, clock.now()));
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").reason, "max_job_time is over");
  EXPECT_EQ(fleet.stopped.size(), 1u);
}

// --- proved ends

TEST_F(StopRunner, NeedsNoGitHubForARunnerWhoseJobEnded) {
  registered_runner();
  take(job_, "prod-cpu-1");
  forge.finish(job_);
  tell(job_);
  forge.outage(true);
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_FALSE(noted(breaker_key("acme"))) << "nobody was asked";
}

// A registration that cannot be removed now is a debt of the sweep; it holds no capacity.
TEST_F(StopRunner, EndsAProvedRunnerWhoseRegistrationCannotBeRemoved) {
  registered_runner();
  forge.outage(true);
  machines.end_runner(machine_, 1);
  ASSERT_TRUE(runner_ended(context(), machine_, 1));
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(live(), 0);
  EXPECT_EQ(forge.registrations(), 1u);

  forge.outage(false);
  sweep_for(deployment.orphan_grace + 3min);
  const auto left = forge.find("prod-cpu-1");
  ASSERT_TRUE(left);
  EXPECT_FALSE(*left) << "the sweep pays the debt";
}

TEST_F(StopRunner, KeepsThePlaceUntilTheMachineIsGone) {
  registered_runner();
  fleet.stop_takes_longer = true;
  const Status stopped = stop_it();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().fault, Fault::not_ready);
  EXPECT_NE(stopped.error().what.find(machine_), std::string::npos);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::stopping);
  EXPECT_EQ(live(), 1);
  fleet.stop_takes_longer = false;
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(live(), 0);
}

TEST_F(StopRunner, AsksGitHubNothingForARunnerThatWasNeverMinted) {
  pool().warm = 1;
  ASSERT_TRUE(create());
  forge.outage(true);
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
}

TEST_F(StopRunner, FindsARegistrationWhoseIdItDoesNotKnow) {
  registered_runner();
  fleet.lose_start_answer = true;
  queue_job();
  ASSERT_TRUE(create());
  ASSERT_EQ(runner("prod-cpu-2").phase, Phase::starting);
  ASSERT_EQ(runner("prod-cpu-2").forge_id, 0);
  ASSERT_TRUE(stop_runner(context(), "prod-cpu-2", "tested"));
  EXPECT_EQ(forge.registrations(), 1u);
}

TEST_F(StopRunner, AsksEveryForgeForARunnerWhosePoolIsNoLongerConfigured) {
  registered_runner();
  fakes::FakeForge other({.scope = "other"}, clock);
  forges = {{"a-first", &other}, {"acme", &forge}};
  deployment.pools.clear();
  ASSERT_TRUE(stop_it());
  EXPECT_EQ(forge.registrations(), 0u);
}

// --- the runner's own process ended

TEST_F(StopRunner, TakesTheEndOfTheProcessAsProof) {
  registered_runner();
  take(job_, "prod-cpu-1");
  machines.end_runner(machine_, 0);
  ASSERT_TRUE(runner_ended(context(), machine_, 0));
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").exit_code, 0);
}

TEST_F(StopRunner, RemembersARunnerThatEndedWithoutAJob) {
  registered_runner();
  ASSERT_TRUE(runner_ended(context(), machine_, 7));
  EXPECT_TRUE(noted("idle-end/cpu/prod-cpu-1"));
  EXPECT_NE(runner("prod-cpu-1").reason.find("exit code 7"), std::string::npos);
}

TEST_F(StopRunner, HasNoDoubtAboutARunnerThatHadAJob) {
  registered_runner();
  take(job_, "prod-cpu-1");
  ASSERT_TRUE(runner_ended(context(), machine_, 0));
  EXPECT_FALSE(noted("idle-end/cpu/prod-cpu-1"));
}

TEST_F(StopRunner, LeavesTheEndOfAnUnknownMachineToTheSweep) {
  EXPECT_TRUE(runner_ended(context(), "i-unknown", 0));
}

}  // namespace
}  // namespace jitney::core
