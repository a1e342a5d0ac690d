// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/explain_job.hpp"

#include <algorithm>
#include <set>

#include "apps/serve/render.hpp"

namespace jitney::app {

namespace {

// The runner that took the job, and those of ours that were launched for it and still live.
std::set<std::string> subjects_beside(const core::Job& job, const core::Snapshot& snapshot,
                                      const std::optional<core::Runner>& taker) {
  std::set<std::string> subjects;
  if (taker) {
    subjects.insert(core::runner_subject(taker->name));
    subjects.insert(core::batch_subject(taker->batch));
  }
  for (const core::Runner& runner : snapshot.runners) {
    if (runner.launched_for != job.id || taker) continue;
    subjects.insert(core::runner_subject(runner.name));
    subjects.insert(core::batch_subject(runner.batch));
  }
  for (const core::Batch& batch : snapshot.batches) {
    if (std::ranges::find(batch.jobs, job.id) != batch.jobs.end()) {
      subjects.insert(core::batch_subject(batch.id));
    }
  }
  return subjects;
}

}  // namespace

core::Result<JobStory> tell_job(const core::Deployment& deployment, core::Ledger& ledger,
                                const core::Job& job, core::Time now) {
  JobStory story{.job = job, .explanation = {}, .timeline = {}};
  core::Snapshot snapshot;
  if (!job.pool.empty()) {
    auto read = ledger.snapshot(job.pool);
    if (!read) return std::unexpected(read.error());
    snapshot = std::move(*read);
  }
  const auto reasons = core::reasons(ledger, job);
  if (!reasons) return std::unexpected(reasons.error());
  story.explanation = core::explain(deployment, job, snapshot, *reasons, now);

  std::optional<core::Runner> taker;
  if (!job.runner_name.empty()) {
    auto read = ledger.runner(job.runner_name);
    if (!read) return std::unexpected(read.error());
    taker = std::move(*read);
  }
  std::set<std::string> subjects = subjects_beside(job, snapshot, taker);
  subjects.insert(core::job_subject(job.id));
  for (const std::string& subject : subjects) {
    auto lines = ledger.timeline(subject);
    if (!lines) return std::unexpected(lines.error());
    std::ranges::move(*lines, std::back_inserter(story.timeline));
  }
  std::ranges::stable_sort(story.timeline, {}, &core::TimelineEntry::at);
  return story;
}

boost::json::object story_json(const JobStory& story) {
  return {{"job", job_json(story.job)},
          {"explanation", explanation_json(story.explanation)},
          {"timeline", timeline_json(story.timeline)}};
}

}  // namespace jitney::app
