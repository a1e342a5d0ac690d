// SPDX-License-Identifier: Apache-2.0
#include "core/job.hpp"

#include <algorithm>

namespace jitney::core {

std::string_view to_string(JobStatus status) {
  switch (status) {
    case JobStatus::waiting:
      return "waiting";
    case JobStatus::queued:
      return "queued";
    case JobStatus::in_progress:
      return "in_progress";
    case JobStatus::completed:
      return "completed";
  }
  return "unknown";
}

std::optional<JobStatus> parse_job_status(std::string_view text) {
  if (text == "queued") return JobStatus::queued;
  if (text == "in_progress") return JobStatus::in_progress;
  if (text == "completed") return JobStatus::completed;
  if (text == "waiting" || text == "pending" || text == "requested") return JobStatus::waiting;
  return std::nullopt;
}

bool is_permanent(Fault fault) {
  return fault == Fault::invalid || fault == Fault::unauthorized || fault == Fault::not_found;
}

namespace {

Job first_sight(const JobEvent& event) {
  Job job;
  job.id = event.id;
  job.scope = event.scope;
  job.repository = event.repository;
  job.run_id = event.run_id;
  job.run_attempt = event.run_attempt;
  job.name = event.name;
  job.workflow = event.workflow;
  job.labels = event.labels;
  job.created_at = event.created_at;
  return job;
}

// An event that comes late, or twice, may still know what an earlier one left out.
void fill_unknown(Job& job, const JobEvent& event) {
  if (job.runner_name.empty()) job.runner_name = event.runner_name;
  if (job.workflow.empty()) job.workflow = event.workflow;
  if (job.started_at == Time{} && event.status >= JobStatus::in_progress) {
    job.started_at = event.started_at;
  }
  if (job.pool.empty() && job.status != JobStatus::completed) {
    job.pool = event.pool;
    job.ignored = event.pool.empty() ? event.ignored : "";
  }
}

void raise(Job& job, const JobEvent& event) {
  job.status = event.status;
  switch (event.status) {
    case JobStatus::waiting:
      break;
    case JobStatus::queued:
      job.queued_at = event.seen_at;
      break;
    case JobStatus::in_progress:
      job.dead.reset();
      break;
    case JobStatus::completed:
      job.dead.reset();
      job.conclusion = event.conclusion;
      job.completed_at = event.completed_at == Time{} ? event.seen_at : event.completed_at;
      break;
  }
}

}  // namespace

std::optional<Job> apply(const Job* job, const JobEvent& event) {
  Job after = job != nullptr ? *job : first_sight(event);
  fill_unknown(after, event);
  if (job == nullptr || event.status > job->status) {
    raise(after, event);
    fill_unknown(after, event);
  }
  if (job != nullptr && after == *job) return std::nullopt;
  return after;
}

std::optional<Job> after_failure(const Job& job, const std::string& key, const Error& error,
                                 const RetryPolicy& policy, Time now) {
  if (job.status != JobStatus::queued || job.dead) return std::nullopt;
  if (std::ranges::find(job.failure_keys, key) != job.failure_keys.end()) return std::nullopt;
  Job after = job;
  after.failures += 1;
  after.failure_keys.push_back(key);
  after.last_error = error.what;
  if (is_permanent(error.fault) && error.fault != Fault::unauthorized) {
    after.dead = Death{.cause = error.what, .permanent = true, .at = now};
  } else if (static_cast<std::size_t>(after.failures) > policy.delays.size()) {
    after.dead = Death{.cause = "gave up after " + std::to_string(after.failures) +
                                " failed attempts; the last: " + error.what,
                       .permanent = false,
                       .at = now};
  } else {
    after.not_before = now + policy.delays[static_cast<std::size_t>(after.failures) - 1];
  }
  return after;
}

std::optional<Job> buried(const Job& job, const Death& death) {
  if (job.status == JobStatus::completed) return std::nullopt;
  if (job.dead && (job.dead->permanent || !death.permanent)) return std::nullopt;
  Job after = job;
  after.dead = death;
  return after;
}

std::optional<Job> redriven(const Job& job, Time now) {
  if (!job.dead) return std::nullopt;
  Job after = job;
  after.dead.reset();
  after.failures = 0;
  after.failure_keys.clear();
  after.not_before = now;
  after.redrives += 1;
  return after;
}

}  // namespace jitney::core
