// SPDX-License-Identifier: Apache-2.0
// The REST side. The runners' side: hub_runners.cpp; webhooks: hub_webhooks.cpp.
#include "sim/world/hub.hpp"

#include <algorithm>

namespace jitney::sim {

using core::fail;
using core::Fault;
using namespace std::chrono_literals;

namespace {

constexpr const char* kOrganization = "acme";
constexpr std::size_t kLongestName = 64;
const Scope kScope{ScopeKind::organization, kOrganization};

Rules rules() {
  Rules rules;
  rules.idle = 2min;  // at its shortest: the more often an idle runner goes, the more phantoms show
  rules.offline_after = 2min;
  rules.lost_after = 5min;
  rules.accept_within = 2min;
  return rules;
}

core::JobStatus status_of(Status status) {
  switch (status) {
    case Status::waiting:
      return core::JobStatus::waiting;
    case Status::queued:
      return core::JobStatus::queued;
    case Status::in_progress:
      return core::JobStatus::in_progress;
    case Status::completed:
      return core::JobStatus::completed;
  }
  return core::JobStatus::waiting;
}

Fault fault_of(Refused refused) {
  switch (refused) {
    case Refused::duplicate_name:
      return Fault::conflict;
    case Refused::group_full:
      return Fault::no_capacity;
    case Refused::no_group:
    case Refused::foreign_group:
    case Refused::no_scope:
      return Fault::not_found;
  }
  return Fault::not_found;
}

// "owner/name" and nothing else.
bool well_formed(const std::string& repository) {
  const std::size_t slash = repository.find('/');
  return slash != repository.npos && slash > 0 && slash + 1 < repository.size() &&
         repository.find('/', slash + 1) == repository.npos;
}

core::Registration registration_of(const World& world, const Runner& runner) {
  return {
      .id = runner.id, .name = runner.name, .online = world.online(runner), .busy = runner.busy()};
}

}  // namespace

Hub::Hub(Scheduler& scheduler, Random& random, const Mix& mix, std::string deployment, Hooks hooks,
         const std::vector<std::string>& repositories, const Pace& pace)
    : scheduler_(scheduler),
      random_(random),
      mix_(mix),
      pace_(pace),
      deployment_(std::move(deployment)),
      hooks_(std::move(hooks)),
      world_(rules(), random.fork()),
      limits_(random.chance(mix.few_calls) ? random.between(150, 500) : 5'000, scheduler.now(),
              pace) {
  for (const std::string& name : repositories) world_.add_repository(name, scheduler_.now());
}

core::Status Hub::usable(CallKind kind) {
  ++calls_;
  if (outage_) return fail(Fault::transient, "github is unreachable");
  if (auto ok = limits_.spend(kind, scheduler_.now()); !ok) return ok;
  if (random_.chance(mix_.throttled)) {
    return fail(Fault::throttled, "secondary rate limit",
                random_.between(core::Duration(5s), core::Duration(90s)));
  }
  return {};
}

core::JobEvent Hub::event_of(const Job& job) const {
  core::JobEvent event;
  event.id = job.id;
  event.status = status_of(job.status);
  event.scope = kOrganization;
  event.repository = world_.repository(job.repository)->full_name();
  event.run_id = job.run_id;
  event.run_attempt = job.attempt;
  event.name = job.name;
  event.labels = job.labels;
  event.runner_name = job.runner_name;
  event.runner_id = job.runner_id;
  event.conclusion = job.conclusion;
  event.created_at = job.created_at;
  event.started_at = job.started_at;
  event.completed_at = job.completed_at;
  event.seen_at = scheduler_.now();
  return event;
}

core::Result<core::Minted> Hub::mint(const core::RunnerName& name,
                                     std::span<const std::string> labels, std::int64_t group) {
  if (auto ok = usable(CallKind::create); !ok) return std::unexpected(ok.error());
  if (labels.empty() || name.empty() || name.size() > kLongestName) {
    return fail(Fault::invalid, "generate-jitconfig: 422 for " + name);
  }
  const auto made = world_.add_runner({.scope = kScope,
                                       .name = name,
                                       .group_id = group,
                                       .labels = {labels.begin(), labels.end()},
                                       .ephemeral = true},
                                      scheduler_.now());
  if (!made) {
    return fail(fault_of(made.error()), "generate-jitconfig refused for " + name);
  }
  return core::Minted{.id = (*made)->id,
                      .jit = core::Secret(std::string(kJitMark) + std::to_string((*made)->id))};
}

core::Result<std::optional<core::Registration>> Hub::find(const core::RunnerName& name) {
  if (auto ok = usable(CallKind::read); !ok) return std::unexpected(ok.error());
  for (const auto& [id, runner] : world_.runners()) {
    if (runner.name == name) return registration_of(world_, runner);
  }
  return std::nullopt;
}

core::Result<core::Removal> Hub::remove(core::ForgeId id) {
  if (auto ok = usable(CallKind::write); !ok) return std::unexpected(ok.error());
  const Runner* runner = world_.runner(id);
  if (runner != nullptr && runner->foreign) ++foreign_removed_;
  switch (world_.remove_runner(id, scheduler_.now())) {
    case Removal::removed:
      return core::Removal::removed;
    case Removal::absent:
      return core::Removal::absent;
    case Removal::busy:
      return core::Removal::busy;
  }
  return core::Removal::absent;
}

core::Result<std::vector<core::Registration>> Hub::runners() {
  if (auto ok = usable(CallKind::read); !ok) return std::unexpected(ok.error());
  std::vector<core::Registration> all;
  for (const auto& [id, runner] : world_.runners()) {
    if (runner.name.starts_with(deployment_ + "-")) all.push_back(registration_of(world_, runner));
  }
  return all;
}

const Repository* Hub::repository(const std::string& name) const { return world_.repository(name); }

core::Result<core::JobEvent> Hub::job(const std::string& repository_name, core::JobId id) {
  if (!well_formed(repository_name)) return fail(Fault::invalid, "no repository name");
  if (auto ok = usable(CallKind::read); !ok) return std::unexpected(ok.error());
  const Repository* const where = repository(repository_name);
  const Job* job = std::as_const(world_).job(id);
  if (where == nullptr || job == nullptr || job->repository != where->id) {
    return fail(Fault::not_found, "no job " + std::to_string(id) + " in " + repository_name);
  }
  return event_of(*job);
}

core::Result<std::vector<core::JobEvent>> Hub::run_jobs(const std::string& repository_name,
                                                        std::int64_t run) {
  if (!well_formed(repository_name)) return fail(Fault::invalid, "no repository name");
  if (auto ok = usable(CallKind::read); !ok) return std::unexpected(ok.error());
  const Repository* const where = repository(repository_name);
  const Run* found = world_.run(run);
  if (where == nullptr || found == nullptr || found->repository != where->id) {
    return fail(Fault::not_found, "no run " + std::to_string(run) + " in " + repository_name);
  }
  std::vector<core::JobEvent> events;
  for (const std::int64_t id : found->jobs) {
    const Job& job = world_.jobs().at(id);
    if (job.attempt == found->attempt) events.push_back(event_of(job));
  }
  return events;
}

core::Result<std::vector<std::string>> Hub::repositories() {
  if (auto ok = usable(CallKind::read); !ok) return std::unexpected(ok.error());
  std::vector<std::string> names;
  for (const Repository& repository : world_.repositories())
    names.push_back(repository.full_name());
  return names;
}

core::Result<std::vector<core::JobEvent>> Hub::open_jobs(const std::string& repository_name) {
  if (!well_formed(repository_name)) return fail(Fault::invalid, "no repository name");
  if (auto ok = usable(CallKind::read); !ok) return std::unexpected(ok.error());
  const Repository* const where = repository(repository_name);
  if (where == nullptr) return fail(Fault::not_found, "no repository " + repository_name);
  std::vector<core::JobEvent> events;
  for (const auto& [id, run] : world_.runs()) {
    if (run.repository != where->id || run.status == Status::completed) continue;
    const auto jobs = run_jobs(repository_name, id);
    if (!jobs) return jobs;
    events.insert(events.end(), jobs->begin(), jobs->end());
  }
  return events;
}

}  // namespace jitney::sim
