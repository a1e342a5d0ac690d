// SPDX-License-Identifier: Apache-2.0
// What GitHub knows and we missed: webhooks that failed, jobs that wait suspiciously long (P7).
#include "core/breaker.hpp"
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using ReconcileGitHub = FunctionsTest;

// --- webhooks that never came

TEST_F(ReconcileGitHub, AsksForAFailedDeliveryAgain) {
  swept();
  clock.advance(10s);
  const std::int64_t delivery = forge.fail_delivery();
  EXPECT_EQ(swept().redelivered, 1u);
  EXPECT_EQ(forge.redelivered(), std::vector<std::int64_t>{delivery});
  EXPECT_EQ(swept().redelivered, 0u) << "it arrived";
}

TEST_F(ReconcileGitHub, LooksBackBeyondTheFirstSweep) {
  const std::int64_t delivery = forge.fail_delivery();
  clock.advance(50min);
  swept();
  EXPECT_EQ(forge.redelivered(), std::vector<std::int64_t>{delivery});
}

TEST_F(ReconcileGitHub, LetsNoDeliverySlipThroughAnOutage) {
  swept();
  forge.outage(true);
  clock.advance(1min);
  const std::int64_t delivery = forge.fail_delivery();
  sweep_for(3h);
  EXPECT_TRUE(forge.redelivered().empty());
  forge.outage(false);
  sweep_for(2min);
  EXPECT_EQ(forge.redelivered(), std::vector<std::int64_t>{delivery});
}

TEST_F(ReconcileGitHub, BeginsAgainWhereARefusedRedeliveryStopped) {
  swept();
  clock.advance(10s);
  forge.fail_delivery();
  forge.fail_delivery();
  watched_forge.refused_redeliveries = 1;
  EXPECT_EQ(swept().redelivered, 0u);
  clock.advance(1min);
  EXPECT_EQ(swept().redelivered, 2u);
}

TEST_F(ReconcileGitHub, GivesUpADeliveryThatWasAskedForThreeTimes) {
  swept();
  clock.advance(10s);
  const std::int64_t delivery = forge.fail_delivery();
  ASSERT_TRUE(ledger.put({.key = "redelivered/guid-" + std::to_string(delivery),
                          .value = "3",
                          .at = clock.now(),
                          .expires = clock.now() + 1h}));
  EXPECT_EQ(swept().redelivered, 0u);
}

// --- jobs

TEST_F(ReconcileGitHub, AsksAboutAJobThatWaitsForSuspiciouslyLong) {
  pool().max = 0;
  const JobId id = queue_job();
  forge.finish(id, "cancelled");
  sweep_for(deployment.check_after - 1min);
  EXPECT_EQ(job(id).status, JobStatus::queued);
  const Swept seen = sweep_for(1min);
  EXPECT_EQ(seen.jobs_checked, 1u);
  EXPECT_EQ(job(id).status, JobStatus::completed);
}

TEST_F(ReconcileGitHub, AsksAboutTheSameJobOnlyOnceAWhile) {
  pool().max = 0;
  queue_job();
  EXPECT_EQ(sweep_for(deployment.check_after).jobs_checked, 1u);
  clock.advance(1min);
  EXPECT_EQ(sweep_for(deployment.check_after - 2min).jobs_checked, 0u);
  EXPECT_EQ(sweep_for(2min).jobs_checked, 1u);
}

TEST_F(ReconcileGitHub, SpendsNoMoreCallsThanOneSweepMay) {
  pool().max = 0;
  deployment.checks_per_sweep = 3;
  queue_jobs(7);
  clock.advance(deployment.check_after);
  EXPECT_EQ(swept().jobs_checked, 3u);
  EXPECT_EQ(swept().jobs_checked, 3u);
  EXPECT_EQ(swept().jobs_checked, 1u) << "the ones that were not asked about came first";
}

TEST_F(ReconcileGitHub, AsksFirstAboutTheJobThatWasNotAskedAboutForLongest) {
  pool().max = 0;
  deployment.checks_per_sweep = 3;
  const std::vector<JobId> ids = queue_jobs(4);
  clock.advance(deployment.check_after);
  swept();
  EXPECT_EQ(job(ids[3]).checked_at, Time{});
  clock.advance(deployment.check_after);
  swept();
  EXPECT_EQ(job(ids[3]).checked_at, clock.now());
}

TEST_F(ReconcileGitHub, AsksAboutARunningJobWhoseRunnerIsGone) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  ASSERT_TRUE(runner_ended(context(), runner("prod-cpu-1").machine, 0));
  ASSERT_EQ(job(id).status, JobStatus::in_progress);
  forge.finish(id);
  clock.advance(deployment.orphan_grace);
  EXPECT_EQ(swept().jobs_checked, 1u);
  EXPECT_EQ(job(id).status, JobStatus::completed);
}

TEST_F(ReconcileGitHub, AsksNothingAboutAJobThatRunsOnALiveRunner) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  EXPECT_EQ(sweep_for(2h).jobs_checked, 0u);
}

TEST_F(ReconcileGitHub, AsksNothingWhileTheBreakerIsOpen) {
  pool().max = 0;
  queue_job();
  clock.advance(deployment.check_after);
  forge.outage(true);
  EXPECT_EQ(swept().jobs_checked, 0u);
  EXPECT_EQ(watched_forge.jobs_asked, 0);
  EXPECT_TRUE(noted(breaker_key("acme")));
}

}  // namespace
}  // namespace jitney::core
