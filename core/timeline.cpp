// SPDX-License-Identifier: Apache-2.0
#include "core/timeline.hpp"

namespace jitney::core {

std::string job_change(const Job* before, const Job& after, const JobEvent& event) {
  std::string text;
  if (before == nullptr || before->status != after.status) {
    text = to_string(after.status);
    if (after.status == JobStatus::completed && !after.conclusion.empty()) {
      text += " with " + after.conclusion;
    }
    if (after.status >= JobStatus::in_progress && !after.runner_name.empty()) {
      text += " on " + after.runner_name;
    }
  } else if (before->pool != after.pool) {
    text = "now covered by pool " + after.pool;
  } else {
    text = "learnt more of it";
  }
  if (before == nullptr) {
    text += after.pool.empty() ? "; ignored: " + after.ignored : "; pool " + after.pool;
  }
  if (before != nullptr && before->dead && !after.dead) text += "; no longer given up";
  return text + (event.source.empty() ? "" : " (" + event.source + ")");
}

std::string job_failure(const Job& after) {
  if (after.dead) return job_death(*after.dead);
  return "attempt " + std::to_string(after.failures) + " failed: " + after.last_error;
}

std::string job_death(const Death& death) { return "given up: " + death.cause; }

std::string runner_change(const Runner& before, const Runner& after, Event event) {
  std::string text(to_string(event));
  if (before.phase != after.phase) {
    text = std::string(to_string(after.phase)) + " (" + text + ")";
  }
  if (before.machine != after.machine) text += ", machine " + after.machine;
  if (before.forge_id != after.forge_id) {
    text += ", registered as " + std::to_string(after.forge_id);
  }
  if (before.job != after.job) text += ", job " + std::to_string(after.job);
  if (!before.exit_code && after.exit_code) {
    text += ", exit code " + std::to_string(*after.exit_code);
  }
  if (before.reason != after.reason && !after.reason.empty()) text += ": " + after.reason;
  return text;
}

std::string claim_text(const Batch& batch) {
  std::string text = "claimed " + std::to_string(batch.runners.size()) + " runner" +
                     (batch.runners.size() == 1 ? "" : "s") + " for pool " + batch.pool;
  if (batch.jobs.empty()) return text;
  return text + ", because of " + std::to_string(batch.jobs.size()) +
         (batch.jobs.size() == 1 ? " job" : " jobs");
}

namespace {

bool wants_runner(const Job& job) {
  return job.status == JobStatus::queued && !job.dead && !job.pool.empty();
}

}  // namespace

bool lowers_demand(const Job* before, const Job& after) {
  if (before == nullptr || !wants_runner(*before)) return false;
  return !wants_runner(after) || after.not_before > before->not_before;
}

bool lowers_supply(const Runner& before, const Runner& after) {
  return before.supply() && !after.supply();
}

}  // namespace jitney::core
