// SPDX-License-Identifier: Apache-2.0
#include "core/blame.hpp"

#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using Blame = FunctionsTest;

const Error kPassing{Fault::transient, "the machine broke"};

TEST_F(Blame, CountsAnAttemptOnce) {
  const JobId id = queue_job();
  ASSERT_TRUE(blame(context(), id, "prod-cpu-1", kPassing));
  ASSERT_TRUE(blame(context(), id, "prod-cpu-1", kPassing));
  EXPECT_EQ(job(id).failures, 1);
  ASSERT_TRUE(blame(context(), id, "prod-cpu-2", kPassing));
  EXPECT_EQ(job(id).failures, 2);
  EXPECT_EQ(job(id).not_before, clock.now() + deployment.retry.delays[1]);
}

TEST_F(Blame, PutsAJobThatDiesAmongTheDeadLetters) {
  const JobId id = queue_job();
  for (int i = 0; i <= 6; ++i) {
    EXPECT_TRUE(letters().empty()) << i;
    ASSERT_TRUE(blame(context(), id, "attempt " + std::to_string(i), kPassing));
  }
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_EQ(letters()[0].message.kind, MessageKind::dead_job);
  EXPECT_NE(letters()[0].cause.find("gave up after 7 failed attempts"), std::string::npos);
  EXPECT_NE(letters()[0].cause.find("the machine broke"), std::string::npos);
}

// Died between the row and the letter: counted again, the letter is written after all.
TEST_F(Blame, WritesTheLetterThatADeathInBetweenLeftOut) {
  const JobId id = queue_job();
  queue.fail_next(Fault::transient);
  EXPECT_FALSE(blame(context(), id, "key", {Fault::invalid, "no such template"}));
  ASSERT_TRUE(job(id).dead);
  EXPECT_TRUE(letters().empty());
  ASSERT_TRUE(blame(context(), id, "key", {Fault::invalid, "no such template"}));
  EXPECT_EQ(letters().size(), 1u);
}

TEST_F(Blame, BlamesNobodyForAWarmRunnerOrAForgottenJob) {
  EXPECT_TRUE(blame(context(), 0, "key", kPassing));
  EXPECT_TRUE(blame(context(), 4711, "key", kPassing));
  EXPECT_TRUE(letters().empty());
}

TEST_F(Blame, CountsNothingAgainstAJobThatGotItsRunner) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  ASSERT_TRUE(blame(context(), id, "prod-cpu-1", kPassing));
  EXPECT_EQ(job(id).failures, 0);
}

// --- runners that ended without a job: a lost `completed` must not launch for ever

class IdleEnd : public FunctionsTest {
 protected:
  void runner_ends_idle() {
    id_ = queue_job();
    ASSERT_TRUE(create());
    ASSERT_TRUE(runner_ended(context(), runner("prod-cpu-1").machine, 1));
    ASSERT_TRUE(noted("idle-end/cpu/prod-cpu-1"));
    launches_ = fleet.launches.size();
  }

  JobId id_ = 0;
  std::size_t launches_ = 0;
};

TEST_F(IdleEnd, AsksGitHubBeforeTheNextLaunchAndLaunchesNothingForAJobThatIsOver) {
  runner_ends_idle();
  forge.finish(id_, "cancelled");
  ASSERT_TRUE(create());
  EXPECT_EQ(job(id_).status, JobStatus::completed);
  EXPECT_EQ(fleet.launches.size(), launches_);
  EXPECT_FALSE(noted("idle-end/cpu/prod-cpu-1"));
}

TEST_F(IdleEnd, CountsAFailureWhenTheJobStillWaits) {
  runner_ends_idle();
  ASSERT_TRUE(create());
  EXPECT_EQ(watched_forge.jobs_asked, 1) << "one call answers both doubts about the job";
  EXPECT_EQ(job(id_).failures, 1);
  EXPECT_NE(job(id_).last_error.find("ended without a job: exit code 1"), std::string::npos);
  EXPECT_EQ(fleet.launches.size(), launches_) << "only after its delay";
  clock.set(job(id_).not_before);
  ASSERT_TRUE(create());
  EXPECT_EQ(fleet.launches.size(), launches_ + 1);
}

// Notes come in the order of their names, not of their time.
TEST_F(IdleEnd, DoubtsSinceTheLatestEndWhateverTheRunnersAreCalled) {
  const JobId id = queue_job();
  const auto end_idle = [this](const std::string& runner) {
    Runner ended;
    ended.name = runner;
    ended.pool = "cpu";
    ASSERT_TRUE(remember_idle_end(context(), ended, "told to"));
  };
  clock.advance(1min);
  end_idle("prod-cpu-10");
  clock.advance(-30s);
  end_idle("prod-cpu-9");
  clock.advance(15s);
  ASSERT_TRUE(ledger.checked(id, clock.now()));  // between the two
  clock.advance(1min);
  forge.finish(id, "cancelled");
  ASSERT_TRUE(create());
  EXPECT_EQ(job(id).status, JobStatus::completed);
  EXPECT_TRUE(fleet.launches.empty());
}

TEST_F(IdleEnd, LaunchesNothingWhileGitHubCannotBeAsked) {
  runner_ends_idle();
  forge.outage(true);
  EXPECT_FALSE(create());
  EXPECT_EQ(fleet.launches.size(), launches_);
  EXPECT_EQ(job(id_).failures, 0);
  EXPECT_TRUE(noted("idle-end/cpu/prod-cpu-1")) << "the doubt stays";
}

TEST_F(IdleEnd, AsksAboutAJobOnceARetryBeforeItLaunchesForItAgain) {
  runner_ends_idle();
  ASSERT_TRUE(create());
  clock.set(job(id_).not_before);
  forge.finish(id_, "cancelled");
  ASSERT_TRUE(create());
  EXPECT_EQ(job(id_).status, JobStatus::completed);
  EXPECT_EQ(fleet.launches.size(), launches_);
}

}  // namespace
}  // namespace jitney::core
