// SPDX-License-Identifier: Apache-2.0
#include "core/timeline.hpp"

#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class Timeline : public FunctionsTest {
 protected:
  std::vector<std::string> lines(const std::string& subject) {
    const std::vector<TimelineEntry> entries = ledger.timeline(subject).value();
    std::vector<std::string> texts;
    for (const TimelineEntry& entry : entries) texts.push_back(entry.text);
    return texts;
  }
};

TEST_F(Timeline, TellsTheLifeOfAJob) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  forge.finish(id, "failure");
  tell(id);
  EXPECT_EQ(lines(job_subject(id)),
            (std::vector<std::string>{"queued; pool cpu (webhook fake)",
                                      "runner prod-cpu-1 claimed for it",
                                      "in_progress on prod-cpu-1 (webhook)",
                                      "completed with failure on prod-cpu-1 (webhook)"}));
}

TEST_F(Timeline, TellsTheLifeOfARunner) {
  const JobId id = queue_job();
  ASSERT_TRUE(create());
  take(id, "prod-cpu-1");
  ASSERT_TRUE(runner_ended(context(), runner("prod-cpu-1").machine, 0));
  const std::string forge_id = std::to_string(runner("prod-cpu-1").forge_id);
  EXPECT_EQ(lines(runner_subject("prod-cpu-1")),
            (std::vector<std::string>{
                "planned in batch prod-cpu-1", "launched (machine_bound), machine fake-1",
                "ready (machine_answered)", "starting (start_claimed)",
                "registered (start_done), registered as " + forge_id,
                "busy (job_started), job " + std::to_string(id),
                "stopping (command_ended), exit code 0: runner process ended with exit code 0",
                "gone (machine_gone)"}));
}

TEST_F(Timeline, TellsWhyAJobIsIgnoredOrGivenUp) {
  const JobId ignored = queue_job({"gpu"});
  ASSERT_EQ(lines(job_subject(ignored)).size(), 1u);
  EXPECT_TRUE(lines(job_subject(ignored))[0].starts_with("queued; ignored: "));

  const JobId buried = queue_job();
  fleet.launch_error = Error{Fault::invalid, "no such template"};
  ASSERT_TRUE(create());
  EXPECT_EQ(lines(job_subject(buried)).back(), "given up: no such template");
}

TEST_F(Timeline, TellsEachFailedAttempt) {
  const JobId id = queue_job();
  fleet.launch_error = Error{Fault::no_capacity, "none of this kind"};
  ASSERT_TRUE(create());
  EXPECT_EQ(lines(job_subject(id)).back(), "attempt 1 failed: none of this kind");
  EXPECT_EQ(lines(batch_subject("prod-cpu-1")),
            (std::vector<std::string>{"claimed 1 runner for pool cpu, because of 1 job",
                                      "abandoned: none of this kind"}));
}

// --- what makes an older snapshot of the pool worthless

Job waiting_job() {
  Job job;
  job.id = 1;
  job.status = JobStatus::queued;
  job.pool = "cpu";
  return job;
}

TEST(TimelineRules, ANewJobAndABetterKnownJobLowerNoDemand) {
  EXPECT_FALSE(lowers_demand(nullptr, waiting_job()));
  const Job before = waiting_job();
  Job after = before;
  after.runner_name = "somebody";
  EXPECT_FALSE(lowers_demand(&before, after));
}

TEST(TimelineRules, AJobThatStartsDiesOrIsPutOffLowersDemand) {
  const Job before = waiting_job();
  Job started = before;
  started.status = JobStatus::in_progress;
  Job dead = before;
  dead.dead = Death{.cause = "no"};
  Job put_off = before;
  put_off.not_before = Time(1min);
  EXPECT_TRUE(lowers_demand(&before, started));
  EXPECT_TRUE(lowers_demand(&before, dead));
  EXPECT_TRUE(lowers_demand(&before, put_off));
  EXPECT_FALSE(lowers_demand(&dead, started)) << "it was no demand before";
}

TEST(TimelineRules, ARunnerThatBecomesBusyOrEndsLowersSupply) {
  Runner registered;
  registered.phase = Phase::registered;
  Runner ready = registered;
  ready.phase = Phase::ready;
  Runner busy = registered;
  busy.phase = Phase::busy;
  EXPECT_FALSE(lowers_supply(ready, registered));
  EXPECT_TRUE(lowers_supply(registered, busy));
  EXPECT_FALSE(lowers_supply(busy, busy));
}

}  // namespace
}  // namespace jitney::core
