// SPDX-License-Identifier: Apache-2.0
// Owners, repositories, runs and jobs. Runners and dispatch: runners.cpp.
#include "sim/github/world.hpp"

#include <algorithm>
#include <utility>

#include "net/crypto.hpp"

namespace jitney::sim {

using core::fail;
using core::Fault;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && lower_case(a) == lower_case(b);
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::waiting:
      return "waiting";
    case Status::queued:
      return "queued";
    case Status::in_progress:
      return "in_progress";
    case Status::completed:
      return "completed";
  }
  return "";
}

World::World(Rules rules, std::uint64_t seed) : rules_(rules), random_(seed) {}

void World::add_organization(const std::string& login, const std::string& enterprise, Time now) {
  const auto found = std::ranges::find_if(
      organizations_, [&](const Organization& o) { return same_name(o.login, login); });
  if (found != organizations_.end()) {
    if (!enterprise.empty()) found->enterprise = enterprise;
    return;
  }
  Organization organization;
  organization.id = next_thing_++;
  organization.login = login;
  organization.enterprise = enterprise;
  organization.created_at = now;
  organizations_.push_back(std::move(organization));
}

const Repository& World::add_repository(const std::string& full_name, Time now) {
  if (const Repository* found = repository(full_name)) return *found;
  const std::size_t slash = full_name.find('/');
  Repository made;
  made.owner = full_name.substr(0, slash);
  made.name = slash == std::string::npos ? full_name : full_name.substr(slash + 1);
  made.created_at = now;
  add_organization(made.owner, "", now);
  made.id = next_thing_++;
  return repositories_.emplace_back(std::move(made));
}

Group& World::add_group(const std::string& organization, const std::string& name) {
  add_organization(organization, "", Time{});
  const auto owner = std::ranges::find_if(
      organizations_, [&](const Organization& o) { return same_name(o.login, organization); });
  // Ids of groups are unique over organisations, so that one can be "not yours".
  std::int64_t id = 2;
  for (const Organization& o : organizations_) {
    for (const Group& g : o.groups) id = std::max(id, g.id + 1);
  }
  return owner->groups.emplace_back(Group{.id = id, .name = name, .repositories = {}});
}

const Repository* World::repository(const std::string& full_name) const {
  const auto at = std::ranges::find_if(
      repositories_, [&](const Repository& r) { return same_name(r.full_name(), full_name); });
  return at == repositories_.end() ? nullptr : &*at;
}

const Repository* World::repository(std::int64_t id) const {
  const auto at = std::ranges::find(repositories_, id, &Repository::id);
  return at == repositories_.end() ? nullptr : &*at;
}

const Organization* World::organization(const std::string& login) const {
  const auto at = std::ranges::find_if(
      organizations_, [&](const Organization& o) { return same_name(o.login, login); });
  return at == organizations_.end() ? nullptr : &*at;
}

const Run* World::run(std::int64_t id) const {
  const auto at = runs_.find(id);
  return at == runs_.end() ? nullptr : &at->second;
}

const Job* World::job(std::int64_t id) const {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : &at->second;
}

Job* World::job(std::int64_t id) {
  const auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : &at->second;
}

void World::tell(const std::string& action, const Job& about) {
  events_.push_back(
      Event{.of_run = false, .action = action, .run = runs_.at(about.run_id), .job = about});
}

void World::tell(const std::string& action, const Run& about) {
  events_.push_back(Event{.of_run = true, .action = action, .run = about, .job = {}});
}

std::vector<Event> World::take_events() { return std::exchange(events_, {}); }

Job World::make_job(const Run& run, const JobSpec& spec, Time now) {
  Job made;
  made.id = next_job_++;
  made.run_id = run.id;
  made.attempt = run.attempt;
  made.repository = run.repository;
  made.name = spec.name;
  made.labels = spec.labels;
  made.env = spec.env;
  made.status = spec.waiting ? Status::waiting : Status::queued;
  made.created_at = now;
  made.steps.push_back(Step{.name = "Set up job", .run = ""});
  for (const std::string& command : spec.steps) {
    made.steps.push_back(
        Step{.name = "Run " + command.substr(0, command.find('\n')), .run = command});
  }
  made.steps.push_back(Step{.name = "Complete job", .run = ""});
  return made;
}

void World::enter(Job& entering, Time now) {
  if (entering.status == Status::queued) {
    entering.queued_at = now;
    queued_.insert(entering.id);
  }
  tell(std::string(to_string(entering.status)), entering);
}

core::Result<std::int64_t> World::queue(const WorkflowSpec& spec, Time now) {
  const Repository* where = repository(spec.repository);
  if (where == nullptr) {
    return fail(Fault::not_found, "no repository " + spec.repository + " in this simulation");
  }
  if (spec.jobs.empty()) return fail(Fault::invalid, "a workflow needs at least one job");
  for (const JobSpec& wish : spec.jobs) {
    if (wish.labels.empty()) return fail(Fault::invalid, "job " + wish.name + " has no labels");
  }
  Run made;
  made.id = next_run_++;
  made.repository = where->id;
  made.workflow = spec.name;
  made.workflow_id = 90'000'000 + where->id % 1'000'000;
  made.number = 1 + std::ranges::count_if(
                        runs_, [&](const auto& r) { return r.second.repository == where->id; });
  made.event = spec.event;
  made.branch = spec.branch;
  made.sha = net::hex(net::sha256(std::to_string(made.id))).substr(0, 40);
  made.created_at = made.started_at = made.updated_at = now;
  Run& placed = runs_.emplace(made.id, std::move(made)).first->second;
  tell("requested", placed);
  for (const JobSpec& wish : spec.jobs) {
    Job job = make_job(placed, wish, now);
    placed.jobs.push_back(job.id);
    enter(jobs_.emplace(job.id, std::move(job)).first->second, now);
  }
  return placed.id;
}

core::Status World::approve(std::int64_t id, Time now) {
  Job* found = job(id);
  if (found == nullptr) return fail(Fault::not_found, "no job " + std::to_string(id));
  if (found->status != Status::waiting) {
    return fail(Fault::conflict, "job " + std::to_string(id) + " does not wait for approval");
  }
  found->status = Status::queued;
  enter(*found, now);
  return {};
}

core::Status World::cancel_job(std::int64_t id, Time now) {
  Job* found = job(id);
  if (found == nullptr) return fail(Fault::not_found, "no job " + std::to_string(id));
  if (found->status == Status::completed) {
    return fail(Fault::conflict, "job " + std::to_string(id) + " is over already");
  }
  found->cancel_requested = true;
  if (found->status != Status::in_progress) end(*found, "cancelled", "", now);
  return {};
}

core::Status World::cancel_run(std::int64_t id, Time now) {
  const Run* found = run(id);
  if (found == nullptr) return fail(Fault::not_found, "no run " + std::to_string(id));
  if (found->status == Status::completed) {
    return fail(Fault::conflict, "Cannot cancel a workflow run that is completed.");
  }
  for (const std::int64_t each : std::vector(found->jobs)) {
    if (jobs_.at(each).status == Status::completed) continue;
    if (const core::Status status = cancel_job(each, now); !status) return status;
  }
  return {};
}

core::Status World::rerun(std::int64_t id, bool failed_only, Time now) {
  const auto at = runs_.find(id);
  if (at == runs_.end()) return fail(Fault::not_found, "no run " + std::to_string(id));
  Run& again = at->second;
  if (again.status != Status::completed) {
    return fail(Fault::conflict, "This workflow run is still going on and cannot be re-run.");
  }
  std::map<std::string, const Job*> latest;  // by name: the last attempt wins
  std::vector<std::string> order;
  for (const std::int64_t each : again.jobs) {
    const Job& old = jobs_.at(each);
    if (!latest.contains(old.name)) order.push_back(old.name);
    latest[old.name] = &old;
  }
  ++again.attempt;
  again.status = Status::queued;
  again.conclusion.clear();
  again.started_at = again.updated_at = now;
  tell("requested", again);
  for (const std::string& name : order) {
    const Job& old = *latest[name];
    if (failed_only && old.conclusion == "success") continue;
    JobSpec spec{.name = old.name, .labels = old.labels, .steps = {}, .env = old.env};
    for (const Step& step : old.steps) {
      if (!step.run.empty()) spec.steps.push_back(step.run);
    }
    Job job = make_job(again, spec, now);
    again.jobs.push_back(job.id);
    enter(jobs_.emplace(job.id, std::move(job)).first->second, now);
  }
  settle(again, now);
  return {};
}

void World::begin(Job& job, Runner& runner, Time now) {
  job.status = Status::in_progress;
  job.started_at = now;
  job.runner_id = runner.id;
  job.runner_name = runner.name;
  job.group_id = runner.group_id;
  job.group_name = runner.group_name;
  job.steps.front().status = Status::in_progress;
  job.steps.front().started_at = now;
  Run& run = runs_.at(job.run_id);
  if (run.status != Status::in_progress) {
    run.status = Status::in_progress;
    run.updated_at = now;
    tell("in_progress", run);
  }
  tell("in_progress", job);
}

void World::end(Job& job, const std::string& conclusion, const std::string& annotation, Time now) {
  if (job.status != Status::in_progress) {
    // It never ran: whoever was about to take it goes back to waiting.
    queued_.erase(job.id);
    for (auto& [id, runner] : runners_) {
      if (runner.job == job.id) {
        runner.job = 0;
        runner.told = false;
        runner.idle_since = now;
      }
    }
  }
  job.status = Status::completed;
  job.conclusion = conclusion;
  job.annotation = annotation;
  job.completed_at = now;
  for (Step& step : job.steps) {
    if (job.started_at == Time{}) break;
    if (step.status != Status::completed) {
      step.conclusion = conclusion == "success" ? "success" : "cancelled";
    }
    step.status = Status::completed;
    if (step.started_at == Time{}) step.started_at = now;
    if (step.completed_at == Time{}) step.completed_at = now;
  }
  tell("completed", job);
  settle(runs_.at(job.run_id), now);
}

// A run is over when its last attempt's jobs are.
void World::settle(Run& run, Time now) {
  std::string conclusion = "success";
  for (const std::int64_t id : run.jobs) {
    const Job& job = jobs_.at(id);
    if (job.attempt != run.attempt) continue;
    if (job.status != Status::completed) return;
    if (job.conclusion == "failure" || (job.conclusion == "cancelled" && conclusion == "success")) {
      conclusion = job.conclusion;
    }
  }
  run.status = Status::completed;
  run.conclusion = conclusion;
  run.updated_at = now;
  tell("completed", run);
}

}  // namespace jitney::sim
