// SPDX-License-Identifier: Apache-2.0
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using Autoscaler = FunctionsTest;

TEST_F(Autoscaler, StoresTheJobAndWakesItsPoolOnce) {
  const JobId id = queue_job();
  EXPECT_EQ(job(id).status, JobStatus::queued);
  EXPECT_EQ(job(id).pool, "cpu");
  const std::vector<Message> woken = messages();
  ASSERT_EQ(woken.size(), 1u);
  EXPECT_EQ(woken[0].kind, MessageKind::create_runner);
  EXPECT_EQ(woken[0].key, "cpu");
}

TEST_F(Autoscaler, TellsHowManyRowsChangedAndHowManyJobsNoPoolCovers) {
  const std::vector<JobEvent> events{forge.queue("acme/shop", 0, {"cpu"}),
                                     forge.queue("acme/shop", 0, {"gpu"})};
  const auto accepted = autoscaler(context(), events);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->changed, 2u);
  EXPECT_EQ(accepted->ignored, 1u);
}

TEST_F(Autoscaler, KeepsAJobThatNoPoolCoversWithTheReasonAndWakesNobody) {
  const JobId id = queue_job({"self-hosted", "gpu"});
  EXPECT_TRUE(job(id).pool.empty());
  EXPECT_NE(job(id).ignored.find("gpu"), std::string::npos) << job(id).ignored;
  EXPECT_TRUE(messages(1h).empty());
}

TEST_F(Autoscaler, ChangesNothingForAnEventThatCameBefore) {
  const JobEvent event = forge.queue("acme/shop", 0, {"cpu"});
  ASSERT_TRUE(autoscaler(context(), std::span(&event, 1)));
  const Job before = job(event.id);
  messages();
  clock.advance(1min);
  const auto again = autoscaler(context(), std::span(&event, 1));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->changed, 0u);
  EXPECT_EQ(job(event.id), before);
  EXPECT_TRUE(messages(1h).empty());
}

TEST_F(Autoscaler, AnswersWithTheFaultWhenNothingCouldBeStored) {
  const JobEvent event = forge.queue("acme/shop", 0, {"cpu"});
  ledger.fail_next(Fault::transient);
  const auto accepted = autoscaler(context(), std::span(&event, 1));
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().fault, Fault::transient);
  EXPECT_FALSE(*ledger.job(event.id));
  EXPECT_TRUE(messages(1h).empty());
}

// P1: the answer says that the job is durable, and a wake-up that got lost costs only time.
TEST_F(Autoscaler, AcceptsAJobWhoseWakeUpCouldNotBePushed) {
  const JobEvent event = forge.queue("acme/shop", 0, {"cpu"});
  queue.fail_next(Fault::transient);
  EXPECT_TRUE(autoscaler(context(), std::span(&event, 1)));
  EXPECT_EQ(job(event.id).status, JobStatus::queued);
  EXPECT_TRUE(messages(1h).empty());
  steady();
  swept();
  EXPECT_EQ(messages().size(), 1u) << "the sweep wakes the pool instead";
}

TEST_F(Autoscaler, MarksTheRunnerBusyThatGitHubNames) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  EXPECT_EQ(job(id).runner_name, "prod-cpu-1");
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_EQ(runner("prod-cpu-1").job, id);
}

TEST_F(Autoscaler, LeavesARunnerTimeToEndByItselfAfterItsJob) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  forge.finish(id);
  messages(1h);
  tell(id);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::stopping);
  EXPECT_TRUE(messages(deployment.settle - 1ms).empty());
  const std::vector<Message> woken = messages(deployment.settle);
  ASSERT_EQ(woken.size(), 1u);
  EXPECT_EQ(woken[0].kind, MessageKind::stop_runner);
  EXPECT_EQ(woken[0].key, "prod-cpu-1");
}

// GitHub gives a job to any runner whose labels cover it; a job that was cancelled names none.
TEST_F(Autoscaler, EndsNoRunnerForACompletedJobThatNamesNone) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  messages(1h);
  forge.finish(id, "cancelled");
  tell(id);
  EXPECT_EQ(job(id).status, JobStatus::completed);
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_TRUE(messages(1h).empty());
}

TEST_F(Autoscaler, LeavesARunnerAloneThatIsNotOurs) {
  const JobId id = queue_job();
  auto event = forge.job("acme/shop", id);
  ASSERT_TRUE(event);
  event->status = JobStatus::in_progress;
  event->runner_name = "somebody-elses-1";
  EXPECT_TRUE(autoscaler(context(), std::span(&*event, 1)));
  EXPECT_EQ(job(id).runner_name, "somebody-elses-1");
  EXPECT_FALSE(*ledger.runner("somebody-elses-1"));
}

TEST_F(Autoscaler, CallsNobodyForNoEvents) {
  ledger.fail_next(Fault::transient);
  EXPECT_TRUE(autoscaler(context(), {}));
}

}  // namespace
}  // namespace jitney::core
