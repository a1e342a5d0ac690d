// SPDX-License-Identifier: Apache-2.0
#include "sim/world/story.hpp"

#include <algorithm>

namespace jitney::sim {

namespace {

constexpr std::size_t kLines = 40;
constexpr std::string_view kRunner = "runner:";
constexpr std::string_view kBatch = "batch:";
constexpr std::string_view kPool = "pool:";

void add_new(std::vector<std::string>& subjects, std::string subject) {
  if (std::ranges::find(subjects, subject) == subjects.end())
    subjects.push_back(std::move(subject));
}

void add_kin_of_runner(core::Ledger& ledger, const core::RunnerName& name,
                       std::vector<std::string>& all) {
  const auto runner = ledger.runner(name);
  if (!runner || !*runner) return;
  const core::JobId job = (*runner)->job != 0 ? (*runner)->job : (*runner)->launched_for;
  if (job != 0) add_new(all, core::job_subject(job));
  add_new(all, core::batch_subject((*runner)->batch));
  add_new(all, core::pool_subject((*runner)->pool));
}

void add_kin_of_batch(core::Ledger& ledger, const core::BatchId& id,
                      std::vector<std::string>& all) {
  const auto batch = ledger.batch(id);
  if (!batch || !*batch) return;
  for (const core::JobId job : (*batch)->jobs) add_new(all, core::job_subject(job));
  for (const core::RunnerName& name : (*batch)->runners) add_new(all, core::runner_subject(name));
  add_new(all, core::pool_subject((*batch)->pool));
}

// With each runner and batch those that it belongs to.
std::vector<std::string> with_kin(core::Ledger& ledger, const std::vector<std::string>& subjects) {
  std::vector<std::string> all;
  for (const std::string& subject : subjects) {
    add_new(all, subject);
    if (subject.starts_with(kRunner)) {
      add_kin_of_runner(ledger, subject.substr(kRunner.size()), all);
    } else if (subject.starts_with(kBatch)) {
      add_kin_of_batch(ledger, subject.substr(kBatch.size()), all);
    }
  }
  return all;
}

void add_timeline(core::Ledger& ledger, const std::string& subject,
                  std::vector<std::string>& story) {
  const auto timeline = ledger.timeline(subject);
  if (!timeline) return;
  const std::size_t from = timeline->size() > kLines ? timeline->size() - kLines : 0;
  for (std::size_t i = from; i < timeline->size(); ++i) {
    const core::TimelineEntry& entry = (*timeline)[i];
    story.push_back(std::to_string(entry.at.time_since_epoch().count()) + " " + entry.text);
  }
}

void add_pool(core::Ledger& ledger, std::string_view pool, std::vector<std::string>& story) {
  const auto snapshot = ledger.snapshot(pool);
  if (!snapshot) return;
  std::string jobs = "open jobs:", runners = "live runners:";
  for (const core::Job& job : snapshot->jobs) {
    jobs += " " + std::to_string(job.id) + " " + std::string(core::to_string(job.status));
  }
  for (const core::Runner& runner : snapshot->runners) {
    runners += " " + runner.name + " " + std::string(core::to_string(runner.phase));
  }
  story.push_back(jobs);
  story.push_back(runners + "; counted " + std::to_string(snapshot->state.live));
}

}  // namespace

std::vector<std::string> tell_story(core::Ledger& ledger,
                                    const std::vector<std::string>& subjects) {
  std::vector<std::string> story;
  for (const std::string& subject : with_kin(ledger, subjects)) {
    story.push_back(subject);
    add_timeline(ledger, subject, story);
    if (subject.starts_with(kPool)) add_pool(ledger, subject.substr(kPool.size()), story);
  }
  return story;
}

}  // namespace jitney::sim
