// SPDX-License-Identifier: Apache-2.0
// The way of one runner from a machine that answers to a registration on GitHub.
#include "core/start.hpp"

#include "core/explain.hpp"
#include "core/functions_test.hpp"
#include "core/launch.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class StartTest : public FunctionsTest {
 protected:
  // A machine that answers, nothing minted, and a job that waits for it.
  void ready_runner() {
    pool().warm = 1;
    ASSERT_TRUE(create());
    ASSERT_EQ(runner("prod-cpu-1").phase, Phase::ready);
    pool().warm = 0;
    job_ = queue_job();
  }
  Status start_it() { return start(context(), pool(), "prod-cpu-1"); }
  Minted mint_by_another() {
    auto minted = forge.mint("prod-cpu-1", pool().labels, 1);
    EXPECT_TRUE(minted);
    return std::move(*minted);
  }

  JobId job_ = 0;
};

TEST_F(StartTest, MintsAndHandsOver) {
  ready_runner();
  ASSERT_TRUE(start_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_EQ(machines.starts(runner("prod-cpu-1").machine), 1);
}

TEST_F(StartTest, LetsTheHolderOfTheLeaseGoOn) {
  ready_runner();
  Facts facts;
  facts.lease_until = clock.now() + 1min;
  ASSERT_TRUE(ledger.advance("prod-cpu-1", Event::start_claimed, facts, clock.now()));
  ASSERT_TRUE(start_it());
  EXPECT_TRUE(forge.minted().empty());
  clock.advance(1min);
  ASSERT_TRUE(start_it()) << "the lease is over: its holder died";
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

// --- 409: the name is taken, by an earlier try of ours that died

TEST_F(StartTest, AdoptsItsOwnRegistrationThatIsOnline) {
  ready_runner();
  const Minted earlier = mint_by_another();
  forge.connect(earlier.id);
  ASSERT_TRUE(start_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_EQ(runner("prod-cpu-1").forge_id, earlier.id);
  EXPECT_EQ(forge.minted().size(), 1u);
}

TEST_F(StartTest, AdoptsARunnerThatWasStartedThoughGitHubDoesNotSeeItYet) {
  ready_runner();
  const Minted earlier = mint_by_another();
  ASSERT_TRUE(machines.start(runner("prod-cpu-1").machine, "prod-cpu-1", earlier.jit));
  ASSERT_TRUE(start_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_EQ(runner("prod-cpu-1").forge_id, earlier.id);
  EXPECT_EQ(machines.starts(runner("prod-cpu-1").machine), 1);
}

TEST_F(StartTest, DeletesARegistrationThatNothingRunsUnderAndMintsOnceMore) {
  ready_runner();
  const Minted earlier = mint_by_another();
  ASSERT_TRUE(start_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_NE(runner("prod-cpu-1").forge_id, earlier.id);
  EXPECT_EQ(forge.registrations(), 1u);
}

TEST_F(StartTest, FindsItsRunnerAgainWhenTheAnswerOfTheStartWasLost) {
  ready_runner();
  fleet.lose_start_answer = true;
  ASSERT_TRUE(start_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::starting) << "it may run";
  EXPECT_EQ(forge.registrations(), 1u) << "so its registration stays";
  clock.set(runner("prod-cpu-1").lease_until);
  ASSERT_TRUE(start_it());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_EQ(machines.starts(runner("prod-cpu-1").machine), 1);
  EXPECT_EQ(job(job_).failures, 0);
}

// --- the machine

TEST_F(StartTest, TakesTheRegistrationBackWhenTheMachineIsNotReady) {
  const JobId id = queue_job();
  fleet.start_error = Error{Fault::not_ready, "its agent is not up"};
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::launched);
  EXPECT_EQ(forge.registrations(), 0u);
  EXPECT_EQ(job(id).failures, 0) << "a wait is no failure";
  EXPECT_EQ(forge.minted().size(), 1u) << "each try costs two calls to GitHub: one now, then later";
  EXPECT_FALSE(messages(5s).empty());

  fleet.start_error.reset();
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

TEST_F(StartTest, CountsAFailureAndEndsTheRunnerWhenItsMachineIsGone) {
  const JobId id = queue_job();
  fleet.before_start = [this] {
    const MachineId machine = runner("prod-cpu-1").machine;
    ASSERT_TRUE(machines.stop(std::span(&machine, 1)));
  };
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(forge.registrations(), 0u);
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_FALSE(job(id).dead) << "a machine that went is no lasting fault of the pool";
  EXPECT_EQ(live(), 0);
}

TEST_F(StartTest, BuriesTheJobWhenTheMachineRefusesForGood) {
  const JobId id = queue_job();
  fleet.start_error = Error{Fault::invalid, "runner_dir holds no runner"};
  ASSERT_TRUE(create());
  ASSERT_TRUE(job(id).dead);
  EXPECT_EQ(job(id).dead->cause, "runner_dir holds no runner");
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(forge.registrations(), 0u);
  EXPECT_EQ(machine_count(), 0u);
}

// --- GitHub

TEST_F(StartTest, SendsTheMachineBackToWaitWhenGitHubCannotBeAsked) {
  ready_runner();
  forge.fail_next(Fault::throttled);
  const Status started = start_it();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().fault, Fault::throttled);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::launched);
  EXPECT_EQ(job(job_).failures, 0);
}

TEST_F(StartTest, BuriesTheJobWhenGitHubRefusesForGood) {
  const JobId id = queue_job();
  pool().runner_group = 77;
  ASSERT_TRUE(create());
  ASSERT_TRUE(job(id).dead);
  EXPECT_NE(job(id).dead->cause.find("runner group 77"), std::string::npos);
  EXPECT_EQ(machine_count(), 0u);
}

TEST_F(StartTest, HoldsTheLaunchesWhileGitHubRefusesTheCredentials) {
  const JobId id = queue_job();
  forge.fail_next(Fault::unauthorized);
  ASSERT_TRUE(create());
  EXPECT_FALSE(job(id).dead) << "a new secret mends it";
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_TRUE(job(id).last_error.starts_with(kGithubRefuses)) << job(id).last_error;
  EXPECT_EQ(machine_count(), 0u);
  const JobId next = queue_job();
  const auto why = reasons(ledger, job(next));
  ASSERT_TRUE(why && why->hold);
  EXPECT_EQ(explain(deployment, job(next), *ledger.snapshot("cpu"), *why, clock.now()).waits_for,
            WaitsFor::github);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 1u) << "it would cost one more machine";
  clock.advance(1min);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 2u);
  EXPECT_EQ(job(next).failures, 0);
}

TEST_F(StartTest, CountsAFailureWhenTheRunnerGroupIsFull) {
  const JobId id = queue_job();
  forge.group_size(0);
  ASSERT_TRUE(create());
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_FALSE(job(id).dead);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
}

// The job was so quick that its webhook overtook our own note of the start.
TEST_F(StartTest, KeepsAJobsWordThatIsFasterThanItsOwn) {
  const JobId id = queue_job();
  fleet.before_start = [this, id] {
    const auto registration = forge.find("prod-cpu-1");
    forge.take(id, (*registration)->id);
    tell(id);
  };
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_EQ(runner("prod-cpu-1").job, id);
}

TEST_F(StartTest, NamesAScopeThatIsNotConfigured) {
  ready_runner();
  pool().scope = "elsewhere";
  const Status started = start_it();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().fault, Fault::invalid);
  EXPECT_NE(started.error().what.find("elsewhere"), std::string::npos);
}

}  // namespace
}  // namespace jitney::core
