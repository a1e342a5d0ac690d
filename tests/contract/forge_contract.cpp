// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/forge_contract.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

namespace jitney::contract {

using core::Fault;
using core::JobEvent;
using core::JobStatus;
using core::Removal;
using namespace std::chrono_literals;

namespace {

template <class T>
Fault fault_of(const core::Result<T>& outcome) {
  EXPECT_FALSE(outcome);
  return outcome ? Fault::cancelled : outcome.error().fault;
}

}  // namespace

TEST_P(ForgeContract, AMintedRunnerIsFoundByItsNameUntilItIsRemoved) {
  const std::vector<std::string> labels{"cpu", "x64"};
  const auto minted = forge_.mint("prod-cpu-1", labels, 1);
  ASSERT_TRUE(minted) << minted.error().what;
  EXPECT_GT(minted->id, 0);
  EXPECT_FALSE(minted->jit.empty());

  const auto found = forge_.find("prod-cpu-1");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, minted->id);
  EXPECT_EQ((*found)->name, "prod-cpu-1");
  EXPECT_FALSE((*found)->online);
  EXPECT_FALSE((*found)->busy);

  EXPECT_EQ(forge_.remove(minted->id), Removal::removed);
  EXPECT_EQ(forge_.find("prod-cpu-1").value(), std::nullopt);
  EXPECT_EQ(forge_.remove(minted->id), Removal::absent);
}

TEST_P(ForgeContract, ANameThatOnlyBeginsAlikeIsNotFound) {
  mint("prod-cpu-10");
  EXPECT_EQ(forge_.find("prod-cpu-1").value(), std::nullopt);
  EXPECT_EQ(forge_.find("prod-cpu").value(), std::nullopt);
  EXPECT_EQ(forge_.find("a&b=c d%").value(), std::nullopt);
}

TEST_P(ForgeContract, EveryMintGivesAnotherSecret) {
  const std::vector<std::string> labels{"cpu"};
  const auto one = forge_.mint("prod-cpu-1", labels, 1);
  const auto two = forge_.mint("prod-cpu-2", labels, 1);
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->id, two->id);
  EXPECT_NE(one->jit.reveal(), two->jit.reveal());
}

TEST_P(ForgeContract, ATakenNameIsAConflictAndFreeAgainAfterRemoval) {
  const core::ForgeId id = mint("prod-cpu-1");
  const std::vector<std::string> labels{"cpu"};
  EXPECT_EQ(fault_of(forge_.mint("prod-cpu-1", labels, 1)), Fault::conflict);
  EXPECT_EQ(forge_.remove(id), Removal::removed);
  EXPECT_TRUE(forge_.mint("prod-cpu-1", labels, 1));
}

TEST_P(ForgeContract, WhatCannotBeMintedSaysWhy) {
  const std::vector<std::string> labels{"cpu"};
  EXPECT_EQ(fault_of(forge_.mint("prod-cpu-1", {}, 1)), Fault::invalid);
  EXPECT_EQ(fault_of(forge_.mint(std::string(65, 'x'), labels, 1)), Fault::invalid);
  EXPECT_EQ(fault_of(forge_.mint("prod-cpu-1", labels, 999)), Fault::not_found);
  mint("prod-cpu-1");
  home_->fill_group();
  EXPECT_EQ(fault_of(forge_.mint("prod-cpu-2", labels, 1)), Fault::no_capacity);
  EXPECT_EQ(forge_.runners()->size(), 1U);
}

TEST_P(ForgeContract, ListsOurRunnersAndThoseOfNobodyElse) {
  std::set<std::string> expected;
  for (int i = 0; i < 130; ++i) {  // more than one page
    const std::string name = "prod-cpu-" + std::to_string(i);
    mint(name);
    expected.insert(name);
  }
  mint("production-cpu-1");
  mint("other");
  const auto listed = forge_.runners();
  ASSERT_TRUE(listed) << listed.error().what;
  std::set<std::string> names;
  for (const auto& each : *listed) names.insert(each.name);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(listed->size(), expected.size());
}

TEST_P(ForgeContract, ABusyRunnerIsNotRemovedAndOneWhoseJobEndedIsGone) {
  const core::ForgeId id = mint("prod-cpu-1");
  home_->connect(id);
  EXPECT_TRUE(forge_.find("prod-cpu-1").value().value().online);
  const JobEvent job = queue_one();
  home_->take(job.id, id);
  EXPECT_EQ(forge_.remove(id), Removal::busy);
  const auto listed = forge_.runners();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_TRUE(listed->front().online);
  EXPECT_TRUE(listed->front().busy);
  home_->finish(job.id);
  EXPECT_EQ(forge_.remove(id), Removal::absent);
}

TEST_P(ForgeContract, TellsAJobFromTheQueueToItsEnd) {
  const JobEvent queued = queue_one();
  EXPECT_EQ(queued.status, JobStatus::queued);
  EXPECT_EQ(queued.repository, kRepository);
  EXPECT_EQ(queued.labels, std::vector<std::string>{"cpu"});
  EXPECT_EQ(queued.run_attempt, 1);
  EXPECT_FALSE(queued.name.empty());
  EXPECT_EQ(queued.runner_name, "");
  EXPECT_EQ(queued.conclusion, "");
  EXPECT_NE(queued.created_at, core::Time{});
  EXPECT_EQ(queued.started_at, core::Time{});
  EXPECT_EQ(queued.scope, "acme");

  const core::ForgeId runner = mint("prod-cpu-1");
  home_->connect(runner);
  home_->take(queued.id, runner);
  const auto running = forge_.job(kRepository, queued.id);
  ASSERT_TRUE(running) << running.error().what;
  EXPECT_EQ(running->status, JobStatus::in_progress);
  EXPECT_EQ(running->runner_name, "prod-cpu-1");
  EXPECT_EQ(running->runner_id, runner);
  EXPECT_NE(running->started_at, core::Time{});
  EXPECT_EQ(running->run_id, queued.run_id);

  home_->finish(queued.id);
  const auto done = forge_.job(kRepository, queued.id);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, JobStatus::completed);
  EXPECT_EQ(done->conclusion, "success");
  EXPECT_EQ(done->runner_name, "prod-cpu-1");
  EXPECT_NE(done->completed_at, core::Time{});
}

TEST_P(ForgeContract, AJobThatNeverReachedARunnerNamesNone) {
  const JobEvent job = queue_one();
  home_->cancel(job.id);
  const auto cancelled = forge_.job(kRepository, job.id);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->status, JobStatus::completed);
  EXPECT_EQ(cancelled->conclusion, "cancelled");
  EXPECT_EQ(cancelled->runner_name, "");
  EXPECT_EQ(cancelled->runner_id, 0);
}

TEST_P(ForgeContract, WhatGitHubDoesNotKnowIsNotFound) {
  const JobEvent job = queue_one();
  EXPECT_EQ(fault_of(forge_.job(kRepository, job.id + 1'000'000)), Fault::not_found);
  EXPECT_EQ(fault_of(forge_.job("acme/other", job.id)), Fault::not_found);
  EXPECT_EQ(fault_of(forge_.run_jobs(kRepository, job.run_id + 1'000'000)), Fault::not_found);
  EXPECT_EQ(fault_of(forge_.open_jobs("acme/other")), Fault::not_found);
  for (const std::string name : {"", "acme", "acme/shop/../x"}) {
    EXPECT_EQ(fault_of(forge_.job(name, job.id)), Fault::invalid) << name;
    EXPECT_EQ(fault_of(forge_.run_jobs(name, job.run_id)), Fault::invalid) << name;
    EXPECT_EQ(fault_of(forge_.open_jobs(name)), Fault::invalid) << name;
  }
}

TEST_P(ForgeContract, OpenJobsAreThoseOfRunsThatAreNotOver) {
  EXPECT_TRUE(forge_.open_jobs(kRepository).value().empty());
  const std::int64_t over = home_->queue({{"cpu"}});
  home_->cancel(jobs_of(over).front().id);
  const std::int64_t waiting = home_->queue({{"cpu"}, {"gpu"}});
  const std::int64_t running = home_->queue({{"big"}, {"big"}});
  home_->cancel(jobs_of(running).front().id);

  const auto open = forge_.open_jobs(kRepository);
  ASSERT_TRUE(open) << open.error().what;
  std::map<std::int64_t, std::vector<JobStatus>> by_run;
  for (const JobEvent& job : *open) by_run[job.run_id].push_back(job.status);
  EXPECT_EQ(by_run.size(), 2U);
  EXPECT_EQ(by_run[waiting], (std::vector{JobStatus::queued, JobStatus::queued}));
  // One that ended is told too: where webhooks are polled for, nothing else tells it.
  EXPECT_EQ(by_run[running], (std::vector{JobStatus::completed, JobStatus::queued}));
}

TEST_P(ForgeContract, AllPagesOfJobsAreRead) {
  const std::vector<std::vector<std::string>> many(130, {"cpu"});
  const std::int64_t run = home_->queue(many);
  std::set<core::JobId> ids;
  for (const JobEvent& job : jobs_of(run)) ids.insert(job.id);
  EXPECT_EQ(ids.size(), 130U);
  EXPECT_EQ(forge_.open_jobs(kRepository).value().size(), 130U);
}

TEST_P(ForgeContract, KnowsItsRepositories) {
  EXPECT_EQ(forge_.repositories().value(), std::vector<std::string>{kRepository});
}

TEST_P(ForgeContract, AFailedDeliveryIsToldUntilItsRedeliverySucceeds) {
  const core::Time start = home_->now() - 1min;
  EXPECT_TRUE(forge_.failed_deliveries(start).value().failed.empty());
  home_->fail_delivery();
  const auto told = forge_.failed_deliveries(start);
  ASSERT_TRUE(told) << told.error().what;
  ASSERT_EQ(told->failed.size(), 1U);
  EXPECT_GT(told->failed[0].id, 0);
  EXPECT_FALSE(told->failed[0].guid.empty());
  EXPECT_GE(told->failed[0].at, start);
  EXPECT_GE(told->seen_until, start);
  EXPECT_LE(told->seen_until, home_->now() + 1s);
  EXPECT_TRUE(forge_.failed_deliveries(home_->now() + 1h).value().failed.empty());

  const auto asked = forge_.redeliver(told->failed[0].id);
  ASSERT_TRUE(asked) << asked.error().what;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!forge_.failed_deliveries(start).value().failed.empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "still failed";
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(fault_of(forge_.redeliver(1)), Fault::not_found);
}

TEST_P(ForgeContract, AnOutageIsAPassingFaultOfEveryCallAndChangesNothing) {
  const core::ForgeId id = mint("prod-cpu-1");
  const JobEvent job = queue_one();
  const std::vector<std::string> labels{"cpu"};
  home_->outage(true);
  EXPECT_EQ(fault_of(forge_.mint("prod-cpu-2", labels, 1)), Fault::transient);
  EXPECT_EQ(fault_of(forge_.find("prod-cpu-1")), Fault::transient);
  EXPECT_EQ(fault_of(forge_.remove(id)), Fault::transient);
  EXPECT_EQ(fault_of(forge_.runners()), Fault::transient);
  EXPECT_EQ(fault_of(forge_.job(kRepository, job.id)), Fault::transient);
  EXPECT_EQ(fault_of(forge_.run_jobs(kRepository, job.run_id)), Fault::transient);
  EXPECT_EQ(fault_of(forge_.open_jobs(kRepository)), Fault::transient);
  EXPECT_EQ(fault_of(forge_.failed_deliveries(core::Time{})), Fault::transient);
  EXPECT_EQ(fault_of(forge_.redeliver(1)), Fault::transient);
  home_->outage(false);
  ASSERT_EQ(forge_.runners().value().size(), 1U);
  EXPECT_EQ(forge_.remove(id), Removal::removed);
}

TEST_P(ForgeContract, TheBudgetIsUnknownAtFirstAndThenShrinks) {
  EXPECT_FALSE(forge_.budget());
  ASSERT_TRUE(forge_.find("prod-cpu-1"));
  const auto before = forge_.budget();
  ASSERT_TRUE(before);
  EXPECT_GT(before->limit, 0);
  EXPECT_GT(before->resets_at, home_->now() - 1min);
  ASSERT_TRUE(forge_.find("prod-cpu-1"));
  EXPECT_LT(forge_.budget()->remaining, before->remaining);
}

}  // namespace jitney::contract
