// SPDX-License-Identifier: Apache-2.0
// Dead letters whose job GitHub still calls queued get another life; the others are closed.
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class MoveJobs : public FunctionsTest {
 protected:
  // A job that used up its retries.
  JobId dead_job() {
    const JobId id = queue_job();
    kill(id);
    return id;
  }
  void kill(JobId id) {
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(ledger.fail(id, std::to_string(clock.now().time_since_epoch().count() + i),
                              {Fault::transient, "told to"}, deployment.retry, clock.now()));
    }
    ASSERT_TRUE(job(id).dead);
    EXPECT_TRUE(
        queue.bury({MessageKind::dead_job, std::to_string(id), ""}, "told to", clock.now()));
  }
  Moved moved() {
    const auto result = move_jobs(context());
    EXPECT_TRUE(result) << result.error().what;
    return result.value_or(Moved{});
  }
};

TEST_F(MoveJobs, GivesAJobThatStillWaitsAnotherLife) {
  const JobId id = dead_job();
  messages(1h);
  EXPECT_EQ(moved().redriven, 1u);
  EXPECT_FALSE(job(id).dead);
  EXPECT_EQ(job(id).failures, 0);
  EXPECT_EQ(job(id).redrives, 1);
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(messages().size(), 1u) << "its pool is woken";
  ASSERT_TRUE(create());
  EXPECT_EQ(live(), 1);
}

TEST_F(MoveJobs, ClosesAJobThatGitHubCallsOver) {
  const JobId id = dead_job();
  forge.finish(id, "cancelled");
  EXPECT_EQ(moved().closed, 1u);
  EXPECT_EQ(job(id).status, JobStatus::completed);
  EXPECT_TRUE(letters().empty());
}

TEST_F(MoveJobs, HasNothingToCloseOnceGitHubHasToldOfTheEnd) {
  const JobId id = dead_job();
  forge.finish(id, "cancelled");
  tell(id);
  EXPECT_TRUE(letters().empty()) << "nobody is to look for what was wrong with it";
}

TEST_F(MoveJobs, HasNothingToCloseOnceARunnerHasTheJob) {
  const JobId id = dead_job();
  const auto somebody = forge.mint("somebody-elses", pool().labels, 1);
  ASSERT_TRUE(somebody);
  forge.take(id, somebody->id);
  tell(id);
  EXPECT_FALSE(job(id).dead);
  EXPECT_TRUE(letters().empty());
}

// A letter that was left over: somebody died between the two writes.
TEST_F(MoveJobs, RedriveOfAJobThatIsOverClosesItsLetter) {
  const JobId id = dead_job();
  forge.finish(id, "cancelled");
  tell(id);
  ASSERT_TRUE(queue.bury({MessageKind::dead_job, std::to_string(id), ""}, "told to", clock.now()));
  const auto alive = redrive(ledger, queue, id, clock.now());
  ASSERT_FALSE(alive);
  EXPECT_EQ(alive.error().fault, Fault::conflict);
  EXPECT_TRUE(letters().empty());
}

TEST_F(MoveJobs, RedrivesAJobThreeTimesAndThenKeepsIt) {
  const JobId id = dead_job();
  for (int life = 1; life <= deployment.max_redrives; ++life) {
    EXPECT_EQ(moved().redriven, 1u) << life;
    clock.advance(1h);
    kill(id);
  }
  const Moved last = moved();
  EXPECT_EQ(last.redriven, 0u);
  EXPECT_EQ(last.kept, 1u);
  EXPECT_TRUE(job(id).dead);
  EXPECT_EQ(letters().size(), 1u);
}

TEST_F(MoveJobs, NeverRedrivesAPermanentFault) {
  const JobId id = queue_job();
  fleet.launch_error = Error{Fault::invalid, "no such template"};
  ASSERT_TRUE(create());
  ASSERT_TRUE(job(id).dead->permanent);
  EXPECT_EQ(moved().kept, 1u);
  EXPECT_TRUE(job(id).dead);
  EXPECT_EQ(job(id).redrives, 0);
}

TEST_F(MoveJobs, BuriesForGoodAJobThatGitHubDoesNotKnowAnyMore) {
  const JobId id = dead_job();
  forge.forget(id);
  EXPECT_EQ(moved().kept, 1u);
  ASSERT_TRUE(job(id).dead);
  EXPECT_TRUE(job(id).dead->permanent);
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_NE(letters()[0].cause.find("does not know this job"), std::string::npos);
}

TEST_F(MoveJobs, RedrivesNothingWhileGitHubCannotBeAsked) {
  const JobId id = dead_job();
  forge.outage(true);
  EXPECT_FALSE(move_jobs(context()));
  EXPECT_TRUE(job(id).dead);
  EXPECT_EQ(letters().size(), 1u);
}

TEST_F(MoveJobs, MovesTheOthersWhenOneCannotBeMoved) {
  const JobId first = dead_job();
  const JobId second = dead_job();
  forge.fail_next(Fault::transient);
  EXPECT_FALSE(move_jobs(context()));
  EXPECT_NE(job(first).dead.has_value(), job(second).dead.has_value());
}

// --- pools that are no longer configured

class Strays : public MoveJobs {
 protected:
  // A person gives the pool another name.
  void rename_pool() { pool().name = "linux"; }
};

TEST_F(Strays, BecomeDeadLettersThatNameThePool) {
  const JobId id = queue_job();
  rename_pool();
  EXPECT_EQ(moved().buried, 1u);
  ASSERT_TRUE(job(id).dead);
  ASSERT_EQ(letters().size(), 1u);
  EXPECT_NE(letters()[0].cause.find("pool cpu is no longer configured"), std::string::npos);
}

TEST_F(Strays, StayDeadUntilTheirPoolIsBack) {
  const JobId id = queue_job();
  rename_pool();
  moved();
  EXPECT_EQ(moved().kept, 1u);
  EXPECT_EQ(job(id).redrives, 0) << "lives are for pools that can use them";
  pool().name = "cpu";
  EXPECT_EQ(moved().redriven, 1u);
  EXPECT_FALSE(job(id).dead);
}

TEST_F(Strays, AreAskedAboutFirst) {
  const JobId id = queue_job();
  forge.finish(id, "cancelled");
  rename_pool();
  EXPECT_EQ(moved().buried, 0u);
  EXPECT_EQ(job(id).status, JobStatus::completed);
  EXPECT_TRUE(letters().empty());
}

TEST_F(Strays, AreBuriedWithoutAQuestionWhenTheirScopeIsGoneToo) {
  const JobId id = queue_job();
  rename_pool();
  forges.clear();
  EXPECT_EQ(moved().buried, 1u);
  EXPECT_TRUE(job(id).dead);
}

TEST_F(Strays, LeaveJobsThatNoPoolEverHadAlone) {
  const JobId ignored = queue_job({"self-hosted", "windows"});
  EXPECT_EQ(moved().buried, 0u);
  EXPECT_FALSE(job(ignored).dead);
}

// A death between the row and the letter leaves a letter behind.
TEST_F(MoveJobs, ForgetsALetterWhoseJobLivesOrIsUnknown) {
  const JobId id = queue_job();
  ASSERT_TRUE(queue.bury({MessageKind::dead_job, std::to_string(id), ""}, "stale", clock.now()));
  ASSERT_TRUE(queue.bury({MessageKind::dead_job, "4711", ""}, "stale", clock.now()));
  moved();
  EXPECT_TRUE(letters().empty());
}

TEST_F(MoveJobs, KeepsALetterOfAnotherKind) {
  ASSERT_TRUE(queue.bury({MessageKind::create_runner, "cpu", ""}, "the worker died", clock.now()));
  moved();
  EXPECT_EQ(letters().size(), 1u);
}

// --- a person's redrive

TEST_F(MoveJobs, LetsAPersonRedriveAPermanentFault) {
  const JobId id = queue_job();
  fleet.launch_error = Error{Fault::invalid, "no such template"};
  ASSERT_TRUE(create());
  fleet.launch_error.reset();
  const auto alive = redrive(ledger, queue, id, clock.now());
  ASSERT_TRUE(alive);
  EXPECT_FALSE(alive->dead);
  EXPECT_TRUE(letters().empty());
  ASSERT_TRUE(create());
  EXPECT_EQ(live(), 1);
}

TEST_F(MoveJobs, SaysThatAJobIsNotDeadOrNotKnown) {
  const auto alive = redrive(ledger, queue, queue_job(), clock.now());
  ASSERT_FALSE(alive);
  EXPECT_EQ(alive.error().fault, Fault::conflict);
  const auto unknown = redrive(ledger, queue, 4711, clock.now());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().fault, Fault::not_found);
}

}  // namespace
}  // namespace jitney::core
