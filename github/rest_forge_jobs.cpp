// SPDX-License-Identifier: Apache-2.0
// Jobs, runs and the repositories they are in.
#include <boost/json/value.hpp>
#include <set>

#include "github/job_body.hpp"
#include "github/rest_forge.hpp"
#include "net/json.hpp"
#include "net/log.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;
using core::Fault;
using core::JobEvent;

constexpr int kJobPages = 20;
constexpr int kRunPages = 10;  // GitHub shows 1000 runs of a search and no more
constexpr int kRepositoryPages = 100;

core::Status check_repository(const std::string& repository) {
  if (is_repository(repository)) return {};
  return core::fail(Fault::invalid, "\"" + bounded(repository, 200) + "\" is no owner/name");
}

}  // namespace

core::Result<JobEvent> RestForge::read(const bj::value& job, const std::string& repository,
                                       std::string_view source) const {
  auto event = read_job(job, repository);
  if (!event) return event;
  // GitHub fills in a start for jobs that have not started.
  if (event->status < core::JobStatus::in_progress) event->started_at = {};
  event->scope = options_.scope;
  event->source = source;
  event->seen_at = clock_.now();
  return event;
}

core::Result<JobEvent> RestForge::job(const std::string& repository, core::JobId id) {
  if (auto status = check_repository(repository); !status) {
    return std::unexpected(std::move(status.error()));
  }
  const std::string path = "/repos/" + repository + "/actions/jobs/" + std::to_string(id);
  const auto answer =
      session_->call_json({.route = "/repos/{owner}/{repo}/actions/jobs/{job_id}", .path = path});
  if (!answer) return std::unexpected(answer.error());
  auto event = read(*answer, repository, "check");
  // What cannot be read may be readable next time; a verdict on the job it is not.
  if (!event) return core::fail(Fault::transient, "GET " + path + ": " + event.error().what);
  return event;
}

core::Result<std::vector<JobEvent>> RestForge::jobs_of_run(const std::string& repository,
                                                           std::int64_t run,
                                                           std::string_view source) {
  std::vector<JobEvent> events;
  const auto status = session_->all_pages(
      {.route = "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
       .path = "/repos/" + repository + "/actions/runs/" + std::to_string(run) +
               "/jobs?filter=latest&per_page=100"},
      "jobs", kJobPages, [&](const bj::value& job) {
        auto event = read(job, repository, source);
        if (event) {
          events.push_back(*std::move(event));
        } else {
          // One that cannot be read must not hide the others.
          net::log(net::LogLevel::warning, "a job of GitHub's list cannot be read",
                   {{"repository", repository}, {"run", run}, {"error", event.error().what}});
        }
        return true;
      });
  if (!status) return std::unexpected(status.error());
  return events;
}

core::Result<std::vector<JobEvent>> RestForge::run_jobs(const std::string& repository,
                                                        std::int64_t run) {
  if (auto status = check_repository(repository); !status) {
    return std::unexpected(std::move(status.error()));
  }
  return jobs_of_run(repository, run, "check");
}

core::Result<std::vector<JobEvent>> RestForge::open_jobs(const std::string& repository) {
  if (auto status = check_repository(repository); !status) {
    return std::unexpected(std::move(status.error()));
  }
  std::set<std::int64_t> runs;
  // A run waits while one of its jobs does; others of it may be queued.
  for (const std::string state : {"queued", "in_progress", "waiting"}) {
    const auto status = session_->all_pages(
        {.route = "/repos/{owner}/{repo}/actions/runs",
         .path = "/repos/" + repository + "/actions/runs?per_page=100&status=" + state},
        "workflow_runs", kRunPages, [&](const bj::value& run) {
          if (const auto id = net::get_int(run, "id"); id && *id > 0) runs.insert(*id);
          return true;
        });
    if (!status) return std::unexpected(status.error());
  }
  std::vector<JobEvent> events;
  for (const std::int64_t run : runs) {  // the oldest first
    auto jobs = jobs_of_run(repository, run, "poll");
    if (!jobs && jobs.error().fault == Fault::not_found) continue;  // deleted since
    if (!jobs) return jobs;
    events.insert(events.end(), std::make_move_iterator(jobs->begin()),
                  std::make_move_iterator(jobs->end()));
  }
  return events;
}

core::Result<std::vector<std::string>> RestForge::repositories() {
  const Endpoint& endpoint = session_->endpoint();
  Call call;
  std::string_view key;
  switch (endpoint.kind) {
    case ScopeKind::repository:
      return std::vector{endpoint.full_name()};
    case ScopeKind::enterprise:
      return std::vector<std::string>{};  // GitHub has no such list; pools name them
    case ScopeKind::organization:
      if (session_->is_app()) {
        call.route = call.path = "/installation/repositories";
        key = "repositories";
      } else {
        call.route = "/orgs/{org}/repos";
        call.path = scope_path("/repos");
      }
      break;
  }
  call.path += "?per_page=100";
  std::vector<std::string> names;
  // A list that is cut off is better than none: what `poll` finds is what no webhook told.
  const auto end = session_->pages(call, key, kRepositoryPages, [&](const bj::value& repository) {
    auto name = net::get_string_or(repository, "full_name", "");
    // Nothing runs in archived repositories.
    if (is_repository(name) && !net::get_bool(repository, "archived").value_or(false)) {
      names.push_back(std::move(name));
    }
    return true;
  });
  if (!end) return std::unexpected(end.error());
  return names;
}

}  // namespace jitney::github
