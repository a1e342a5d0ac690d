// SPDX-License-Identifier: Apache-2.0
// What becomes of one claimed batch.
#include "core/launch.hpp"

#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using Launch = FunctionsTest;

// P3: the answer is lost, the same bytes are sent again under the same token, and no second machine
// is made, also when the configuration has changed in between.
TEST_F(Launch, ReplaysTheStoredRequestByteForByte) {
  queue_jobs(2);
  fleet.lose_launch_answers = 1;
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::planned);
  pool().launch = "another template";
  deployment.batch_size = 1;
  queue_job();
  clock.advance(10s);
  ASSERT_TRUE(create());
  ASSERT_GE(fleet.launches.size(), 2u);
  EXPECT_EQ(fleet.launches[1], fleet.launches[0]);
  EXPECT_EQ(fleet.launches[0].request, batch("prod-cpu-1").request);
  EXPECT_EQ(fleet.launches[0].token, "prod-cpu-1/0");
  EXPECT_EQ(machine_count(), 3u);
  EXPECT_EQ(runner("prod-cpu-2").phase, Phase::registered);
}

TEST_F(Launch, WaitsLongerFromTryToTryAndTellsWhatItWaitsFor) {
  queue_job();
  fleet.launch_error = Error{Fault::transient, "the provider hung up"};
  ASSERT_TRUE(create());
  const Batch first = batch("prod-cpu-1");
  EXPECT_EQ(first.tries, 1);
  EXPECT_EQ(first.waiting, "the provider hung up");
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 1u) << "too early";
  clock.set(first.next_try);
  ASSERT_TRUE(create());
  const Batch second = batch("prod-cpu-1");
  EXPECT_EQ(second.tries, 2);
  EXPECT_GT(second.next_try - clock.now(), first.next_try - first.created_at);
}

// A throttled account would only be throttled more by every open batch asking for itself.
TEST_F(Launch, AThrottleHoldsAllLaunchesOfThePool) {
  deployment.batch_size = 1;
  queue_jobs(4);
  fleet.launch_error = Error{Fault::throttled, "RequestLimitExceeded", {}};
  for (int second = 0; second < 60; ++second) {
    ASSERT_TRUE(create());
    clock.advance(1s);
  }
  EXPECT_LE(fleet.launches.size(), 8u);
  EXPECT_EQ(batch("prod-cpu-1").waiting, "RequestLimitExceeded");
  fleet.launch_error.reset();
  clock.advance(15s);
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 4u);
}

// At ten seconds a hold it would be sixty times.
TEST_F(Launch, AThrottleThatGoesOnIsAskedLessAndLessOften) {
  queue_job();
  fleet.launch_error = Error{Fault::throttled, "RequestLimitExceeded", {}};
  for (int second = 0; second < 600; ++second) {
    ASSERT_TRUE(create());
    clock.advance(1s);
  }
  EXPECT_LE(fleet.launches.size(), 15u);
  fleet.launch_error.reset();
  for (int second = 0; second <= 60; ++second) {
    ASSERT_TRUE(create());
    clock.advance(1s);
  }
  EXPECT_EQ(machine_count(), 1u) << "a minute is the longest hold";
}

TEST_F(Launch, CountsOneFailureWhenNoMachineCameBeforeTheDeadline) {
  const JobId id = queue_job();
  fleet.launch_error = Error{Fault::transient, "the provider hung up"};
  ASSERT_TRUE(create());
  clock.set(batch("prod-cpu-1").deadline);
  fleet.launch_error.reset();
  ASSERT_TRUE(create());
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_NE(job(id).last_error.find("the provider hung up"), std::string::npos);
  EXPECT_FALSE(batch("prod-cpu-1").open);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(live(), 0);
}

TEST_F(Launch, TakesTheWaitThatTheProviderAsksForAndCountsNoFailure) {
  const JobId id = queue_job();
  fleet.launch_error = Error{Fault::throttled, "slow down", 40s};
  ASSERT_TRUE(create());
  EXPECT_EQ(batch("prod-cpu-1").next_try, clock.now() + 40s);
  clock.set(batch("prod-cpu-1").deadline);
  ASSERT_TRUE(create());
  EXPECT_EQ(job(id).failures, 0) << "a batch that only ever waited blames nobody";
}

TEST_F(Launch, BuriesAtOnceOnAPermanentFault) {
  for (const Fault fault : {Fault::invalid, Fault::not_found}) {
    const JobId id = queue_job();
    fleet.launch_error = Error{fault, "no permission to launch"};
    ASSERT_TRUE(create());
    ASSERT_TRUE(job(id).dead) << to_string(fault);
    EXPECT_EQ(job(id).dead->cause, "no permission to launch");
    EXPECT_TRUE(job(id).dead->permanent);
  }
  EXPECT_EQ(letters().size(), 2u);
  EXPECT_EQ(fleet.launches.size(), 2u);
  EXPECT_EQ(live(), 0);
}

// People mend permissions; the job need not know.
TEST_F(Launch, TriesAJobAgainWhoseLaunchWasNotAllowed) {
  const JobId id = queue_job();
  fleet.launch_error = Error{Fault::unauthorized, "no permission to launch"};
  ASSERT_TRUE(create());
  EXPECT_FALSE(job(id).dead);
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_EQ(live(), 0);
  fleet.launch_error.reset();
  clock.set(job(id).not_before);
  ASSERT_TRUE(create());
  EXPECT_EQ(live(), 1);
}

// --- capacity and rungs

TEST_F(Launch, TriesTheNextRungUnderANewToken) {
  queue_job();
  machines.rungs(2);
  machines.capacity("cpu", 0);
  ASSERT_TRUE(create());
  ASSERT_EQ(fleet.launches.size(), 2u);
  EXPECT_EQ(fleet.launches[0].token, "prod-cpu-1/0");
  EXPECT_EQ(fleet.launches[1].token, "prod-cpu-1/1");
  EXPECT_NE(fleet.launches[0].request, fleet.launches[1].request);
}

TEST_F(Launch, WaitsForTheNextRungWhenItCannotBeComposedJustNow) {
  const JobId id = queue_job();
  machines.rungs(2);
  machines.capacity("cpu", 0);
  fleet.next_rung_error = Error{Fault::throttled, "too many calls", 7s};
  ASSERT_TRUE(create());
  EXPECT_EQ(job(id).failures, 0) << "a wait is no failure";
  EXPECT_EQ(batch("prod-cpu-1").rung, 0);
  EXPECT_EQ(batch("prod-cpu-1").next_try, clock.now() + 7s);
  fleet.next_rung_error.reset();
  clock.set(batch("prod-cpu-1").next_try);
  ASSERT_TRUE(create());
  EXPECT_EQ(batch("prod-cpu-1").rung, 1) << "none of its ways is skipped";
}

TEST_F(Launch, CountsOneFailureAfterTheLastRungAndRetriesAfterTheDelay) {
  const JobId id = queue_job();
  machines.rungs(3);
  machines.capacity("cpu", 0);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 3u);
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_EQ(job(id).not_before, clock.now() + deployment.retry.delays[0]);

  machines.capacity("cpu", 1);
  clock.set(job(id).not_before);
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-2").phase, Phase::registered) << "a new launch has a new number";
}

TEST_F(Launch, GivesTheJobUpAfterTheLastDelayWithACause) {
  const JobId id = queue_job();
  machines.capacity("cpu", 0);
  for (std::size_t attempt = 0; attempt <= deployment.retry.delays.size(); ++attempt) {
    ASSERT_FALSE(job(id).dead) << "attempt " << attempt;
    ASSERT_TRUE(create());
    clock.set(std::max(clock.now(), job(id).not_before));
  }
  ASSERT_TRUE(job(id).dead);
  EXPECT_FALSE(job(id).dead->permanent);
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_EQ(letters()[0].cause, job(id).dead->cause);
  EXPECT_NE(letters()[0].cause.find("no room"), std::string::npos) << letters()[0].cause;
  const std::size_t launches = fleet.launches.size();
  clock.advance(1h);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), launches) << "a dead job is no demand";
}

TEST_F(Launch, BindsWhatCameAndTriesTheNextRungForTheRest) {
  const std::vector<JobId> jobs = queue_jobs(3);
  machines.rungs(2);
  machines.capacity("cpu", 2);
  ASSERT_TRUE(create());
  ASSERT_EQ(fleet.launches.size(), 2u);
  EXPECT_NE(fleet.launches[1].request.find("count 1\n"), std::string::npos)
      << fleet.launches[1].request;
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_EQ(runner("prod-cpu-2").phase, Phase::registered);
  EXPECT_EQ(runner("prod-cpu-3").phase, Phase::gone);
  EXPECT_EQ(job(jobs[0]).failures, 0);
  EXPECT_EQ(job(jobs[2]).failures, 1);
  EXPECT_EQ(live(), 2);
}

// A rung that gives nothing after one that gave a part: only what is missing is asked for next.
TEST_F(Launch, AsksTheThirdRungOnlyForWhatTheFirstLeftOpen) {
  queue_jobs(3);
  machines.rungs(3);
  machines.capacity("cpu", 1);
  ASSERT_TRUE(create());
  ASSERT_EQ(fleet.launches.size(), 3u);
  EXPECT_NE(fleet.launches[1].request.find("count 2\n"), std::string::npos);
  EXPECT_NE(fleet.launches[2].request.find("count 2\n"), std::string::npos)
      << fleet.launches[2].request;
}

TEST_F(Launch, BindsEachMachineToOneRunner) {
  queue_jobs(4);
  ASSERT_TRUE(create());
  std::set<MachineId> bound;
  for (const std::string& name : batch("prod-cpu-1").runners) bound.insert(runner(name).machine);
  EXPECT_EQ(bound.size(), 4u);
}

// A worker died between the launch and the binding of all machines: the next one finishes it.
TEST_F(Launch, GoesOnWhereADeadWorkerStopped) {
  queue_jobs(3);
  fleet.lose_launch_answers = 1;
  ASSERT_TRUE(create());
  Facts facts;
  facts.machine = "fake-1";
  ASSERT_TRUE(ledger.advance("prod-cpu-1", Event::machine_bound, facts, clock.now()));
  clock.advance(10s);
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 3u);
  for (const std::string& name : batch("prod-cpu-1").runners) {
    EXPECT_EQ(runner(name).phase, Phase::registered) << name;
  }
  EXPECT_EQ(runner("prod-cpu-1").machine, "fake-1");
}

// The launch took effect, the answer was lost, and the machine is gone before it is asked again:
// its launch number is used up, and its job counts a failure.
TEST_F(Launch, UsesUpTheNumberOfAMachineThatCameAndWent) {
  const JobId id = queue_job();
  fleet.lose_launch_answers = 1;
  ASSERT_TRUE(create());
  const MachineId machine = machines.list()->front().id;
  ASSERT_TRUE(machines.stop(std::span(&machine, 1)));
  clock.advance(10s);
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").machine, machine);
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_EQ(live(), 0);
}

TEST_F(Launch, AbandonCountsAFailureOnceHoweverOftenItIsCalled) {
  const JobId id = queue_job();
  fleet.lose_launch_answers = 1;
  ASSERT_TRUE(create());
  const Batch open = batch("prod-cpu-1");
  const Error error{Fault::transient, "given up"};
  ASSERT_TRUE(abandon(context(), open, error, true));
  ASSERT_TRUE(abandon(context(), open, error, true));
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_EQ(live(), 0);
}

TEST_F(Launch, RemembersAHoldUntilItIsOver) {
  ASSERT_TRUE(hold_launches(context(), "cpu", {Fault::not_ready, "disk full"}, 1min));
  const auto held = [this](const char* name) { return launches_held(context(), name).value(); };
  EXPECT_EQ(held("cpu"), clock.now() + 1min);
  EXPECT_FALSE(held("gpu"));
  clock.advance(1min);
  EXPECT_FALSE(held("cpu"));
}

}  // namespace
}  // namespace jitney::core
