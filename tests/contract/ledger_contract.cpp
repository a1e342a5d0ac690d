// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/ledger_contract.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace jitney::contract {

using core::Claimed;
using core::Event;
using core::Facts;
using core::Fault;
using core::JobStatus;
using core::Phase;
using namespace std::chrono_literals;

core::JobEvent LedgerContract::event(core::JobId id, JobStatus status, std::string runner) {
  core::JobEvent e;
  e.id = id;
  e.status = status;
  e.scope = "acme";
  e.repository = "acme/widgets";
  e.run_id = 7;
  e.name = "build, \"quoted\"";
  e.workflow = "CI";
  e.labels = {"self-hosted", "cpu"};
  e.runner_name = std::move(runner);
  e.conclusion = status == JobStatus::completed ? "success" : "";
  e.created_at = kNow - 2s;
  e.seen_at = kNow;
  e.source = "webhook 1";
  e.pool = "cpu";
  return e;
}

core::Recorded LedgerContract::record(const core::JobEvent& one) {
  return ledger().record(std::span(&one, 1)).value().at(0);
}

core::Batch LedgerContract::batch(int count, std::vector<core::JobId> jobs) {
  core::Batch b;
  b.pool = "cpu";
  const std::int64_t first = pool().next_number;
  for (int i = 0; i < count; ++i) {
    b.numbers.push_back(first + i);
    b.runners.push_back("ci-cpu-" + std::to_string(first + i));
  }
  b.id = b.runners.front();
  b.jobs = std::move(jobs);
  b.request = "{\"exact\": true}\n";
  b.created_at = b.next_try = kNow;
  b.deadline = kNow + 5min;
  return b;
}

core::Batch LedgerContract::claimed(int count, std::vector<core::JobId> jobs) {
  core::Batch b = batch(count, std::move(jobs));
  EXPECT_EQ(ledger().claim(b, pool().version, 100).value(), Claimed::ok);
  return b;
}

core::Runner LedgerContract::advance(const core::RunnerName& name, Event event, Facts facts) {
  return ledger().advance(name, event, facts, kNow).value();
}

void LedgerContract::start(const core::RunnerName& name) {
  Facts facts;
  facts.machine = "m-" + name;
  advance(name, Event::machine_bound, facts);
  advance(name, Event::machine_answered);
  facts = {};
  facts.lease_until = kNow + 2min;
  advance(name, Event::start_claimed, facts);
  facts = {};
  facts.forge_id = 99;
  advance(name, Event::start_done, facts);
}

TEST_P(LedgerContract, RecordsWhatGitHubSaidAndReadsItBack) {
  const core::Recorded first = queue(1);
  EXPECT_TRUE(first.changed);
  EXPECT_FALSE(first.was_demand);
  const auto stored = ledger().job(1).value();
  ASSERT_TRUE(stored);
  EXPECT_EQ(*stored, first.job);
  EXPECT_EQ(stored->name, "build, \"quoted\"");
  EXPECT_EQ(stored->labels, (std::vector<std::string>{"self-hosted", "cpu"}));
  EXPECT_FALSE(ledger().job(2).value());
}

TEST_P(LedgerContract, RepeatedAndLateEventsChangeNothing) {
  queue(1);
  EXPECT_FALSE(queue(1).changed);
  record(event(1, JobStatus::completed));
  EXPECT_FALSE(queue(1).changed);
  EXPECT_EQ(ledger().job(1).value()->status, JobStatus::completed);
}

TEST_P(LedgerContract, SeveralEventsOfOneJobInOneCallAreAppliedInOrder) {
  const std::vector<core::JobEvent> events{event(1, JobStatus::queued),
                                           event(1, JobStatus::in_progress),
                                           event(1, JobStatus::completed)};
  const auto recorded = ledger().record(events).value();
  ASSERT_EQ(recorded.size(), 3u);
  EXPECT_TRUE(recorded[1].was_demand);
  EXPECT_EQ(recorded[2].job.status, JobStatus::completed);
  EXPECT_EQ(ledger().timeline("job:1").value().size(), 3u);
}

TEST_P(LedgerContract, EventThatNamesARunnerOfOursMovesIt) {
  queue(1);
  const core::Batch b = claimed(1, {1});
  start(b.runners[0]);
  const core::Recorded busy = record(event(1, JobStatus::in_progress, b.runners[0]));
  ASSERT_TRUE(busy.runner);
  EXPECT_EQ(busy.runner->phase, Phase::busy);
  EXPECT_EQ(busy.runner->job, 1);
  const core::Recorded over = record(event(1, JobStatus::completed, b.runners[0]));
  ASSERT_TRUE(over.runner);
  EXPECT_EQ(over.runner->phase, Phase::stopping);
  EXPECT_TRUE(over.runner->end_proved);
}

TEST_P(LedgerContract, CompletedWithoutOrWithAnUnknownRunnerTouchesNone) {
  queue(1);
  const core::Batch b = claimed(1, {1});
  start(b.runners[0]);
  EXPECT_FALSE(record(event(1, JobStatus::completed)).runner);
  queue(2);
  EXPECT_FALSE(record(event(2, JobStatus::completed, "somebody-elses")).runner);
  EXPECT_EQ(ledger().runner(b.runners[0]).value()->phase, Phase::registered);
}

TEST_P(LedgerContract, ClaimPlansTheRunnersAndCountsThem) {
  queue(1);
  const core::Batch b = claimed(2, {1});
  const core::Snapshot snapshot = ledger().snapshot("cpu").value();
  ASSERT_EQ(snapshot.runners.size(), 2u);
  EXPECT_EQ(snapshot.runners[0].name, b.runners[0]);
  EXPECT_EQ(snapshot.runners[0].launched_for, 1);
  EXPECT_EQ(snapshot.runners[1].launched_for, 0);
  EXPECT_EQ(snapshot.runners[0].phase, Phase::planned);
  EXPECT_EQ(snapshot.state.live, 2);
  EXPECT_EQ(snapshot.state.next_number, 3);
  ASSERT_EQ(snapshot.batches.size(), 1u);
  EXPECT_EQ(snapshot.batches[0], b);
}

TEST_P(LedgerContract, ClaimOfTheSameBatchIsMine) {
  const core::Batch b = claimed(1);
  EXPECT_EQ(ledger().claim(b, pool().version, 100).value(), Claimed::mine);
  EXPECT_EQ(pool().live, 1);
}

TEST_P(LedgerContract, ClaimOnAnOlderSnapshotIsOutrun) {
  core::Batch rival = batch(1);
  const std::int64_t seen = pool().version;
  claimed(1);
  rival.id = "ci-cpu-rival";
  EXPECT_EQ(ledger().claim(rival, seen, 100).value(), Claimed::outrun);
  EXPECT_EQ(pool().live, 1);
}

TEST_P(LedgerContract, ClaimBeyondTheCapIsFull) {
  claimed(2);
  EXPECT_EQ(ledger().claim(batch(2), pool().version, 3).value(), Claimed::full);
  EXPECT_EQ(pool().live, 2);
}

TEST_P(LedgerContract, OfRivalClaimsExactlyOneWins) {
  const std::int64_t seen = pool().version;
  std::atomic<int> won{0};
  {
    std::vector<std::jthread> rivals;
    for (int i = 0; i < 8; ++i) {
      core::Batch b = batch(1);
      b.id = b.runners[0] = "ci-cpu-rival-" + std::to_string(i);
      rivals.emplace_back([this, b, seen, &won] {
        if (ledger().claim(b, seen, 100).value() == Claimed::ok) ++won;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(pool().live, 1);
}

TEST_P(LedgerContract, VersionRisesWhenDemandOrSupplyFallsAndNotWhenItGrows) {
  const std::int64_t start_version = pool().version;
  queue(1);
  queue(2);
  queue(3);
  EXPECT_EQ(pool().version, start_version);
  record(event(1, JobStatus::completed));
  const std::int64_t after_end = pool().version;
  EXPECT_GT(after_end, start_version);
  ASSERT_TRUE(ledger().fail(2, "k", {Fault::transient, "x"}, {{1min}}, kNow));
  const std::int64_t after_failure = pool().version;
  EXPECT_GT(after_failure, after_end);
  ASSERT_TRUE(ledger().bury(3, {"x", true, kNow}));
  EXPECT_GT(pool().version, after_failure);
}

TEST_P(LedgerContract, VersionRisesWhenSupplyFalls) {
  const core::Batch b = claimed(1);
  start(b.runners[0]);
  const std::int64_t idle = pool().version;
  queue(1);
  record(event(1, JobStatus::in_progress, b.runners[0]));
  EXPECT_GT(pool().version, idle);
}

TEST_P(LedgerContract, LiveIsReleasedOnceAndOnlyWithGone) {
  const core::Batch b = claimed(2);
  start(b.runners[0]);
  advance(b.runners[0], Event::stop_requested);
  EXPECT_EQ(pool().live, 2);
  advance(b.runners[0], Event::machine_gone);
  EXPECT_EQ(pool().live, 1);
  advance(b.runners[0], Event::machine_gone);
  EXPECT_EQ(pool().live, 1);
  EXPECT_EQ(ledger().snapshot("cpu").value().runners.size(), 1u);
}

TEST_P(LedgerContract, AdvanceRefusesWhatTheLifecycleRefusesAndNotesIt) {
  const core::Batch b = claimed(1);
  const auto lines = ledger().timeline("runner:" + b.runners[0]).value().size();
  const auto refused = ledger().advance(b.runners[0], Event::start_done, {}, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::conflict);
  EXPECT_EQ(ledger().timeline("runner:" + b.runners[0]).value().size(), lines + 1);
  const auto unknown = ledger().advance("ci-cpu-404", Event::machine_gone, {}, kNow);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().fault, Fault::not_found);
}

TEST_P(LedgerContract, AMachineBelongsToOneRunnerForEver) {
  const core::Batch b = claimed(2);
  Facts facts;
  facts.machine = "m1";
  advance(b.runners[0], Event::machine_bound, facts);
  EXPECT_EQ(ledger().runner_on("m1").value()->name, b.runners[0]);
  EXPECT_EQ(ledger().advance(b.runners[1], Event::machine_bound, facts, kNow).error().fault,
            Fault::conflict);
  advance(b.runners[0], Event::machine_gone);
  EXPECT_EQ(ledger().advance(b.runners[1], Event::machine_bound, facts, kNow).error().fault,
            Fault::conflict);
  EXPECT_FALSE(ledger().runner_on("m2").value());
  EXPECT_FALSE(ledger().runner_on("").value());
}

TEST_P(LedgerContract, RunnerIsReadBackWhole) {
  const core::Batch b = claimed(1);
  start(b.runners[0]);
  Facts facts;
  facts.exit_code = 3;
  const core::Runner ended = advance(b.runners[0], Event::command_ended, facts);
  EXPECT_EQ(ledger().runner(b.runners[0]).value(), ended);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.forge_id, 99);
  EXPECT_TRUE(ended.minted);
}

TEST_P(LedgerContract, BatchIsReplacedOnlyAtItsVersion) {
  core::Batch b = claimed(1);
  b.rung = 1;
  b.waiting = "no capacity";
  const core::Batch stored = ledger().update(b, kNow, "next rung").value();
  EXPECT_EQ(stored.version, b.version + 1);
  EXPECT_EQ(ledger().batch(b.id).value(), stored);
  EXPECT_EQ(ledger().update(b, kNow, "stale").error().fault, Fault::conflict);
  core::Batch unknown = b;
  unknown.id = "ci-cpu-404";
  EXPECT_EQ(ledger().update(unknown, kNow, "x").error().fault, Fault::not_found);
  core::Batch closed = stored;
  closed.open = false;
  ASSERT_TRUE(ledger().update(closed, kNow, "closed"));
  EXPECT_TRUE(ledger().snapshot("cpu").value().batches.empty());
}

TEST_P(LedgerContract, FailuresCountOnceAKeyAndKillAfterTheLastDelay) {
  queue(1);
  const core::RetryPolicy policy{{1min}};
  const core::Error error{Fault::no_capacity, "none"};
  core::Job job = ledger().fail(1, "b1", error, policy, kNow).value();
  EXPECT_EQ(job.failures, 1);
  EXPECT_EQ(job.not_before, kNow + 1min);
  EXPECT_EQ(ledger().fail(1, "b1", error, policy, kNow).value().failures, 1);
  job = ledger().fail(1, "b2", error, policy, kNow).value();
  ASSERT_TRUE(job.dead);
  EXPECT_EQ(ledger().job(1).value(), job);
  EXPECT_TRUE(ledger().snapshot("cpu").value().jobs.empty());
  EXPECT_EQ(ledger().fail(404, "b", error, policy, kNow).error().fault, Fault::not_found);
}

TEST_P(LedgerContract, BuryAndRedrive) {
  queue(1);
  EXPECT_EQ(ledger().redrive(1, kNow).error().fault, Fault::conflict);
  ASSERT_TRUE(ledger().bury(1, {"repository deleted", false, kNow}).value().dead);
  EXPECT_EQ(ledger().bury(1, {"again", false, kNow}).value().dead->cause, "repository deleted");
  EXPECT_EQ(ledger().jobs({.pool = {}, .status = {}, .dead_only = true}).value().size(), 1u);
  const core::Job alive = ledger().redrive(1, kNow + 1s).value();
  EXPECT_FALSE(alive.dead);
  EXPECT_EQ(ledger().snapshot("cpu").value().jobs.size(), 1u);
  EXPECT_EQ(ledger().redrive(404, kNow).error().fault, Fault::not_found);
}

TEST_P(LedgerContract, CheckedIsRemembered) {
  queue(1);
  ASSERT_TRUE(ledger().checked(1, kNow + 3s));
  EXPECT_EQ(ledger().job(1).value()->checked_at, kNow + 3s);
}

TEST_P(LedgerContract, SnapshotHoldsOpenWorkOfThePoolAlone) {
  core::JobEvent later = event(1, JobStatus::queued);
  later.seen_at = kNow + 5s;
  record(later);
  queue(2);
  record(event(3, JobStatus::completed));
  core::JobEvent other = event(4, JobStatus::queued);
  other.pool = "gpu";
  record(other);
  core::JobEvent ignored = event(5, JobStatus::queued);
  ignored.pool.clear();
  record(ignored);
  const auto jobs = ledger().snapshot("cpu").value().jobs;
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].id, 2);
  EXPECT_EQ(jobs[1].id, 1);
  EXPECT_TRUE(ledger().snapshot("unheard-of").value().jobs.empty());
}

TEST_P(LedgerContract, JobsAreFilteredNewestFirst) {
  queue(1);
  queue(2);
  record(event(2, JobStatus::completed));
  queue(3);
  core::JobFilter open;
  open.open_only = true;
  const auto found = ledger().jobs(open).value();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].id, 3);
  core::JobFilter one;
  one.limit = 1;
  EXPECT_EQ(ledger().jobs(one).value().size(), 1u);
  core::JobFilter done;
  done.status = JobStatus::completed;
  done.pool = "cpu";
  EXPECT_EQ(ledger().jobs(done).value().at(0).id, 2);
}

TEST_P(LedgerContract, NotesAreKeptByKey) {
  ASSERT_TRUE(ledger().put({"breaker/acme", "down", kNow, kNow + 1min}));
  ASSERT_TRUE(ledger().put({"breaker/acme", "still down", kNow + 1s, kNow + 2min}));
  ASSERT_TRUE(ledger().put({"breaker/other", "x", kNow, {}}));
  ASSERT_TRUE(ledger().put({"breakers", "y", kNow, {}}));
  EXPECT_EQ(ledger().note("breaker/acme").value(),
            (core::Note{"breaker/acme", "still down", kNow + 1s, kNow + 2min}));
  EXPECT_EQ(ledger().notes("breaker/").value().size(), 2u);
  ASSERT_TRUE(ledger().erase_note("breaker/acme"));
  ASSERT_TRUE(ledger().erase_note("breaker/acme"));
  EXPECT_FALSE(ledger().note("breaker/acme").value());
}

TEST_P(LedgerContract, TimelineKeepsTheOrderOfWriting) {
  const std::vector<core::TimelineEntry> entries{{kNow + 1s, "pool:cpu", "second in time"},
                                                 {kNow, "pool:cpu", "first in time"},
                                                 {kNow, "job:9", "a job's line"}};
  ASSERT_TRUE(ledger().append(entries));
  const auto lines = ledger().timeline("pool:cpu").value();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], entries[0]);
  EXPECT_EQ(ledger().timeline("job:9").value().at(0), entries[2]);
}

TEST_P(LedgerContract, PruneTakesOnlyWhatIsOverAndOld) {
  queue(1);
  record(event(2, JobStatus::completed));
  queue(3);
  ASSERT_TRUE(ledger().bury(3, {"x", true, kNow}));
  const core::Batch b = claimed(2);
  advance(b.runners[0], Event::launch_abandoned);
  ASSERT_TRUE(ledger().put({"old", "", kNow, kNow + 1s}));
  EXPECT_EQ(ledger().prune(kNow, kNow + 1h).value(), 0u);
  EXPECT_GE(ledger().prune(kNow + 1h, kNow + 2h).value(), 3u);
  EXPECT_TRUE(ledger().job(1).value());
  EXPECT_FALSE(ledger().job(2).value());
  EXPECT_TRUE(ledger().job(3).value());
  EXPECT_FALSE(ledger().runner(b.runners[0]).value());
  EXPECT_TRUE(ledger().runner(b.runners[1]).value());
  EXPECT_TRUE(ledger().timeline("job:2").value().empty());
  EXPECT_FALSE(ledger().note("old").value());
  EXPECT_EQ(ledger().live_runners().value().size(), 1u);
}

}  // namespace jitney::contract
