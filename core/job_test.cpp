// SPDX-License-Identifier: Apache-2.0
#include "core/job.hpp"

#include <gtest/gtest.h>

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{Duration{1'800'000'000'000}};

JobEvent event(JobStatus status) {
  JobEvent e;
  e.id = 17;
  e.status = status;
  e.scope = "acme";
  e.repository = "acme/widgets";
  e.run_id = 4;
  e.labels = {"self-hosted", "template_cpu"};
  e.pool = "template_cpu";
  e.seen_at = kNow;
  return e;
}

Job queued() { return *apply(nullptr, event(JobStatus::queued)); }

TEST(Job, FirstSightKeepsWhatGitHubSaid) {
  const Job job = queued();
  EXPECT_EQ(job.id, 17);
  EXPECT_EQ(job.status, JobStatus::queued);
  EXPECT_EQ(job.pool, "template_cpu");
  EXPECT_EQ(job.queued_at, kNow);
  EXPECT_TRUE(job.demand(kNow));
}

TEST(Job, RepeatedEventChangesNothing) {
  const Job job = queued();
  EXPECT_FALSE(apply(&job, event(JobStatus::queued)));
}

TEST(Job, LateQueuedDoesNotBringBackWhatHasStarted) {
  Job job = *apply(nullptr, event(JobStatus::in_progress));
  EXPECT_FALSE(apply(&job, event(JobStatus::queued)));
  job = *apply(&job, event(JobStatus::completed));
  EXPECT_FALSE(apply(&job, event(JobStatus::queued)));
  EXPECT_EQ(job.status, JobStatus::completed);
}

TEST(Job, LateInProgressTellsTheRunnerThatWasUnknown) {
  const Job job = *apply(nullptr, event(JobStatus::completed));
  JobEvent late = event(JobStatus::in_progress);
  late.runner_name = "ci-template_cpu-3";
  const auto after = apply(&job, late);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->status, JobStatus::completed);
  EXPECT_EQ(after->runner_name, "ci-template_cpu-3");
}

TEST(Job, WaitingIsNoDemandUntilItIsQueued) {
  const Job job = *apply(nullptr, event(JobStatus::waiting));
  EXPECT_FALSE(job.demand(kNow));
  EXPECT_TRUE(apply(&job, event(JobStatus::queued))->demand(kNow));
}

TEST(Job, WithoutPoolIsIgnoredWithTheReason) {
  JobEvent e = event(JobStatus::queued);
  e.pool.clear();
  e.ignored = "no pool covers it";
  const Job job = *apply(nullptr, e);
  EXPECT_FALSE(job.demand(kNow));
  EXPECT_EQ(job.ignored, "no pool covers it");
}

TEST(Job, IgnoredJobFindsAPoolThatWasConfiguredLater) {
  JobEvent e = event(JobStatus::queued);
  e.pool.clear();
  e.ignored = "no pool covers it";
  const Job job = *apply(nullptr, e);
  const auto after = apply(&job, event(JobStatus::queued));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->pool, "template_cpu");
  EXPECT_TRUE(after->ignored.empty());
}

const RetryPolicy kPolicy{{1min, 2min}};
const Error kNoCapacity{Fault::no_capacity, "InsufficientInstanceCapacity"};

TEST(JobFailure, WaitsTheConfiguredDelaysThenDiesWithTheCause) {
  Job job = *after_failure(queued(), "b1", kNoCapacity, kPolicy, kNow);
  EXPECT_EQ(job.not_before, kNow + 1min);
  EXPECT_FALSE(job.demand(kNow));
  EXPECT_TRUE(job.demand(kNow + 1min));
  job = *after_failure(job, "b2", kNoCapacity, kPolicy, kNow);
  EXPECT_EQ(job.not_before, kNow + 2min);
  job = *after_failure(job, "b3", kNoCapacity, kPolicy, kNow);
  ASSERT_TRUE(job.dead);
  EXPECT_FALSE(job.dead->permanent);
  EXPECT_NE(job.dead->cause.find("InsufficientInstanceCapacity"), std::string::npos);
  EXPECT_FALSE(job.demand(kNow + 24h));
}

TEST(JobFailure, SameAttemptCountsOnce) {
  const Job job = *after_failure(queued(), "b1", kNoCapacity, kPolicy, kNow);
  EXPECT_FALSE(after_failure(job, "b1", kNoCapacity, kPolicy, kNow));
}

TEST(JobFailure, PermanentFaultBuriesAtOnce) {
  for (const Fault fault : {Fault::invalid, Fault::not_found}) {
    const Job job = *after_failure(queued(), "b1", {fault, "no such template"}, kPolicy, kNow);
    ASSERT_TRUE(job.dead);
    EXPECT_TRUE(job.dead->permanent);
    EXPECT_EQ(job.dead->cause, "no such template");
  }
}

TEST(JobFailure, RefusedCredentialsAreTriedAgainAndNeverKillForGood) {
  Job job = queued();
  const auto fail = [&job](std::size_t attempt) {
    job = *after_failure(job, std::to_string(attempt), {Fault::unauthorized, "bad credentials"},
                         kPolicy, kNow);
  };
  for (std::size_t i = 0; i < kPolicy.delays.size(); ++i) {
    fail(i);
    EXPECT_EQ(job.not_before, kNow + kPolicy.delays[i]);
  }
  fail(kPolicy.delays.size());
  ASSERT_TRUE(job.dead);
  EXPECT_FALSE(job.dead->permanent);
}

TEST(JobFailure, IsNotCountedAgainstAJobThatNoLongerWaits) {
  const Job job = *apply(nullptr, event(JobStatus::in_progress));
  EXPECT_FALSE(after_failure(job, "b1", kNoCapacity, kPolicy, kNow));
}

TEST(JobDeath, GitHubsWordIsTheLast) {
  const Job dead = *after_failure(queued(), "b1", {Fault::invalid, "x"}, kPolicy, kNow);
  const auto taken = apply(&dead, event(JobStatus::in_progress));
  ASSERT_TRUE(taken);
  EXPECT_FALSE(taken->dead);
}

TEST(JobDeath, RedriveGivesAllAttemptsBack) {
  Job job = *after_failure(queued(), "b1", {Fault::invalid, "x"}, kPolicy, kNow);
  job = *redriven(job, kNow + 1h);
  EXPECT_FALSE(job.dead);
  EXPECT_EQ(job.failures, 0);
  EXPECT_EQ(job.redrives, 1);
  EXPECT_TRUE(job.demand(kNow + 1h));
  EXPECT_FALSE(redriven(job, kNow));
}

TEST(JobDeath, PermanentReplacesPassingButNotTheOtherWay) {
  const Death passing{"tired", false, kNow};
  const Death lasting{"repository deleted", true, kNow};
  const Job job = *buried(queued(), passing);
  EXPECT_FALSE(buried(job, passing));
  const Job gone = *buried(job, lasting);
  EXPECT_TRUE(gone.dead->permanent);
  EXPECT_FALSE(buried(gone, passing));
}

}  // namespace
}  // namespace jitney::core
