// SPDX-License-Identifier: Apache-2.0
// plan -> claim -> launch -> bind -> mint -> start, and what stands in its way. What becomes of one
// batch is in launch_test.cpp, of one runner in start_test.cpp.
#include <algorithm>

#include "core/breaker.hpp"
#include "core/functions_test.hpp"
#include "core/launch.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using CreateRunner = FunctionsTest;

TEST_F(CreateRunner, BringsARegisteredRunnerForAQueuedJob) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  const Runner got = runner("prod-cpu-1");
  EXPECT_EQ(got.phase, Phase::registered);
  EXPECT_EQ(got.launched_for, id);
  EXPECT_NE(got.forge_id, 0);
  EXPECT_EQ(forge.minted(), std::vector<RunnerName>{"prod-cpu-1"});
  EXPECT_EQ(machines.runner_on(got.machine), "prod-cpu-1");
  EXPECT_FALSE(batch("prod-cpu-1").open);
}

TEST_F(CreateRunner, TakesABurstInOneBatchAndOneLaunch) {
  queue_jobs(30);
  pool().max = 100;
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 1u);
  EXPECT_EQ(machine_count(), 30u);
  EXPECT_EQ(forge.registrations(), 30u);
}

TEST_F(CreateRunner, CutsABurstIntoBatchesOfTheConfiguredSize) {
  queue_jobs(5);
  deployment.batch_size = 2;
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 3u);
  EXPECT_EQ(machine_count(), 5u);
}

TEST_F(CreateRunner, DoesNothingTheSecondTime) {
  queue_jobs(3);
  ASSERT_TRUE(create());
  const std::vector<WatchedFleet::Sent> launches = fleet.launches;
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches, launches);
  EXPECT_EQ(forge.minted().size(), 3u);
  EXPECT_EQ(live(), 3);
}

TEST_F(CreateRunner, NeverExceedsThePoolsCap) {
  queue_jobs(5);
  pool().max = 2;
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 2u);
  EXPECT_EQ(live(), 2);
}

TEST_F(CreateRunner, KeepsWarmMachinesReadyWithoutMinting) {
  pool().warm = 2;
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::ready);
  EXPECT_EQ(runner("prod-cpu-2").phase, Phase::ready);
  EXPECT_EQ(runner("prod-cpu-1").launched_for, 0);
  EXPECT_TRUE(forge.minted().empty());
}

TEST_F(CreateRunner, StartsAWarmMachineForAJobAndLaunchesItsReplacement) {
  pool().warm = 1;
  ASSERT_TRUE(create());
  queue_job();
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_EQ(runner("prod-cpu-2").phase, Phase::ready);
  EXPECT_EQ(live(), 2);
}

// A rival reads the same demand and is faster: the claim on the old version fails, and the second
// plan finds nothing left to do (P3).
TEST_F(CreateRunner, PlansAnewWhenARivalClaimedFirst) {
  queue_jobs(2);
  fleet.before_compose = [this] { EXPECT_TRUE(create()); };
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 2u);
  EXPECT_EQ(live(), 2);
  EXPECT_EQ(fleet.launches.size(), 1u);
}

TEST_F(CreateRunner, ClaimsNothingForAJobThatEndsBetweenPlanAndClaim) {
  const JobId id = queue_job();
  fleet.before_compose = [this, id] {
    forge.finish(id, "cancelled");
    tell(id);
  };
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 0u);
  EXPECT_EQ(live(), 0);
}

TEST_F(CreateRunner, WaitsForAMachineToBootAndLooksAgainSoon) {
  machines.boot_by_hand();
  queue_job();
  messages();
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::launched);
  EXPECT_TRUE(forge.minted().empty()) << "a dead boot leaves no ghost";
  EXPECT_EQ(messages(5s).size(), 1u);

  machines.boot(runner("prod-cpu-1").machine);
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

TEST_F(CreateRunner, AsksAMachineThatBootsForLongLessOften) {
  machines.boot_by_hand();
  queue_job();
  ASSERT_TRUE(create());
  messages(1min);
  clock.advance(4min);
  ASSERT_TRUE(create());
  EXPECT_TRUE(messages(14s).empty());
  EXPECT_EQ(messages(15s).size(), 1u);
}

TEST_F(CreateRunner, ComesBackWhenTheJobsDelayIsOver) {
  const JobId id = queue_job();
  messages();
  machines.fail_next(Fault::no_capacity, 1);  // of compose(): nothing was claimed yet
  ASSERT_TRUE(create());
  fleet.launch_error = Error{Fault::no_capacity, "none"};
  clock.advance(deployment.sweep_interval);
  messages(1h);
  ASSERT_TRUE(create());
  ASSERT_EQ(job(id).failures, 1);
  EXPECT_TRUE(messages(job(id).not_before - clock.now() - 1ms).empty());
  EXPECT_EQ(messages(job(id).not_before - clock.now()).size(), 1u);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 1u) << "its delay is not over";
}

TEST_F(CreateRunner, BeginsNothingAfterItsDeadlineAndAsksToBeWokenAgain) {
  queue_job();
  messages();
  ASSERT_TRUE(create_runner(late_context(), "cpu"));
  EXPECT_EQ(machine_count(), 0u);
  EXPECT_EQ(messages().size(), 1u);
}

TEST_F(CreateRunner, LeavesAPoolAloneThatIsNoLongerConfigured) {
  EXPECT_TRUE(create_runner(context(), "retired"));
  EXPECT_TRUE(messages(1h).empty());
}

TEST_F(CreateRunner, SaysThatTheLedgerFailed) {
  queue_job();
  ledger.fail_next(Fault::transient);
  const Status created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().fault, Fault::transient);
  EXPECT_EQ(machine_count(), 0u);
}

// --- before anything was claimed

TEST_F(CreateRunner, HoldsThePoolWhileItsFleetCannotTakeMore) {
  const JobId id = queue_job();
  messages();
  machines.fail_next(Fault::not_ready);
  ASSERT_TRUE(create());
  EXPECT_EQ(live(), 0);
  EXPECT_EQ(job(id).failures, 0) << "a wait is no failure";
  EXPECT_TRUE(noted(hold_key("cpu")));

  ASSERT_TRUE(create());
  EXPECT_EQ(live(), 0) << "held";
  EXPECT_FALSE(messages(deployment.sweep_interval).empty()) << "and woken when it is over";
  clock.advance(deployment.sweep_interval);
  ASSERT_TRUE(create());
  EXPECT_EQ(live(), 1);
}

TEST_F(CreateRunner, BuriesAtOnceTheJobsOfAPoolThatCannotBeLaunched) {
  const JobId id = queue_job();
  machines.fail_next(Fault::invalid);
  ASSERT_TRUE(create());
  ASSERT_TRUE(job(id).dead);
  EXPECT_TRUE(job(id).dead->permanent);
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_EQ(letters()[0].message.key, std::to_string(id));
  EXPECT_EQ(live(), 0);
}

// --- GitHub cannot be reached

TEST_F(CreateRunner, LaunchesAndMintsNothingWhileTheBreakerIsOpen) {
  queue_job();
  note_forge(context(), "acme", fail(Fault::transient, "GitHub is down"));
  messages();
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 0u);
  EXPECT_EQ(live(), 0);
  EXPECT_EQ(messages(1min).size(), 1u) << "it looks again when the breaker has run out";

  clock.advance(1min);
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_FALSE(noted(breaker_key("acme"))) << "the first answer closes it";
}

// The breaker has run out, which shows nothing yet: a machine that boots during an outage is paid
// for and has no work.
TEST_F(CreateRunner, AsksGitHubAfterAnOutageBeforeItLaunches) {
  const JobId over = queue_job();
  queue_job();
  forge.outage(true);
  note_forge(context(), "acme", fail(Fault::transient, "GitHub is down"));
  clock.advance(1min);
  EXPECT_FALSE(create());
  EXPECT_EQ(machine_count(), 0u);

  forge.outage(false);
  forge.finish(over, "cancelled");
  clock.advance(1min);
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 1u) << "none for the job that ended meanwhile";
  EXPECT_FALSE(noted(breaker_key("acme")));
}

TEST_F(CreateRunner, OpensTheBreakerWhenAMintFailsAndTriesNoOther) {
  queue_jobs(3);
  forge.outage(true);
  const Status created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().fault, Fault::transient);
  EXPECT_TRUE(noted(breaker_key("acme")));
  EXPECT_EQ(machine_count(), 3u) << "the machines wait for GitHub";
  for (const char* name : {"prod-cpu-1", "prod-cpu-2", "prod-cpu-3"}) {
    EXPECT_LE(runner(name).phase, Phase::ready) << name;
  }

  forge.outage(false);
  clock.advance(2min);
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 3u);
  EXPECT_EQ(forge.registrations(), 3u);
}

TEST_F(CreateRunner, LeavesABatchToItsClaimerAndTakesItUpWhenThatOneDied) {
  queue_job();
  messages(1h);
  const auto snapshot = ledger.snapshot("cpu");
  ASSERT_TRUE(snapshot);
  const Plan now = plan(pool(), *snapshot, {.batch_size = 10}, clock.now());
  Batch claimed = make_batch("prod", pool(), snapshot->state, now, clock.now());
  claimed.request = fleet.compose(pool(), claimed, 0, 1).value_or("");
  ASSERT_EQ(ledger.claim(claimed, snapshot->state.version, pool().max), Claimed::ok);

  ASSERT_TRUE(create());
  EXPECT_TRUE(fleet.launches.empty());
  EXPECT_EQ(messages(15s).size(), 1u) << "to look whether it died";
  clock.advance(15s);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), 1u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

TEST_F(CreateRunner, CallsForHelpOnceWhenThereAreManyToStart) {
  const auto calls = [this] {
    return std::ranges::count(messages(), "many runners to start", &Message::detail);
  };
  pool().max = 100;
  queue_jobs(5);
  messages(1h);
  ASSERT_TRUE(create());
  EXPECT_EQ(calls(), 0);
  queue_jobs(30);
  messages(1h);
  ASSERT_TRUE(create());
  EXPECT_EQ(calls(), 1);
  EXPECT_EQ(forge.registrations(), 35u) << "and does the work, help or none";
}

TEST_F(CreateRunner, AsksManyMachinesThatJustWereSilentAfterAWhileOnly) {
  machines.boot_by_hand();
  pool().max = 100;
  queue_jobs(30);
  ASSERT_TRUE(create());
  const int asked = fleet.asked;
  EXPECT_GT(asked, 0);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.asked, asked);
  const auto all = machines.list();
  for (const Machine& machine : *all) machines.boot(machine.id);
  clock.advance(3s);
  ASSERT_TRUE(create());
  EXPECT_EQ(forge.registrations(), 30u);
}

}  // namespace
}  // namespace jitney::core
