// SPDX-License-Identifier: Apache-2.0
#include "core/explain.hpp"

#include <gtest/gtest.h>

#include "core/launch.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{Duration{1'800'000'000'000}};

class Explain : public testing::Test {
 protected:
  Explain() {
    Pool pool;
    pool.name = "cpu";
    pool.labels = {"cpu"};
    pool.scope = "acme";
    pool.max = 1;
    deployment_.name = "ci";
    deployment_.pools = {pool};
    job_.id = 17;
    job_.name = "build";
    job_.repository = "acme/widgets";
    job_.scope = "acme";
    job_.pool = "cpu";
    job_.status = JobStatus::queued;
    job_.queued_at = kNow - 3min;
  }

  Explanation explain() {
    snapshot_.jobs = {job_};
    return core::explain(deployment_, job_, snapshot_, reasons_, kNow);
  }

  void supply(Phase phase) {
    Runner runner;
    runner.name = "ci-cpu-1";
    runner.phase = phase;
    snapshot_.runners = {runner};
  }

  Deployment deployment_;
  Job job_;
  Snapshot snapshot_;
  Reasons reasons_;
};

TEST_F(Explain, CapNamesThePoolAndTheRemedy) {
  supply(Phase::busy);
  const Explanation e = explain();
  EXPECT_EQ(e.waits_for, WaitsFor::cap);
  EXPECT_EQ(e.sentence,
            "Job 17 (build in acme/widgets) waits for a free place: pool cpu runs 1 of at most 1 "
            "runners. Raise `max` to run more.");
}

TEST_F(Explain, RetrySaysUntilWhenAndWhy) {
  job_.not_before = kNow + 2min;
  job_.failures = 1;
  job_.last_error = "InsufficientInstanceCapacity";
  const Explanation e = explain();
  EXPECT_EQ(e.waits_for, WaitsFor::retry);
  EXPECT_EQ(e.until, kNow + 2min);
  EXPECT_NE(e.sentence.find("waits 2m before attempt 2"), std::string::npos) << e.sentence;
  EXPECT_NE(e.sentence.find("InsufficientInstanceCapacity"), std::string::npos);
}

TEST_F(Explain, GitHubUnreachable) {
  reasons_.breaker = Note{"breaker/acme", "connection refused", kNow, kNow + 40s};
  EXPECT_EQ(explain().waits_for, WaitsFor::github);
}

TEST_F(Explain, DiskBelowTheFloor) {
  reasons_.hold =
      Note{"launch-wait/cpu", "free disk 1 GiB below the floor of 2 GiB", kNow, kNow + 1min};
  EXPECT_EQ(explain().waits_for, WaitsFor::disk);
}

TEST_F(Explain, CredentialsThatGitHubRefusesAreNoWantOfMachines) {
  reasons_.hold = Note{"launch-wait/cpu", std::string(kGithubRefuses) + " [[github]] \"acme\": 401",
                       kNow, kNow + 1min};
  const Explanation e = explain();
  EXPECT_EQ(e.waits_for, WaitsFor::github);
  EXPECT_NE(
      e.sentence.find("waits for GitHub: GitHub refuses the credentials of [[github]] \"acme\""),
      std::string::npos)
      << e.sentence;
}

TEST_F(Explain, CapacityIsTheBatchesWait) {
  supply(Phase::planned);
  Batch batch;
  batch.id = "ci-cpu-1";
  batch.waiting = "RequestLimitExceeded";
  batch.next_try = kNow + 10s;
  snapshot_.batches = {batch};
  EXPECT_EQ(explain().waits_for, WaitsFor::capacity);
}

TEST_F(Explain, BootingRegisteringAndPickup) {
  supply(Phase::launched);
  EXPECT_EQ(explain().waits_for, WaitsFor::booting);
  supply(Phase::starting);
  EXPECT_EQ(explain().waits_for, WaitsFor::registering);
  supply(Phase::registered);
  EXPECT_EQ(explain().waits_for, WaitsFor::pickup);
}

TEST_F(Explain, NoPoolNamesTheMissingLabels) {
  job_.pool.clear();
  job_.ignored = "no pool covers the labels [gpu]: the closest, pool cpu, lacks [gpu]";
  const Explanation e = explain();
  EXPECT_EQ(e.waits_for, WaitsFor::no_pool);
  EXPECT_NE(e.sentence.find("lacks [gpu]"), std::string::npos);
}

TEST_F(Explain, DeadTellsTheCommandThatHelps) {
  job_.dead = Death{"no such template", true, kNow - 1h};
  const Explanation e = explain();
  EXPECT_EQ(e.waits_for, WaitsFor::dead);
  EXPECT_NE(e.sentence.find("jitney dead redrive 17"), std::string::npos);
}

TEST_F(Explain, GateAndRunningAndDone) {
  job_.status = JobStatus::waiting;
  EXPECT_EQ(explain().waits_for, WaitsFor::gate);
  job_.status = JobStatus::in_progress;
  EXPECT_EQ(explain().waits_for, WaitsFor::nothing);
  job_.status = JobStatus::completed;
  EXPECT_EQ(explain().waits_for, WaitsFor::nothing);
}

TEST(Describe, TwoUnitsAtMost) {
  EXPECT_EQ(describe(45s), "45s");
  EXPECT_EQ(describe(200s), "3m 20s");
  EXPECT_EQ(describe(2h + 5min + 9s), "2h 5m");
  EXPECT_EQ(describe(24h * 3), "3d");
  EXPECT_EQ(describe(0s), "0ms");
  EXPECT_EQ(describe(-90s), "-1m 30s");
}

}  // namespace
}  // namespace jitney::core
