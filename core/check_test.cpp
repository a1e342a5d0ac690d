// SPDX-License-Identifier: Apache-2.0
// Questions to GitHub: one job, one run, and the poller that needs no webhook.
#include "core/breaker.hpp"
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;
using Check = FunctionsTest;

TEST_F(Check, RecordsWhatGitHubSaysOfAJob) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1", /*told=*/false);
  clock.advance(1min);
  ASSERT_TRUE(check_job(context(), id));
  EXPECT_EQ(job(id).status, JobStatus::in_progress);
  EXPECT_EQ(job(id).checked_at, clock.now());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
}

TEST_F(Check, RemembersTheQuestionAlsoWhenNothingIsNew) {
  const JobId id = queue_job();
  clock.advance(1min);
  ASSERT_TRUE(check_job(context(), id));
  EXPECT_EQ(job(id).status, JobStatus::queued);
  EXPECT_EQ(job(id).checked_at, clock.now());
}

TEST_F(Check, BuriesForGoodAJobThatGitHubDoesNotKnow) {
  const JobId id = queue_job();
  forge.forget(id);
  ASSERT_TRUE(check_job(context(), id));
  ASSERT_TRUE(job(id).dead);
  EXPECT_TRUE(job(id).dead->permanent);
  EXPECT_EQ(letters().size(), 1u);
  ASSERT_TRUE(create());
  EXPECT_EQ(machine_count(), 0u);
}

TEST_F(Check, OpensTheBreakerAndChangesNothingWhenGitHubIsDown) {
  const JobId id = queue_job();
  forge.outage(true);
  const Status asked = check_job(context(), id);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().fault, Fault::transient);
  EXPECT_TRUE(noted(breaker_key("acme")));
  EXPECT_EQ(job(id).checked_at, Time{});
  EXPECT_FALSE(job(id).dead);
}

TEST_F(Check, AsksNothingAboutACompletedOrUnknownJob) {
  const JobId id = queue_job();
  forge.finish(id);
  tell(id);
  const int asked = watched_forge.jobs_asked;
  EXPECT_TRUE(check_job(context(), id));
  EXPECT_TRUE(check_job(context(), 4711));
  EXPECT_EQ(watched_forge.jobs_asked, asked);
}

TEST_F(Check, NamesAScopeThatIsNoLongerConfigured) {
  const JobId id = queue_job();
  forges.clear();
  const Status asked = check_job(context(), id);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().fault, Fault::not_found);
  EXPECT_NE(asked.error().what.find("acme"), std::string::npos);
}

// --- runs

TEST_F(Check, RecordsAllJobsOfARun) {
  const JobEvent first = forge.queue("acme/shop", 0, {"cpu"});
  const JobEvent second = forge.queue("acme/shop", first.run_id, {"cpu"});
  const std::string key = "acme acme/shop " + std::to_string(first.run_id);
  ASSERT_TRUE(check_run(context(), key));
  EXPECT_EQ(job(first.id).pool, "cpu");
  EXPECT_EQ(job(second.id).pool, "cpu");
  EXPECT_EQ(messages().size(), 1u);
}

TEST_F(Check, ForgetsARunThatGitHubDoesNotKnow) {
  EXPECT_TRUE(check_run(context(), "acme acme/shop 4711"));
}

TEST_F(Check, RefusesAKeyThatNamesNoRun) {
  for (const char* key : {"", "acme", "acme acme/shop", "acme acme/shop x"}) {
    const Status asked = check_run(context(), key);
    ASSERT_FALSE(asked) << key;
    EXPECT_EQ(asked.error().fault, Fault::invalid) << key;
  }
}

TEST_F(Check, GivesARunBackToTheQueueWhenGitHubIsDown) {
  forge.outage(true);
  const Status asked = check_run(context(), "acme acme/shop 4711");
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().fault, Fault::transient);
}

// --- messages

TEST_F(Check, IsWokenByAMessage) {
  const JobId id = queue_job();
  forge.finish(id);
  ASSERT_TRUE(handle(context(), {MessageKind::check_job, std::to_string(id), ""}));
  EXPECT_EQ(job(id).status, JobStatus::completed);
}

TEST_F(Check, RefusesMessagesThatCanNeverBeHandled) {
  for (const char* key : {"", "x", "12x", "-3", "0", "99999999999999999999"}) {
    const Status handled = handle(context(), {MessageKind::check_job, key, ""});
    ASSERT_FALSE(handled) << key;
    EXPECT_EQ(handled.error().fault, Fault::invalid) << key;
  }
  const Status letter = handle(context(), {MessageKind::dead_job, "1", ""});
  ASSERT_FALSE(letter);
  EXPECT_EQ(letter.error().fault, Fault::invalid);
}

TEST_F(Check, HandsEachMessageToItsFunction) {
  queue_job();
  ASSERT_TRUE(handle(context(), {MessageKind::create_runner, "cpu", ""}));
  ASSERT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  ASSERT_TRUE(handle(context(), {MessageKind::stop_runner, "prod-cpu-1", "told to"}));
  EXPECT_EQ(runner("prod-cpu-1").reason, "told to");
  const JobEvent event = forge.queue("acme/shop", 0, {"cpu"});
  const std::string run = "acme acme/shop " + std::to_string(event.run_id);
  ASSERT_TRUE(handle(context(), {MessageKind::check_run, run, ""}));
  EXPECT_EQ(job(event.id).status, JobStatus::queued);
}

}  // namespace
}  // namespace jitney::core
