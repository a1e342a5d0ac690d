// SPDX-License-Identifier: Apache-2.0
// Machines that the ledger does not know, and runners whose machine is not there.
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class ReconcileMachines : public FunctionsTest {
 protected:
  // A machine with our tag that no runner and no open batch stands behind.
  MachineId orphan() {
    Batch batch;
    batch.id = "prod-cpu-77";
    const auto request = machines.compose(pool(), batch, 0, 1);
    const auto launched = machines.launch(request.value(), batch.client_token());
    return launched.value().machines.front().id;
  }
  bool there(const MachineId& machine) { return machines.find(machine)->has_value(); }
};

TEST_F(ReconcileMachines, StopsAnOrphanOnlyAfterTheGrace) {
  const MachineId machine = orphan();
  steady();
  sweep_for(deployment.orphan_grace - 2min);
  EXPECT_TRUE(there(machine));
  EXPECT_EQ(sweep_for(3min).orphans_stopped, 1u);
  EXPECT_FALSE(there(machine));
}

// P6, with a ledger that was lost or restored: nothing is known of what runs.
TEST_F(ReconcileMachines, StopsNoMachineThatMayRunTheJobOfARunnerTheLedgerLost) {
  const MachineId machine = orphan();
  const auto lost = forge.mint("prod-cpu-77", pool().labels, 1);
  ASSERT_TRUE(lost);
  const JobId id = forge.queue("acme/shop", 0, {"cpu"}).id;
  forge.take(id, lost->id);
  steady();
  EXPECT_EQ(sweep_for(10 * deployment.orphan_grace).orphans_stopped, 0u);
  EXPECT_TRUE(there(machine));
  forge.finish(id);
  EXPECT_EQ(sweep_for(deployment.orphan_grace + 2min).orphans_stopped, 1u);
}

TEST_F(ReconcileMachines, StopsAnOrphanThoughANeighboursRunnerHasAJob) {
  const MachineId machine = orphan();
  const auto other = forge.mint("prod-cpu-eu-77", pool().labels, 1);
  ASSERT_TRUE(other);
  forge.take(forge.queue("acme/shop", 0, {"cpu"}).id, other->id);
  steady();
  EXPECT_EQ(sweep_for(deployment.orphan_grace + 1min).orphans_stopped, 1u);
  EXPECT_FALSE(there(machine));
}

TEST_F(ReconcileMachines, StopsAnOrphanThoughARunnerThatIsKnownHasAJob) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  const MachineId machine = orphan();
  steady();
  EXPECT_EQ(sweep_for(deployment.orphan_grace + 1min).orphans_stopped, 1u);
  EXPECT_FALSE(there(machine));
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
}

TEST_F(ReconcileMachines, BeginsToCountAnewAfterAPauseInWhichNobodyLooked) {
  const MachineId machine = orphan();
  steady();
  swept();
  clock.advance(1h);
  steady();
  swept();
  EXPECT_TRUE(there(machine)) << "seen twice, an hour apart: not seen for long";
}

TEST_F(ReconcileMachines, LeavesAMachineToTheOpenBatchThatWillBindIt) {
  pool().deadlines.batch = 1h;
  queue_job();
  fleet.lose_launch_answers = 1;
  ASSERT_TRUE(create());
  steady();
  EXPECT_EQ(sweep_for(10min).orphans_stopped, 0u);
  ASSERT_TRUE(create());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_EQ(machine_count(), 1u);
}

// P4: launched, the answer lost, nobody came back in time.
TEST_F(ReconcileMachines, StopsTheMachineOfABatchThatWasGivenUp) {
  queue_job();
  fleet.lose_launch_answers = 100;
  ASSERT_TRUE(create());
  clock.set(batch("prod-cpu-1").deadline);
  ASSERT_TRUE(create());
  ASSERT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(machine_count(), 1u);
  steady();
  EXPECT_EQ(sweep_for(deployment.orphan_grace + 1min).orphans_stopped, 1u);
  EXPECT_EQ(machine_count(), 0u);
}

TEST_F(ReconcileMachines, HearsOfARunnerThatEndedWhileNobodyListened) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  machines.end_runner(runner("prod-cpu-1").machine, 0);
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").exit_code, 0);
  EXPECT_EQ(machine_count(), 0u);
}

TEST_F(ReconcileMachines, EndsARunnerWhoseMachineIsGone) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  const MachineId machine = runner("prod-cpu-1").machine;
  ASSERT_TRUE(machines.stop(std::span(&machine, 1)));
  clock.advance(deployment.orphan_grace);
  EXPECT_EQ(swept().runners_stopped, 1u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(live(), 0);
}

// A spot request outlives its machine, and may make another.
TEST_F(ReconcileMachines, EndsWhatAMachineThatIsGoneLeftBehind) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  const MachineId machine = runner("prod-cpu-1").machine;
  ASSERT_TRUE(machines.stop(std::span(&machine, 1)));
  clock.advance(deployment.orphan_grace);
  fleet.stop_error = Error{Fault::throttled, "later"};
  EXPECT_EQ(swept().runners_stopped, 0u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy) << "not over as long as something may be left";
  fleet.stop_error.reset();
  EXPECT_EQ(swept().runners_stopped, 1u);
  EXPECT_EQ(fleet.stopped, std::vector{machine});
}

TEST_F(ReconcileMachines, RemembersThatARunnerWithoutAJobLostItsMachine) {
  queue_job();
  ASSERT_TRUE(create());
  const MachineId machine = runner("prod-cpu-1").machine;
  ASSERT_TRUE(machines.stop(std::span(&machine, 1)));
  clock.advance(deployment.orphan_grace);
  swept();
  EXPECT_TRUE(noted("idle-end/cpu/prod-cpu-1"));
}

// Lists lag: a machine that is missing from one is asked for by its id.
TEST_F(ReconcileMachines, DoesNotBelieveThatAMachineIsGoneWithoutItsOwnWord) {
  queue_job();
  ASSERT_TRUE(create());
  const MachineId machine = runner("prod-cpu-1").machine;
  ASSERT_TRUE(machines.stop(std::span(&machine, 1)));
  clock.advance(deployment.orphan_grace);
  fleet.find_error = Error{Fault::throttled, "later"};
  const Swept seen = swept();
  EXPECT_EQ(seen.runners_stopped, 0u);
  ASSERT_EQ(seen.troubles.size(), 1u);
  EXPECT_NE(seen.troubles[0].find(machine), std::string::npos);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

TEST_F(ReconcileMachines, GivesANewMachineTheGraceToAppearInTheList) {
  queue_job();
  ASSERT_TRUE(create());
  const MachineId machine = runner("prod-cpu-1").machine;
  ASSERT_TRUE(machines.stop(std::span(&machine, 1)));
  clock.advance(deployment.orphan_grace - 1ms);
  EXPECT_EQ(swept().runners_stopped, 0u);
}

}  // namespace
}  // namespace jitney::core
