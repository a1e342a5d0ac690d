// SPDX-License-Identifier: Apache-2.0
// What core/ledger.hpp promises, as tests. An adapter joins by INSTANTIATE_TEST_SUITE_P with a
// function that makes an empty ledger, and by building ledger_*_contract.cpp into its executable.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "core/ledger.hpp"

namespace jitney::contract {

using namespace std::chrono_literals;
using core::Batch;
using core::Claimed;
using core::Event;
using core::Fault;
using core::Job;
using core::JobEvent;
using core::JobId;
using core::JobStatus;
using core::Phase;
using core::Runner;
using core::RunnerName;

// Owns one ledger and what it stands on; made anew for each test.
class LedgerHome {
 public:
  virtual ~LedgerHome() = default;
  virtual core::Ledger& ledger() = 0;
  // More rows than one call of prune() takes.
  [[nodiscard]] virtual int many() const { return 1300; }
};

struct LedgerMaker {
  const char* name;
  std::unique_ptr<LedgerHome> (*make)();
};
inline std::ostream& operator<<(std::ostream& out, const LedgerMaker& maker) {
  return out << maker.name;
}

inline constexpr core::Time kNow{core::Duration{1'800'000'000'000}};
inline constexpr const char* kPool = "template_cpu";

class LedgerContract : public ::testing::TestWithParam<LedgerMaker> {
 protected:
  LedgerContract() : home_(GetParam().make()), ledger_(home_->ledger()) {}

  static JobEvent event(JobId id, JobStatus status, const RunnerName& runner = "",
                        const std::string& pool = kPool);
  // Each records one event, or claims one batch, and fails the test when that does not succeed.
  core::Recorded record(const JobEvent& event);
  core::Recorded queue_job(JobId id, core::Time seen_at = kNow);
  static Batch batch(std::int64_t first, int count, std::vector<JobId> jobs = {},
                     const std::string& pool = kPool);
  void claim(const Batch& batch);
  Runner advance(const RunnerName& name, Event event, const core::Facts& facts = {},
                 core::Time now = kNow);
  static core::Facts machine(const std::string& id);
  // A runner of the pool that has been brought to `phase` on the usual way.
  RunnerName runner_in(Phase phase);
  RunnerName gone_runner(core::Time at);

  Job job(JobId id);
  Runner runner(const RunnerName& name);
  std::int64_t version(const std::string& pool = kPool);
  int live(const std::string& pool = kPool);
  std::vector<std::string> lines(const std::string& subject);

  std::unique_ptr<LedgerHome> home_;
  core::Ledger& ledger_;
};

inline RunnerName name_of(std::int64_t number, const std::string& pool = kPool) {
  return "ci-" + pool + "-" + std::to_string(number);
}

inline JobEvent LedgerContract::event(JobId id, JobStatus status, const RunnerName& runner,
                                      const std::string& pool) {
  JobEvent event;
  event.id = id;
  event.status = status;
  event.scope = "acme";
  event.repository = "acme/shop";
  event.run_id = 77;
  event.name = "build";
  event.workflow = "ci";
  event.labels = {"self-hosted", pool};
  event.runner_name = runner;
  event.runner_id = runner.empty() ? 0 : 4711;
  event.conclusion = status == JobStatus::completed ? "success" : "";
  event.created_at = kNow - 5s;
  event.seen_at = kNow;
  event.source = "webhook 0b1e";
  event.pool = pool;
  return event;
}

inline core::Recorded LedgerContract::record(const JobEvent& event) {
  auto recorded = ledger_.record({&event, 1});
  EXPECT_TRUE(recorded.has_value()) << recorded.error().what;
  if (!recorded) return {};
  EXPECT_EQ(recorded->size(), 1U);
  return recorded->front();
}

inline core::Recorded LedgerContract::queue_job(JobId id, core::Time seen_at) {
  JobEvent queued = event(id, JobStatus::queued);
  queued.seen_at = seen_at;
  return record(queued);
}

inline Batch LedgerContract::batch(std::int64_t first, int count, std::vector<JobId> jobs,
                                   const std::string& pool) {
  Batch batch;
  batch.id = name_of(first, pool);
  batch.pool = pool;
  for (std::int64_t number = first; number < first + count; ++number) {
    batch.numbers.push_back(number);
    batch.runners.push_back(name_of(number, pool));
  }
  batch.jobs = std::move(jobs);
  batch.request = "{\"count\": " + std::to_string(count) + "}\n\\ \"exact\"";
  batch.created_at = kNow;
  batch.deadline = kNow + 5min;
  return batch;
}

inline void LedgerContract::claim(const Batch& batch) {
  const auto claimed = ledger_.claim(batch, version(batch.pool), 1000);
  ASSERT_TRUE(claimed.has_value()) << claimed.error().what;
  ASSERT_EQ(*claimed, Claimed::ok);
}

inline Runner LedgerContract::advance(const RunnerName& name, Event event, const core::Facts& facts,
                                      core::Time now) {
  auto after = ledger_.advance(name, event, facts, now);
  EXPECT_TRUE(after.has_value()) << after.error().what;
  return after ? *after : Runner{};
}

inline core::Facts LedgerContract::machine(const std::string& id) {
  core::Facts facts;
  facts.machine = id;
  return facts;
}

inline RunnerName LedgerContract::runner_in(Phase phase) {
  const auto snapshot = ledger_.snapshot(kPool);
  EXPECT_TRUE(snapshot.has_value());
  const std::int64_t number = snapshot->state.next_number;
  claim(batch(number, 1));
  const RunnerName name = name_of(number);
  core::Facts lease;
  lease.lease_until = kNow + 2min;
  core::Facts registered;
  registered.forge_id = 4711;
  core::Facts started;
  started.job = 900 + number;
  const std::vector<std::pair<Event, core::Facts>> way = {
      {Event::machine_bound, machine("i-" + std::to_string(number))},
      {Event::machine_answered, {}},
      {Event::start_claimed, lease},
      {Event::start_done, registered},
      {Event::job_started, started},
      {Event::job_ended, started},
      {Event::machine_gone, {}}};
  for (std::size_t step = 0; step < static_cast<std::size_t>(phase); ++step) {
    advance(name, way[step].first, way[step].second);
  }
  EXPECT_EQ(runner(name).phase, phase);
  return name;
}

inline RunnerName LedgerContract::gone_runner(core::Time at) {
  const RunnerName name = runner_in(Phase::ready);
  advance(name, Event::machine_gone, {}, at);
  return name;
}

inline Job LedgerContract::job(JobId id) {
  const auto job = ledger_.job(id);
  EXPECT_TRUE(job.has_value() && job->has_value()) << "job " << id;
  return job && *job ? **job : Job{};
}

inline Runner LedgerContract::runner(const RunnerName& name) {
  const auto runner = ledger_.runner(name);
  EXPECT_TRUE(runner.has_value() && runner->has_value()) << name;
  return runner && *runner ? **runner : Runner{};
}

inline std::int64_t LedgerContract::version(const std::string& pool) {
  const auto snapshot = ledger_.snapshot(pool);
  EXPECT_TRUE(snapshot.has_value());
  return snapshot ? snapshot->state.version : -1;
}

inline int LedgerContract::live(const std::string& pool) {
  const auto snapshot = ledger_.snapshot(pool);
  EXPECT_TRUE(snapshot.has_value());
  return snapshot ? snapshot->state.live : -1;
}

inline std::vector<std::string> LedgerContract::lines(const std::string& subject) {
  const auto entries = ledger_.timeline(subject);
  EXPECT_TRUE(entries.has_value());
  std::vector<std::string> texts;
  if (!entries) return texts;
  for (const core::TimelineEntry& entry : *entries) {
    EXPECT_EQ(entry.subject, subject);
    texts.push_back(entry.text);
  }
  return texts;
}

}  // namespace jitney::contract
