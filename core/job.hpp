// SPDX-License-Identifier: Apache-2.0
// One GitHub `workflow_job`, and how events change it. Pure; immutable values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"

namespace jitney::core {

using JobId = std::int64_t;      // GitHub's `workflow_job.id`, unique over all of GitHub
using RunnerName = std::string;  // <deployment>-<pool>-<launch number>: id, and name on GitHub

// Only ever rises. `waiting` (a deployment gate) is no demand.
enum class JobStatus { waiting, queued, in_progress, completed };

std::string_view to_string(JobStatus status);
std::optional<JobStatus> parse_job_status(std::string_view text);  // GitHub's words; "pending" and
                                                                   // "requested" read as waiting

// Why a job will get no runner any more. A dead job is no demand.
struct Death {
  std::string cause;       // readable by a person at night
  bool permanent = false;  // true: `move_jobs` must not redrive it
  Time at{};
  friend bool operator==(const Death&, const Death&) = default;
};

// What GitHub told us about a job, by webhook, poll or question. Times are GitHub's.
struct JobEvent {
  JobId id = 0;
  JobStatus status = JobStatus::queued;
  std::string scope;       // name of the forge scope that told us: [[github]] name
  std::string repository;  // owner/name
  std::int64_t run_id = 0;
  std::int64_t run_attempt = 1;
  std::string name;
  std::string workflow;
  std::vector<std::string> labels;
  RunnerName runner_name;      // may be empty: the job never reached a runner
  std::int64_t runner_id = 0;  // forge id of that runner, 0 if none
  std::string conclusion;      // success, failure, cancelled, ...; empty unless completed
  Time created_at{};
  Time started_at{};
  Time completed_at{};
  Time seen_at{};      // when this process learnt of it
  std::string source;  // "webhook <delivery id>", "poll", "check"

  // Filled in by `autoscaler` from the configuration, before `Ledger::record`.
  std::string pool;     // empty: no pool covers it
  std::string ignored;  // why, when `pool` is empty
};

struct Job {
  JobId id = 0;
  JobStatus status = JobStatus::waiting;
  std::string scope;
  std::string repository;
  std::int64_t run_id = 0;
  std::int64_t run_attempt = 1;
  std::string name;
  std::string workflow;
  std::vector<std::string> labels;
  std::string pool;  // empty: ignored, `ignored` says why
  std::string ignored;
  RunnerName runner_name;  // who took it, as GitHub says; may be a runner that is not ours
  std::string conclusion;
  Time created_at{};  // GitHub's clock
  Time queued_at{};   // first seen as queued, our clock
  Time started_at{};
  Time completed_at{};
  Time not_before{};                      // no launch for it until then
  int failures = 0;                       // failed launches and starts since the last redrive
  std::vector<std::string> failure_keys;  // what was counted already: makes counting idempotent
  std::string last_error;                 // the failure that set `not_before`
  std::optional<Death> dead;
  int redrives = 0;
  Time checked_at{};  // last asked of GitHub

  [[nodiscard]] bool open() const {
    return status != JobStatus::completed && !dead && !pool.empty();
  }
  // Wants a runner now.
  [[nodiscard]] bool demand(Time now) const {
    return status == JobStatus::queued && !dead && !pool.empty() && not_before <= now;
  }
  friend bool operator==(const Job&, const Job&) = default;
};

// The job after `event`; `job` is null when it is unknown so far. Returns nullopt when nothing
// changes: late, repeated and out-of-order events change nothing that is already further on, but
// may fill in what was unknown (a runner name). A completed job is never dead: GitHub's word is the
// last.
std::optional<Job> apply(const Job* job, const JobEvent& event);

// `[retry] delays`: after failure n the job waits delays[n-1]; one failure more and it is dead.
struct RetryPolicy {
  std::vector<Duration> delays;
};

// The job after one failed launch or start. `key` names the attempt (batch and rung, or runner):
// the same key is counted once. A permanent fault kills at once, but for `unauthorized`:
// credentials are mended without touching the job, so it waits its delays, and dies so that
// `move_jobs` finds it. Returns nullopt when nothing changes: counted already, or the job no longer
// waits for a runner.
std::optional<Job> after_failure(const Job& job, const std::string& key, const Error& error,
                                 const RetryPolicy& policy, Time now);

// The job given another life by a person or by `move_jobs`; nullopt if it is not dead.
std::optional<Job> redriven(const Job& job, Time now);

// The job given up at once; nullopt if it is completed, or dead for good already.
std::optional<Job> buried(const Job& job, const Death& death);

// Only a person's act can end it: invalid, unauthorized, not_found.
bool is_permanent(Fault fault);

}  // namespace jitney::core
