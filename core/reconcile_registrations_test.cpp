// SPDX-License-Identifier: Apache-2.0
// Registrations on GitHub that no live runner owns, and runners that GitHub sees otherwise than we.
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class ReconcileRegistrations : public FunctionsTest {
 protected:
  ForgeId ghost(const std::string& name = "prod-cpu-77") {
    return forge.mint(name, pool().labels, 1).value().id;
  }
  void registered_runner(bool online = true) {
    job_ = queue_job();
    ASSERT_TRUE(create());
    ASSERT_EQ(runner("prod-cpu-1").phase, Phase::registered);
    if (online) forge.connect(runner("prod-cpu-1").forge_id);
    steady();
  }

  JobId job_ = 0;
};

TEST_F(ReconcileRegistrations, RemovesAGhostOnlyAfterTheGrace) {
  ghost();
  steady();
  sweep_for(deployment.orphan_grace - 2min);
  EXPECT_EQ(forge.registrations(), 1u);
  EXPECT_EQ(sweep_for(3min).ghosts_removed, 1u);
  EXPECT_EQ(forge.registrations(), 0u);
}

TEST_F(ReconcileRegistrations, NeverTouchesWhatIsNotOurs) {
  ghost("production-cpu-1");
  ghost("somebody-elses");
  steady();
  EXPECT_EQ(sweep_for(30min).ghosts_removed, 0u);
  EXPECT_EQ(forge.registrations(), 2u);
}

// Deployment "prod-east" next to "prod", on the same organisation.
TEST_F(ReconcileRegistrations, NeverTouchesANeighbourWhoseNameBeginsLikeOurs) {
  for (const char* name : {"prod-east-cpu-1", "prod-cpu-east-1", "prod-cpu", "prod-1", "prod-cpu-",
                           "prod-cpu-1a", "prod-gpu-1"}) {
    ghost(name);
  }
  steady();
  EXPECT_EQ(sweep_for(30min).ghosts_removed, 0u);
  EXPECT_EQ(forge.registrations(), 7u);
}

TEST_F(ReconcileRegistrations, LeavesAGhostThatRunsAJob) {
  const JobId id = queue_job({"elsewhere"});
  forge.take(id, ghost());
  steady();
  sweep_for(30min);
  EXPECT_EQ(forge.registrations(), 1u);
  forge.finish(id);
}

// A mint whose hand-over died: its machine went back to wait, so nothing will ever come online.
TEST_F(ReconcileRegistrations, RemovesTheRegistrationOfARunnerThatIsNotStarted) {
  pool().warm = 1;
  ASSERT_TRUE(create());
  ghost("prod-cpu-1");
  steady();
  EXPECT_EQ(sweep_for(deployment.orphan_grace + 1min).ghosts_removed, 1u);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::ready);
}

// --- the other way round

TEST_F(ReconcileRegistrations, SeesThatARunnerHasAJobWhoseWebhookWasLost) {
  registered_runner();
  take(job_, "prod-cpu-1", /*told=*/false);
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
}

TEST_F(ReconcileRegistrations, EndsARunnerThatNeverComesOnline) {
  registered_runner(/*online=*/false);
  sweep_for(pool().deadlines.online - 2min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  sweep_for(2min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_NE(runner("prod-cpu-1").reason.find("did not see it online"), std::string::npos);
  EXPECT_TRUE(noted("idle-end/cpu/prod-cpu-1"));
}

TEST_F(ReconcileRegistrations, CountsNoOutageAgainstARunnerThatIsNotOnlineYet) {
  registered_runner(/*online=*/false);
  forge.outage(true);
  sweep_for(pool().deadlines.online + 5min);
  forge.outage(false);
  sweep_for(pool().deadlines.online - 1min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  sweep_for(3min);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
}

TEST_F(ReconcileRegistrations, EndsAnIdleRunnerWhoseRegistrationGitHubRemoved) {
  registered_runner();
  forge.lose_registration(runner("prod-cpu-1").forge_id);
  sweep_for(deployment.orphan_grace - 2min);
  clock.set(runner("prod-cpu-1").phase_since + deployment.orphan_grace - 1ms);
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered) << "the list may lag";
  clock.advance(1min);
  swept();
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
}

TEST_F(ReconcileRegistrations, EndsABusyRunnerWhoseCompletedWasLost) {
  registered_runner();
  take(job_, "prod-cpu-1");
  forge.finish(job_);
  sweep_for(deployment.orphan_grace + 1min);
  EXPECT_EQ(job(job_).status, JobStatus::completed) << "GitHub was asked";
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
}

// A list that misses a name is no proof: the name itself is asked for.
TEST_F(ReconcileRegistrations, KeepsABusyRunnerThatGitHubStillKnows) {
  registered_runner();
  take(job_, "prod-cpu-1");
  watched_forge.missing_from_list = "prod-cpu-1";
  sweep_for(2h);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_TRUE(fleet.stopped.empty());
}

}  // namespace
}  // namespace jitney::core
