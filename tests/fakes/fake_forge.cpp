// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_forge.hpp"

#include <algorithm>

namespace jitney::fakes {

using core::fail;
using core::Fault;
using core::ForgeId;
using core::JobEvent;
using core::JobId;
using core::JobStatus;
using core::Registration;

namespace {

constexpr std::int64_t kCallsAnHour = 5000;

bool is_repository(const std::string& text) {
  const std::size_t slash = text.find('/');
  return slash != std::string::npos && slash != 0 && slash + 1 < text.size() &&
         text.find('/', slash + 1) == std::string::npos;
}

}  // namespace

FakeForge::FakeForge(Options options, core::Clock& clock)
    : clock_(clock), options_(std::move(options)) {}

void FakeForge::fail_next(Fault fault, int times) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  faults_left_ = times;
}

void FakeForge::outage(bool on) {
  const std::lock_guard lock(mutex_);
  outage_ = on;
}

void FakeForge::group_size(std::size_t size) {
  const std::lock_guard lock(mutex_);
  options_.group_size = size;
}

JobEvent FakeForge::queue(const std::string& repository, std::int64_t run,
                          std::vector<std::string> labels) {
  const std::lock_guard lock(mutex_);
  JobEvent job;
  job.id = ++next_;
  job.run_id = run == 0 ? ++next_ : run;
  job.repository = repository;
  job.name = "job " + std::to_string(job.id);
  job.workflow = "CI";
  job.labels = std::move(labels);
  job.created_at = clock_.now();
  jobs_[job.id] = job;
  return told(job, "webhook fake");
}

void FakeForge::connect(ForgeId runner) {
  const std::lock_guard lock(mutex_);
  if (const auto found = registrations_.find(runner); found != registrations_.end()) {
    found->second.online = true;
  }
}

void FakeForge::take(JobId job, ForgeId runner) {
  const std::lock_guard lock(mutex_);
  const auto registration = registrations_.find(runner);
  const auto found = jobs_.find(job);
  if (registration == registrations_.end() || found == jobs_.end()) return;
  registration->second.online = true;
  registration->second.busy = true;
  found->second.status = JobStatus::in_progress;
  found->second.runner_id = runner;
  found->second.runner_name = registration->second.name;
  found->second.started_at = clock_.now();
}

void FakeForge::finish(JobId job, const std::string& conclusion) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  found->second.status = JobStatus::completed;
  found->second.conclusion = conclusion;
  found->second.completed_at = clock_.now();
  registrations_.erase(found->second.runner_id);
}

void FakeForge::forget(JobId job) {
  const std::lock_guard lock(mutex_);
  jobs_.erase(job);
}

std::int64_t FakeForge::fail_delivery() {
  const std::lock_guard lock(mutex_);
  const std::int64_t id = ++next_;
  deliveries_[id] = {clock_.now(), true};
  return id;
}

void FakeForge::lose_registration(ForgeId id) {
  const std::lock_guard lock(mutex_);
  registrations_.erase(id);
}

std::vector<std::int64_t> FakeForge::redelivered() {
  const std::lock_guard lock(mutex_);
  return redelivered_;
}

std::vector<core::RunnerName> FakeForge::minted() {
  const std::lock_guard lock(mutex_);
  return minted_;
}

std::size_t FakeForge::registrations() {
  const std::lock_guard lock(mutex_);
  return registrations_.size();
}

core::Status FakeForge::enter() {
  if (outage_) return fail(Fault::transient, "GitHub cannot be reached (told to)");
  ++calls_;
  if (faults_left_ == 0) return {};
  --faults_left_;
  return fail(fault_, "GitHub refuses (told to)",
              fault_ == Fault::throttled ? std::optional<core::Duration>(std::chrono::minutes(1))
                                         : std::nullopt);
}

bool FakeForge::knows(const std::string& repository) const {
  return std::ranges::find(options_.repositories, repository) != options_.repositories.end();
}

JobEvent FakeForge::told(JobEvent event, const char* source) const {
  event.scope = options_.scope;
  event.source = source;
  event.seen_at = clock_.now();
  return event;
}

std::vector<JobEvent> FakeForge::of_run(std::int64_t run, const char* source) const {
  std::vector<JobEvent> events;
  for (const auto& [id, job] : jobs_) {
    if (job.run_id == run) events.push_back(told(job, source));
  }
  return events;
}

core::Result<core::Minted> FakeForge::mint(const core::RunnerName& name,
                                           std::span<const std::string> labels,
                                           std::int64_t runner_group) {
  const std::lock_guard lock(mutex_);
  if (auto status = enter(); !status) return std::unexpected(status.error());
  if (name.empty() || name.size() > 64 || labels.empty() || labels.size() > 100) {
    return fail(Fault::invalid, "422: a runner needs a name of 1 to 64 characters and labels");
  }
  if (!options_.groups.contains(runner_group)) {
    return fail(Fault::not_found, "404: no runner group " + std::to_string(runner_group));
  }
  for (const auto& [id, registration] : registrations_) {
    if (registration.name == name) return fail(Fault::conflict, "409: " + name + " exists");
  }
  if (registrations_.size() >= options_.group_size) {
    return fail(Fault::no_capacity, "422: the runner group has reached its limit");
  }
  const ForgeId id = ++next_;
  registrations_[id] = {.id = id, .name = name, .online = false, .busy = false};
  minted_.push_back(name);
  return core::Minted{id, core::Secret("jit of " + name + " " + std::to_string(id))};
}

core::Result<std::optional<Registration>> FakeForge::find(const core::RunnerName& name) {
  const std::lock_guard lock(mutex_);
  if (auto status = enter(); !status) return std::unexpected(status.error());
  for (const auto& [id, registration] : registrations_) {
    if (registration.name == name) return registration;
  }
  return std::nullopt;
}

core::Result<core::Removal> FakeForge::remove(ForgeId id) {
  const std::lock_guard lock(mutex_);
  if (auto status = enter(); !status) return std::unexpected(status.error());
  const auto found = registrations_.find(id);
  if (found == registrations_.end()) return core::Removal::absent;
  if (found->second.busy) return core::Removal::busy;
  registrations_.erase(found);
  return core::Removal::removed;
}

core::Result<std::vector<Registration>> FakeForge::runners() {
  const std::lock_guard lock(mutex_);
  if (auto status = enter(); !status) return std::unexpected(status.error());
  std::vector<Registration> ours;
  for (const auto& [id, registration] : registrations_) {
    if (registration.name.starts_with(options_.deployment + "-")) ours.push_back(registration);
  }
  return ours;
}

core::Result<JobEvent> FakeForge::job(const std::string& repository, JobId id) {
  const std::lock_guard lock(mutex_);
  if (!is_repository(repository)) return fail(Fault::invalid, repository + " is no owner/name");
  if (auto status = enter(); !status) return std::unexpected(status.error());
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.repository != repository || !knows(repository)) {
    return fail(Fault::not_found, "404: no job " + std::to_string(id));
  }
  return told(found->second, "check");
}

core::Result<std::vector<JobEvent>> FakeForge::run_jobs(const std::string& repository,
                                                        std::int64_t run) {
  const std::lock_guard lock(mutex_);
  if (!is_repository(repository)) return fail(Fault::invalid, repository + " is no owner/name");
  if (auto status = enter(); !status) return std::unexpected(status.error());
  auto events = of_run(run, "check");
  if (!knows(repository) || events.empty() || events.front().repository != repository) {
    return fail(Fault::not_found, "404: no run " + std::to_string(run));
  }
  return events;
}

core::Result<std::vector<std::string>> FakeForge::repositories() {
  const std::lock_guard lock(mutex_);
  if (auto status = enter(); !status) return std::unexpected(status.error());
  return options_.repositories;
}

core::Result<std::vector<JobEvent>> FakeForge::open_jobs(const std::string& repository) {
  const std::lock_guard lock(mutex_);
  if (!is_repository(repository)) return fail(Fault::invalid, repository + " is no owner/name");
  if (auto status = enter(); !status) return std::unexpected(status.error());
  if (!knows(repository)) return fail(Fault::not_found, "404: no repository " + repository);
  std::set<std::int64_t> open;
  for (const auto& [id, job] : jobs_) {
    if (job.repository == repository && job.status != JobStatus::completed) open.insert(job.run_id);
  }
  std::vector<JobEvent> events;
  for (const std::int64_t run : open) {
    for (JobEvent& event : of_run(run, "poll")) events.push_back(std::move(event));
  }
  return events;
}

core::Result<core::Deliveries> FakeForge::failed_deliveries(core::Time since) {
  const std::lock_guard lock(mutex_);
  if (auto status = enter(); !status) return std::unexpected(status.error());
  core::Deliveries out;
  out.seen_until = std::max(since, clock_.now());
  for (const auto& [id, delivery] : deliveries_) {
    if (delivery.failed && delivery.at >= since) {
      out.failed.push_back({id, "guid-" + std::to_string(id), delivery.at});
    }
  }
  return out;
}

core::Status FakeForge::redeliver(std::int64_t delivery) {
  const std::lock_guard lock(mutex_);
  if (auto status = enter(); !status) return status;
  const auto found = deliveries_.find(delivery);
  if (found == deliveries_.end()) {
    return fail(Fault::not_found, "404: no delivery " + std::to_string(delivery));
  }
  found->second.failed = false;
  redelivered_.push_back(delivery);
  return {};
}

std::optional<core::CallBudget> FakeForge::budget() {
  const std::lock_guard lock(mutex_);
  if (calls_ == 0) return std::nullopt;
  return core::CallBudget{kCallsAnHour, std::max<std::int64_t>(0, kCallsAnHour - calls_),
                          clock_.now() + std::chrono::hours(1)};
}

}  // namespace jitney::fakes
