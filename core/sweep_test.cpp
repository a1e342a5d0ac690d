// SPDX-License-Identifier: Apache-2.0
// The sweep as a whole: what it trusts, what it survives, what it reports.
#include "core/functions_test.hpp"
#include "core/reconcile.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using Sweep = FunctionsTest;

TEST_F(Sweep, FindsNothingToDoInAWorldThatAgrees) {
  queue_jobs(2);
  ASSERT_TRUE(create());
  for (const char* name : {"prod-cpu-1", "prod-cpu-2"}) forge.connect(runner(name).forge_id);
  steady();
  const Swept seen = sweep_for(5min);
  EXPECT_EQ(seen.orphans_stopped + seen.ghosts_removed + seen.runners_stopped, 0u);
  EXPECT_EQ(machine_count(), 2u);
  EXPECT_EQ(forge.registrations(), 2u);
  EXPECT_EQ(swept().machines, 2u);
  EXPECT_EQ(swept().registrations, 2u);
}

// After a jump of the clock every deadline looks passed: the first sweep only looks.
TEST_F(Sweep, ObservesFirstAfterAClockThatJumped) {
  machines.boot_by_hand();
  queue_job();
  ASSERT_TRUE(create());
  steady();
  clock.advance(pool().deadlines.batch + pool().deadlines.boot + 1h);
  EXPECT_EQ(swept().runners_stopped, 0u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::launched);
  clock.advance(deployment.sweep_interval);
  EXPECT_EQ(swept().runners_stopped, 1u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
}

// The grace of an orphan may have passed in the jump alone.
TEST_F(Sweep, EndsNoOrphanAndNoGhostRightAfterAJump) {
  Batch batch;
  batch.id = "prod-cpu-77";
  ASSERT_TRUE(machines.launch(machines.compose(pool(), batch, 0, 1).value(), "token"));
  ASSERT_TRUE(forge.mint("prod-cpu-77", pool().labels, 1));
  steady();
  swept();
  clock.advance(deployment.orphan_grace + 1min);
  const Swept jumped = swept();
  EXPECT_EQ(jumped.orphans_stopped + jumped.ghosts_removed, 0u);
  clock.advance(deployment.sweep_interval);
  const Swept judged = swept();
  EXPECT_EQ(judged.orphans_stopped, 1u);
  EXPECT_EQ(judged.ghosts_removed, 1u);
}

TEST_F(Sweep, ObservesFirstAfterAClockThatWentBack) {
  machines.boot_by_hand();
  queue_job();
  ASSERT_TRUE(create());
  clock.advance(1h);
  steady();
  clock.advance(-5min);
  EXPECT_EQ(swept().runners_stopped, 0u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::launched);
}

TEST_F(Sweep, ObservesFirstWhenItHasNeverRun) {
  machines.boot_by_hand();
  queue_job();
  ASSERT_TRUE(create());
  clock.advance(1h);
  EXPECT_EQ(swept().runners_stopped, 0u);
}

TEST_F(Sweep, LooksAtTheRestWhenOneListFails) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1", /*told=*/false);
  machines.fail_next(Fault::transient);
  const Swept seen = swept();
  EXPECT_EQ(seen.troubles.size(), 1u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy) << "GitHub's list was still looked at";
}

TEST_F(Sweep, BelievesNoAbsenceFromAListThatFailed) {
  queue_job();
  ASSERT_TRUE(create());
  forge.connect(runner("prod-cpu-1").forge_id);
  steady();
  clock.advance(deployment.sweep_interval);
  machines.fail_next(Fault::transient, 1);
  forge.fail_next(Fault::transient, 1);
  const Swept seen = swept();
  EXPECT_GE(seen.troubles.size(), 2u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

TEST_F(Sweep, FailsWhenTheLedgerCannotBeRead) {
  ledger.fail_next(Fault::transient, 5);
  EXPECT_FALSE(sweep(context()));
}

TEST_F(Sweep, PrunesWhatIsOverForLongerThanTheRetention) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  forge.finish(id);
  tell(id);
  ASSERT_TRUE(stop_runner(context(), "prod-cpu-1", ""));
  clock.advance(deployment.retention - 1min);
  swept();
  EXPECT_TRUE(*ledger.job(id));
  clock.advance(2min);
  EXPECT_GE(swept().pruned, 3u) << "job, runner and batch";
  EXPECT_FALSE(*ledger.job(id));
  EXPECT_FALSE(*ledger.runner("prod-cpu-1"));
}

TEST_F(Sweep, TellsOfNoMoreThanTwentyTroubles) {
  Swept seen;
  for (int i = 0; i < 30; ++i) note_trouble(seen, std::to_string(i), {Fault::transient, "broken"});
  EXPECT_EQ(seen.troubles.size(), 20u);
}

}  // namespace
}  // namespace jitney::core
