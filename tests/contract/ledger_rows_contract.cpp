// SPDX-License-Identifier: Apache-2.0
// Snapshots, lists, timelines, notes, and what prune takes and leaves.
#include "tests/contract/ledger_contract.hpp"

namespace jitney::contract {

namespace {

std::vector<JobId> ids(const core::Result<std::vector<Job>>& jobs) {
  EXPECT_TRUE(jobs.has_value());
  std::vector<JobId> found;
  if (!jobs) return found;
  for (const Job& job : *jobs) found.push_back(job.id);
  return found;
}

void prune_all(core::Ledger& ledger, core::Time before, core::Time now) {
  for (int call = 0; call < 100; ++call) {
    const auto gone = ledger.prune(before, now);
    ASSERT_TRUE(gone.has_value()) << gone.error().what;
    if (*gone == 0) return;
  }
  FAIL() << "prune never ends";
}

}  // namespace

TEST_P(LedgerContract, AnUnknownPoolHasAnEmptySnapshot) {
  const auto snapshot = ledger_.snapshot("new");
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->state, (core::PoolState{.pool = "new"}));
  EXPECT_TRUE(snapshot->jobs.empty() && snapshot->runners.empty() && snapshot->batches.empty());
}

TEST_P(LedgerContract, ASnapshotHoldsOpenRowsOfItsPoolInOrder) {
  queue_job(5, kNow + 2s);
  queue_job(9, kNow);
  queue_job(7, kNow + 2s);
  record(event(3, JobStatus::completed));
  record(event(4, JobStatus::queued, "", "other"));
  queue_job(6);
  ASSERT_TRUE(ledger_.bury(6, {"gave up", false, kNow}).has_value());
  record(event(8, JobStatus::in_progress, "somebody else's"));
  gone_runner(kNow);
  const RunnerName second = runner_in(Phase::busy);
  const RunnerName third = runner_in(Phase::planned);
  const auto snapshot = ledger_.snapshot(kPool);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(ids(snapshot->jobs), (std::vector<JobId>{8, 9, 5, 7}));
  ASSERT_EQ(snapshot->runners.size(), 2U);
  EXPECT_EQ(snapshot->runners[0], runner(second));
  EXPECT_EQ(snapshot->runners[1], runner(third));
  EXPECT_EQ(snapshot->batches.size(), 3U);
}

TEST_P(LedgerContract, JobsAreListedNewestFirstAndFiltered) {
  queue_job(1);
  record(event(2, JobStatus::completed));
  queue_job(3);
  ASSERT_TRUE(ledger_.bury(3, {"gave up", false, kNow}).has_value());
  JobEvent ignored = event(4, JobStatus::queued, "", "");
  ignored.ignored = "no pool";
  record(ignored);
  record(event(5, JobStatus::in_progress, "somebody else's", "other"));
  using Ids = std::vector<JobId>;
  EXPECT_EQ(ids(ledger_.jobs({})), (Ids{5, 4, 3, 2, 1}));
  EXPECT_EQ(ids(ledger_.jobs({.open_only = true})), (Ids{5, 4, 3, 1}));
  EXPECT_EQ(ids(ledger_.jobs({.dead_only = true})), (Ids{3}));
  EXPECT_EQ(ids(ledger_.jobs({.dead_only = true, .open_only = true})), (Ids{3}));
  EXPECT_EQ(ids(ledger_.jobs({.status = JobStatus::queued})), (Ids{4, 3, 1}));
  EXPECT_EQ(ids(ledger_.jobs({.status = JobStatus::completed})), (Ids{2}));
  EXPECT_EQ(ids(ledger_.jobs({.status = JobStatus::completed, .open_only = true})), Ids{});
  EXPECT_EQ(ids(ledger_.jobs({.pool = "other"})), (Ids{5}));
  EXPECT_EQ(ids(ledger_.jobs({.pool = ""})), (Ids{4}));
  EXPECT_EQ(ids(ledger_.jobs({.limit = 2})), (Ids{5, 4}));
  EXPECT_EQ(ids(ledger_.jobs({.open_only = true, .limit = 2})), (Ids{5, 4}));
}

TEST_P(LedgerContract, ATimelineIsReadOldestFirst) {
  const std::vector<core::TimelineEntry> entries = {
      {.at = kNow + 1s, .subject = "pool:a", .text = "first"},
      {.at = kNow, .subject = "pool:a", .text = "second, by a clock that went back"},
      {.at = kNow, .subject = "pool:ab", .text = "not of this one"},
      {.at = kNow, .subject = "job:12", .text = "of a job"}};
  ASSERT_TRUE(ledger_.append(entries).has_value());
  EXPECT_EQ(ledger_.timeline("pool:a"), (std::vector{entries[0], entries[1]}));
  EXPECT_EQ(ledger_.timeline("job:12"), std::vector{entries[3]});
  EXPECT_TRUE(ledger_.timeline("job:1")->empty());
  EXPECT_TRUE(ledger_.timeline("no such")->empty());
}

TEST_P(LedgerContract, ANoteIsWhatWasWrittenLast) {
  EXPECT_FALSE(ledger_.note("a")->has_value());
  const core::Note first{.key = "a", .value = "1", .at = kNow, .expires = kNow + 1min};
  const core::Note last{.key = "a", .value = "", .at = kNow + 1s, .expires = {}};
  ASSERT_TRUE(ledger_.put(first).has_value());
  EXPECT_EQ(**ledger_.note("a"), first);
  ASSERT_TRUE(ledger_.put(last).has_value());
  EXPECT_EQ(**ledger_.note("a"), last);
  ASSERT_TRUE(ledger_.erase_note("a").has_value());
  ASSERT_TRUE(ledger_.erase_note("a").has_value());
  EXPECT_FALSE(ledger_.note("a")->has_value());
}

TEST_P(LedgerContract, NotesAreFoundByTheirPrefix) {
  for (const char* key : {"seen/a", "seen/b", "seen%", "see", "seen", "seenx", "t"}) {
    ASSERT_TRUE(ledger_.put({.key = key, .value = key, .at = kNow, .expires = {}}).has_value());
  }
  const auto keys = [&](std::string_view prefix) {
    std::vector<std::string> found;
    const auto notes = ledger_.notes(prefix);
    EXPECT_TRUE(notes.has_value());
    for (const core::Note& note : *notes) found.push_back(note.key);
    std::ranges::sort(found);
    return found;
  };
  EXPECT_EQ(keys("seen/"), (std::vector<std::string>{"seen/a", "seen/b"}));
  EXPECT_EQ(keys("seen%"), (std::vector<std::string>{"seen%"}));
  EXPECT_EQ(keys("").size(), 7U);
  EXPECT_TRUE(keys("z").empty());
}

TEST_P(LedgerContract, ASnapshotHoldsTheNotesThatItIsAskedForAndThatExist) {
  const core::Note first{.key = "a", .value = "1", .at = kNow, .expires = kNow + 1min};
  const core::Note other{.key = "a/b", .value = "2", .at = kNow, .expires = {}};
  ASSERT_TRUE(ledger_.put(first).has_value());
  ASSERT_TRUE(ledger_.put(other).has_value());
  const std::vector<std::string> keys{"none", "a"};
  const auto snapshot = ledger_.snapshot_with("new", keys);
  ASSERT_TRUE(snapshot.has_value()) << snapshot.error().what;
  EXPECT_EQ(snapshot->state, (core::PoolState{.pool = "new"}));
  EXPECT_EQ(snapshot->notes, std::vector{first});
  ASSERT_NE(snapshot->note("a"), nullptr);
  EXPECT_EQ(*snapshot->note("a"), first);
  EXPECT_EQ(snapshot->note("none"), nullptr);
  EXPECT_EQ(snapshot->note("a/b"), nullptr);
  EXPECT_TRUE(ledger_.snapshot("new")->notes.empty());
}

TEST_P(LedgerContract, PruningTakesWhatIsOverWithItsTimeline) {
  record(event(1, JobStatus::completed));
  JobEvent ignored = event(2, JobStatus::queued, "", "");
  ignored.ignored = "no pool";
  record(ignored);
  const RunnerName gone = gone_runner(kNow);
  Batch closed = **ledger_.batch(gone);
  closed.open = false;
  ASSERT_TRUE(ledger_.update(closed, kNow, "closed").has_value());
  const core::TimelineEntry line{.at = kNow, .subject = core::pool_subject(kPool), .text = "old"};
  ASSERT_TRUE(ledger_.append({&line, 1}).has_value());

  prune_all(ledger_, kNow + 1s, kNow + 24h);
  EXPECT_FALSE(ledger_.job(1)->has_value());
  EXPECT_FALSE(ledger_.job(2)->has_value());
  EXPECT_FALSE(ledger_.runner(gone)->has_value());
  EXPECT_FALSE(ledger_.batch(closed.id)->has_value());
  for (const std::string& subject :
       {core::job_subject(1), core::job_subject(2), core::runner_subject(gone),
        core::batch_subject(closed.id), core::pool_subject(kPool)}) {
    EXPECT_TRUE(lines(subject).empty()) << subject;
  }
  const auto state = ledger_.snapshot(kPool)->state;
  EXPECT_EQ(state.next_number, 2) << "launch numbers are never reused, whatever was pruned";
}

TEST_P(LedgerContract, PruningLeavesWhatIsOpenDeadOrYoung) {
  queue_job(1);
  queue_job(2);
  ASSERT_TRUE(ledger_.bury(2, {"gave up", true, kNow}).has_value());
  JobEvent late = event(3, JobStatus::completed);
  late.seen_at = kNow + 1h;
  record(late);
  const RunnerName living = runner_in(Phase::stopping);
  const RunnerName young = gone_runner(kNow + 1h);
  Batch closed = **ledger_.batch(young);
  closed.open = false;
  ASSERT_TRUE(ledger_.update(closed, kNow + 1h, "closed").has_value());

  prune_all(ledger_, kNow + 1h, kNow + 24h);
  for (const JobId id : {1, 2, 3}) EXPECT_TRUE(ledger_.job(id)->has_value()) << id;
  EXPECT_TRUE(job(2).dead);
  EXPECT_FALSE(lines(core::job_subject(2)).empty());
  EXPECT_TRUE(ledger_.runner(living)->has_value());
  EXPECT_TRUE(ledger_.runner(young)->has_value());
  EXPECT_TRUE(ledger_.batch(living)->has_value()) << "its batch is open";
  EXPECT_TRUE(ledger_.batch(closed.id)->has_value());
  EXPECT_EQ(live(), 1);
}

TEST_P(LedgerContract, PruningTakesExpiredNotesOnly) {
  const auto put = [&](const char* key, core::Time expires) {
    ASSERT_TRUE(ledger_.put({.key = key, .value = "", .at = kNow, .expires = expires}).has_value());
  };
  put("for ever", {});
  put("valid", kNow + 48h);
  put("expired", kNow + 1h);
  prune_all(ledger_, kNow + 1s, kNow + 24h);
  EXPECT_TRUE(ledger_.note("for ever")->has_value());
  EXPECT_TRUE(ledger_.note("valid")->has_value());
  EXPECT_FALSE(ledger_.note("expired")->has_value());
}

TEST_P(LedgerContract, PruningGoesOnUntilAllIsGone) {
  std::vector<JobEvent> events;
  for (JobId id = 1; id <= home_->many(); ++id) events.push_back(event(id, JobStatus::completed));
  ASSERT_TRUE(ledger_.record(events).has_value());
  prune_all(ledger_, kNow + 1s, kNow + 24h);
  EXPECT_TRUE(ledger_.jobs({})->empty());
}

}  // namespace jitney::contract
