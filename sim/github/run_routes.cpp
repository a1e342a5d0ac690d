// SPDX-License-Identifier: Apache-2.0
// Workflow runs and their jobs.
#include <algorithm>
#include <map>
#include <ranges>

#include "sim/github/rest.hpp"

namespace jitney::sim {
namespace {

const Run* run_here(const Exchange& e) {
  const Run* run = e.state.world.run(e.id(2));
  const Repository* where = e.state.world.repository(e.full_name());
  return run != nullptr && run->repository == where->id ? run : nullptr;
}

const Job* job_here(const Exchange& e) {
  const Job* job = std::as_const(e.state.world).job(e.id(2));
  const Repository* where = e.state.world.repository(e.full_name());
  return job != nullptr && job->repository == where->id ? job : nullptr;
}

net::Response list_runs(Exchange& e) {
  const Repository* where = e.state.world.repository(e.full_name());
  const std::optional<std::string> status = e.request.query("status");
  const std::optional<std::string> branch = e.request.query("branch");
  const std::optional<std::string> event = e.request.query("event");
  std::vector<json::value> items;
  for (const auto& [id, run] : std::views::reverse(e.state.world.runs())) {
    if (run.repository != where->id || (branch && run.branch != *branch) ||
        (event && run.event != *event) ||
        (status && to_string(run.status) != *status && run.conclusion != *status)) {
      continue;
    }
    items.emplace_back(e.bodies.run(run));
  }
  return page_of(e, "workflow_runs", items);
}

net::Response get_run(Exchange& e) {
  const Run* run = run_here(e);
  return run == nullptr ? not_found() : json_answer(200, e.bodies.run(*run));
}

net::Response list_run_jobs(Exchange& e) {
  const Run* run = run_here(e);
  if (run == nullptr) return not_found();
  const bool all = e.request.query("filter").value_or("latest") == "all";
  std::map<std::string, std::int64_t> latest;  // by name; the last attempt wins
  for (const std::int64_t id : run->jobs) {
    latest[std::as_const(e.state.world).job(id)->name] =
        std::max(latest[std::as_const(e.state.world).job(id)->name], id);
  }
  std::vector<json::value> items;
  for (const std::int64_t id : run->jobs) {
    const Job& job = *std::as_const(e.state.world).job(id);
    const bool superseded = job.attempt < run->attempt && latest[job.name] > id;
    if (all || !superseded) items.emplace_back(e.bodies.job(job, false));
  }
  return page_of(e, "jobs", items);
}

net::Response list_attempt_jobs(Exchange& e) {
  const Run* run = run_here(e);
  if (run == nullptr || e.id(3) < 1 || e.id(3) > run->attempt) return not_found();
  std::vector<json::value> items;
  for (const std::int64_t id : run->jobs) {
    const Job& job = *std::as_const(e.state.world).job(id);
    if (job.attempt == e.id(3)) items.emplace_back(e.bodies.job(job, false));
  }
  return page_of(e, "jobs", items);
}

net::Response get_job(Exchange& e) {
  const Job* job = job_here(e);
  return job == nullptr ? not_found() : json_answer(200, e.bodies.job(*job, false));
}

net::Response changed(const core::Status& status, int success) {
  if (status) return json_answer(success, json::object());
  return status.error().fault == core::Fault::not_found
             ? not_found()
             : refusal(success == 202 ? 409 : 403, status.error().what);
}

net::Response cancel_run(Exchange& e) {
  const Run* run = run_here(e);
  if (run == nullptr) return not_found();
  return changed(e.state.world.cancel_run(run->id, e.now), 202);
}

net::Response rerun(Exchange& e) {
  const Run* run = run_here(e);
  if (run == nullptr) return not_found();
  return changed(e.state.world.rerun(run->id, false, e.now), 201);
}

net::Response rerun_failed(Exchange& e) {
  const Run* run = run_here(e);
  if (run == nullptr) return not_found();
  return changed(e.state.world.rerun(run->id, true, e.now), 201);
}

}  // namespace

const std::vector<Route>& run_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/repos/{owner}/{repo}/actions/runs", list_runs},
      {"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}", get_run},
      {"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs", list_run_jobs},
      {"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
       list_attempt_jobs},
      {"GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}", get_job},
      {"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel", cancel_run},
      {"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun", rerun},
      {"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs", rerun_failed},
  };
  return kRoutes;
}

}  // namespace jitney::sim
