// SPDX-License-Identifier: Apache-2.0
// Ledger::record: late, repeated and out-of-order events, and the runners they name.
#include "core/timeline.hpp"
#include "tests/contract/ledger_contract.hpp"

namespace jitney::contract {

TEST_P(LedgerContract, ARecordedJobReadsBackAsTheCoreSaysIt) {
  const JobEvent queued = event(1, JobStatus::queued);
  const core::Recorded recorded = record(queued);
  EXPECT_TRUE(recorded.changed);
  EXPECT_FALSE(recorded.was_demand);
  EXPECT_FALSE(recorded.runner);
  EXPECT_EQ(recorded.job, core::apply(nullptr, queued));
  EXPECT_EQ(job(1), recorded.job);
  EXPECT_EQ(lines(core::job_subject(1)),
            std::vector{core::job_change(nullptr, recorded.job, queued)});
}

TEST_P(LedgerContract, EveryFieldOfAJobSurvivesWhateverItsBytes) {
  JobEvent odd = event(9'007'199'254'740'993, JobStatus::completed, "somebody else's");
  odd.run_id = 9'007'199'254'740'995;
  odd.run_attempt = 3;
  odd.name = "quote ' \" ; DROP TABLE jobs; -- \xc3\xbc \xe2\x9c\x93";
  odd.workflow = std::string("zero \0 inside", 13);
  odd.labels = {"", "two\nlines", "back\\slash", "back\\n", "plain"};
  odd.started_at = kNow - 3s;
  odd.completed_at = kNow - 1s;
  const core::Recorded recorded = record(odd);
  EXPECT_EQ(recorded.job, core::apply(nullptr, odd));
  EXPECT_EQ(job(odd.id), recorded.job);
}

TEST_P(LedgerContract, ARepeatedEventChangesNothingAndLeavesNoLine) {
  queue_job(1);
  const std::int64_t before = version();
  const core::Recorded again = queue_job(1, kNow + 1min);
  EXPECT_FALSE(again.changed);
  EXPECT_TRUE(again.was_demand);
  EXPECT_EQ(again.job, job(1));
  EXPECT_EQ(lines(core::job_subject(1)).size(), 1U);
  EXPECT_EQ(version(), before);
}

TEST_P(LedgerContract, StatusOnlyRisesHoweverLateAnEventComes) {
  record(event(1, JobStatus::completed));
  EXPECT_FALSE(record(event(1, JobStatus::queued)).changed);
  EXPECT_EQ(job(1).status, JobStatus::completed);
  EXPECT_TRUE(ledger_.snapshot(kPool)->jobs.empty());
}

TEST_P(LedgerContract, ARecordTellsThatTheJobWasDead) {
  queue_job(1);
  ASSERT_TRUE(ledger_.bury(1, {"gave up", false, kNow}).has_value());
  EXPECT_TRUE(queue_job(1, kNow + 1min).was_dead);
  const core::Recorded over = record(event(1, JobStatus::completed));
  EXPECT_TRUE(over.was_dead);
  EXPECT_FALSE(over.job.dead);
  EXPECT_FALSE(record(event(1, JobStatus::completed)).was_dead);
}

TEST_P(LedgerContract, EventsOfOneCallAreAppliedInTheirOrder) {
  const RunnerName name = runner_in(Phase::registered);
  const std::vector<JobEvent> events = {
      event(1, JobStatus::queued), event(1, JobStatus::in_progress, name),
      event(2, JobStatus::queued), event(1, JobStatus::completed, name),
      event(1, JobStatus::queued)};
  const auto recorded = ledger_.record(events);
  ASSERT_TRUE(recorded.has_value()) << recorded.error().what;
  ASSERT_EQ(recorded->size(), events.size());
  const std::vector<bool> changed = {true, true, true, true, false};
  const std::vector<bool> was_demand = {false, true, false, false, false};
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ((*recorded)[i].changed, changed[i]) << i;
    EXPECT_EQ((*recorded)[i].was_demand, was_demand[i]) << i;
  }
  EXPECT_EQ((*recorded)[1].runner->phase, Phase::busy);
  EXPECT_EQ((*recorded)[3].runner->phase, Phase::stopping);
  EXPECT_EQ(job(1).status, JobStatus::completed);
  EXPECT_EQ(job(2).status, JobStatus::queued);
}

TEST_P(LedgerContract, RecordingNothingIsFine) {
  const auto recorded = ledger_.record({});
  ASSERT_TRUE(recorded.has_value());
  EXPECT_TRUE(recorded->empty());
}

TEST_P(LedgerContract, AJobThatStartsMakesItsRunnerBusy) {
  queue_job(1);
  const RunnerName name = runner_in(Phase::registered);
  const core::Recorded recorded = record(event(1, JobStatus::in_progress, name));
  ASSERT_TRUE(recorded.runner);
  EXPECT_TRUE(recorded.was_demand);
  EXPECT_EQ(recorded.runner->phase, Phase::busy);
  EXPECT_EQ(recorded.runner->job, 1);
  EXPECT_EQ(*recorded.runner, runner(name));
  EXPECT_EQ(job(1).runner_name, name);
  EXPECT_GE(lines(core::runner_subject(name)).size(), 2U);
}

TEST_P(LedgerContract, AJobThatEndsEndsTheRunnerItNames) {
  queue_job(1);
  const RunnerName name = runner_in(Phase::registered);
  const RunnerName other = runner_in(Phase::registered);
  record(event(1, JobStatus::in_progress, name));
  const core::Recorded recorded = record(event(1, JobStatus::completed, name));
  ASSERT_TRUE(recorded.runner);
  EXPECT_EQ(recorded.runner->phase, Phase::stopping);
  EXPECT_TRUE(recorded.runner->end_proved);
  EXPECT_EQ(runner(other).phase, Phase::registered);
}

TEST_P(LedgerContract, ACompletedJobThatNamesNobodyTouchesNoRunner) {
  queue_job(1);
  const RunnerName name = runner_in(Phase::registered);
  const Runner before = runner(name);
  const core::Recorded recorded = record(event(1, JobStatus::completed));
  EXPECT_TRUE(recorded.changed);
  EXPECT_FALSE(recorded.runner);
  EXPECT_EQ(runner(name), before);
}

TEST_P(LedgerContract, AnUnknownRunnerIsLeftAlone) {
  const core::Recorded recorded = record(event(1, JobStatus::in_progress, "GitHub Actions 17"));
  EXPECT_TRUE(recorded.changed);
  EXPECT_FALSE(recorded.runner);
  EXPECT_EQ(job(1).runner_name, "GitHub Actions 17");
  EXPECT_TRUE(ledger_.runner("GitHub Actions 17")->has_value() == false);
  EXPECT_TRUE(lines(core::runner_subject("GitHub Actions 17")).empty());
}

TEST_P(LedgerContract, ALateStartThatNamesTheRunnerOfACompletedJobTellsItTheEnd) {
  const RunnerName name = runner_in(Phase::registered);
  record(event(1, JobStatus::completed));
  const core::Recorded late = record(event(1, JobStatus::in_progress, name));
  EXPECT_EQ(job(1).status, JobStatus::completed);
  EXPECT_EQ(job(1).runner_name, name);
  ASSERT_TRUE(late.runner);
  EXPECT_EQ(late.runner->phase, Phase::stopping);
  EXPECT_TRUE(late.runner->end_proved);
}

TEST_P(LedgerContract, ARefusedFactIsNotedAndTheJobIsRecordedAllTheSame) {
  const RunnerName name = runner_in(Phase::planned);
  const Runner before = runner(name);
  const std::size_t told = lines(core::runner_subject(name)).size();
  const core::Recorded recorded = record(event(1, JobStatus::in_progress, name));
  EXPECT_TRUE(recorded.changed);
  EXPECT_FALSE(recorded.runner);
  EXPECT_EQ(job(1).status, JobStatus::in_progress);
  EXPECT_EQ(runner(name), before);
  EXPECT_EQ(lines(core::runner_subject(name)).size(), told + 1);
}

TEST_P(LedgerContract, AnIgnoredJobIsKeptWithItsReasonAndIsNoDemand) {
  JobEvent ignored = event(1, JobStatus::queued, "", "");
  ignored.ignored = "no pool has the label gpu";
  const core::Recorded recorded = record(ignored);
  EXPECT_TRUE(recorded.changed);
  EXPECT_EQ(job(1).ignored, ignored.ignored);
  EXPECT_TRUE(ledger_.snapshot(kPool)->jobs.empty());
  EXPECT_TRUE(ledger_.snapshot("")->jobs.empty());
}

TEST_P(LedgerContract, ThePoolsVersionRisesWhenAJobStopsBeingDemandAndOnlyThen) {
  std::int64_t last = version();
  const auto rose = [&] { return std::exchange(last, version()) < last; };
  record(event(1, JobStatus::waiting));
  EXPECT_FALSE(rose()) << "a job that waits at a gate";
  queue_job(1);
  EXPECT_FALSE(rose()) << "new demand";
  record(event(1, JobStatus::in_progress));
  EXPECT_TRUE(rose()) << "a job that was taken";
  record(event(1, JobStatus::completed));
  EXPECT_FALSE(rose()) << "it was no demand any more";
  queue_job(2);
  record(event(2, JobStatus::completed));
  EXPECT_TRUE(rose()) << "a job cancelled in the queue";
  record(event(3, JobStatus::completed));
  EXPECT_FALSE(rose()) << "a job first seen when it was over";
}

TEST_P(LedgerContract, VersionsOfPoolsAreTheirOwn) {
  queue_job(1);
  record(event(2, JobStatus::queued, "", "other"));
  const std::int64_t before = version();
  record(event(2, JobStatus::completed, "", "other"));
  EXPECT_EQ(version(), before);
  EXPECT_GT(version("other"), 0);
}

}  // namespace jitney::contract
