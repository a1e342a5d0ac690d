// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/render.hpp"

#include <algorithm>

#include "core/plan.hpp"
#include "net/rfc3339.hpp"

namespace jitney::app {

namespace json = boost::json;

namespace {

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value number_or_null(std::int64_t number) {
  return number == 0 ? json::value(nullptr) : json::value(number);
}

json::array texts(std::span<const std::string> all) {
  json::array array;
  for (const std::string& one : all) array.emplace_back(one);
  return array;
}

std::int64_t count(const core::Snapshot& snapshot, core::JobStatus status) {
  return std::ranges::count(snapshot.jobs, status, &core::Job::status);
}

std::int64_t count(const core::Snapshot& snapshot, core::Phase phase) {
  return std::ranges::count(snapshot.runners, phase, &core::Runner::phase);
}

}  // namespace

json::value time_json(core::Time time) {
  return time == core::Time{} ? json::value(nullptr) : json::value(net::format_rfc3339_ms(time));
}

json::object job_json(const core::Job& job) {
  json::value dead = nullptr;
  if (job.dead) {
    dead = json::object{{"cause", job.dead->cause},
                        {"permanent", job.dead->permanent},
                        {"at", time_json(job.dead->at)}};
  }
  return {{"id", job.id},
          {"name", job.name},
          {"workflow", text_or_null(job.workflow)},
          {"repository", job.repository},
          {"run_id", job.run_id},
          {"run_attempt", job.run_attempt},
          {"github", job.scope},
          {"labels", texts(job.labels)},
          {"pool", text_or_null(job.pool)},
          {"ignored", text_or_null(job.ignored)},
          {"status", core::to_string(job.status)},
          {"conclusion", text_or_null(job.conclusion)},
          {"runner", text_or_null(job.runner_name)},
          {"created_at", time_json(job.created_at)},
          {"queued_at", time_json(job.queued_at)},
          {"started_at", time_json(job.started_at)},
          {"completed_at", time_json(job.completed_at)},
          {"not_before", time_json(job.not_before)},
          {"failures", job.failures},
          {"last_error", text_or_null(job.last_error)},
          {"dead", std::move(dead)},
          {"redrives", job.redrives}};
}

json::object runner_json(const core::Runner& runner) {
  return {{"name", runner.name},
          {"pool", runner.pool},
          {"number", runner.number},
          {"batch", runner.batch},
          {"launched_for", number_or_null(runner.launched_for)},
          {"phase", core::to_string(runner.phase)},
          {"phase_since", time_json(runner.phase_since)},
          {"created_at", time_json(runner.created_at)},
          {"machine", text_or_null(runner.machine)},
          {"github_runner_id", number_or_null(runner.forge_id)},
          {"job", number_or_null(runner.job)},
          {"exit_code", runner.exit_code ? json::value(*runner.exit_code) : json::value(nullptr)},
          {"reason", text_or_null(runner.reason)}};
}

json::object pool_json(const core::Pool& pool, const core::Snapshot& snapshot,
                       const std::optional<core::Note>& hold, core::Time now) {
  const core::Plan plan = core::plan(pool, snapshot, {}, now);
  json::value held = nullptr;
  if (hold && hold->expires > now) {
    held = json::object{{"why", hold->value}, {"until", time_json(hold->expires)}};
  }
  json::object phases;
  for (const core::Phase phase :
       {core::Phase::planned, core::Phase::launched, core::Phase::ready, core::Phase::starting,
        core::Phase::registered, core::Phase::busy, core::Phase::stopping}) {
    phases[core::to_string(phase)] = count(snapshot, phase);
  }
  return {{"name", pool.name},
          {"labels", texts(pool.labels)},
          {"github", pool.scope},
          {"repositories", texts(pool.repositories)},
          {"runner_group", pool.runner_group},
          {"max", pool.max},
          {"warm", pool.warm},
          {"live", plan.live},
          {"demand", plan.demand},
          {"supply", plan.supply},
          {"jobs", json::object{{"waiting", count(snapshot, core::JobStatus::waiting)},
                                {"queued", count(snapshot, core::JobStatus::queued)},
                                {"in_progress", count(snapshot, core::JobStatus::in_progress)}}},
          {"runners", std::move(phases)},
          {"held", std::move(held)}};
}

json::object batch_json(const core::Batch& batch) {
  json::array jobs;
  for (const core::JobId job : batch.jobs) jobs.emplace_back(job);
  return {{"id", batch.id},
          {"pool", batch.pool},
          {"runners", texts(batch.runners)},
          {"jobs", std::move(jobs)},
          {"rung", batch.rung},
          {"tries", batch.tries},
          {"created_at", time_json(batch.created_at)},
          {"deadline", time_json(batch.deadline)},
          {"next_try", time_json(batch.next_try)},
          {"waiting", text_or_null(batch.waiting)},
          {"open", batch.open}};
}

json::object dead_letter_json(const core::DeadLetter& letter) {
  return {{"id", letter.id},           {"kind", core::to_string(letter.message.kind)},
          {"key", letter.message.key}, {"detail", text_or_null(letter.message.detail)},
          {"cause", letter.cause},     {"at", time_json(letter.at)}};
}

json::array timeline_json(std::span<const core::TimelineEntry> entries) {
  json::array lines;
  for (const core::TimelineEntry& entry : entries) {
    lines.push_back(json::object{
        {"at", time_json(entry.at)}, {"subject", entry.subject}, {"text", entry.text}});
  }
  return lines;
}

json::object explanation_json(const core::Explanation& explanation) {
  return {{"waits_for", core::to_string(explanation.waits_for)},
          {"sentence", explanation.sentence},
          {"until", explanation.until ? time_json(*explanation.until) : json::value(nullptr)}};
}

}  // namespace jitney::app
