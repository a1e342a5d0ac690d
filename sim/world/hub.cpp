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

core::Registration registration_of(const World& world, const Runner& runner) {
  return {
      .id = runner.id, .name = runner.name, .online = world.online(runner), .busy = runner.busy()};
}

}  // namespace

Hub::Hub(Scheduler& scheduler, Random& random, const Mix& mix, std::string deployment, Hooks hooks)
    : scheduler_(scheduler),
      random_(random),
      mix_(mix),
      deployment_(std::move(deployment)),
      hooks_(std::move(hooks)),
      world_(rules(), random.fork()) {
  world_.add_repository("acme/widgets", scheduler_.now());
  world_.add_repository("acme/gadgets", scheduler_.now());
}

core::Status Hub::usable() {
  ++calls_;
  if (outage_) return fail(Fault::transient, "github is unreachable");
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
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  const auto made = world_.add_runner({.scope = kScope,
                                       .name = name,
                                       .group_id = group,
                                       .labels = {labels.begin(), labels.end()},
                                       .ephemeral = true},
                                      scheduler_.now());
  if (!made) {
    return fail(made.error() == Refused::duplicate_name ? Fault::conflict : Fault::not_found,
                "generate-jitconfig refused for " + name);
  }
  return core::Minted{.id = (*made)->id, .jit = core::Secret(std::to_string((*made)->id))};
}

core::Result<std::optional<core::Registration>> Hub::find(const core::RunnerName& name) {
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  for (const auto& [id, runner] : world_.runners()) {
    if (runner.name == name) return registration_of(world_, runner);
  }
  return std::nullopt;
}

core::Result<core::Removal> Hub::remove(core::ForgeId id) {
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  const Runner* runner = world_.runner(id);
  if (runner != nullptr && !runner->name.starts_with(deployment_ + "-")) ++foreign_removed_;
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
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  std::vector<core::Registration> all;
  for (const auto& [id, runner] : world_.runners()) {
    if (runner.name.starts_with(deployment_ + "-")) all.push_back(registration_of(world_, runner));
  }
  return all;
}

core::Result<core::JobEvent> Hub::job(const std::string&, core::JobId id) {
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  const Job* job = std::as_const(world_).job(id);
  if (job == nullptr) return fail(Fault::not_found, "no job " + std::to_string(id));
  return event_of(*job);
}

core::Result<std::vector<core::JobEvent>> Hub::run_jobs(const std::string&, std::int64_t run) {
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  const Run* found = world_.run(run);
  if (found == nullptr) return fail(Fault::not_found, "no run " + std::to_string(run));
  std::vector<core::JobEvent> events;
  for (const std::int64_t id : found->jobs) events.push_back(event_of(world_.jobs().at(id)));
  return events;
}

core::Result<std::vector<std::string>> Hub::repositories() {
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  std::vector<std::string> names;
  for (const Repository& repository : world_.repositories())
    names.push_back(repository.full_name());
  return names;
}

core::Result<std::vector<core::JobEvent>> Hub::open_jobs(const std::string& repository) {
  if (auto ok = usable(); !ok) return std::unexpected(ok.error());
  std::vector<core::JobEvent> events;
  for (const auto& [id, job] : world_.jobs()) {
    if (job.status == Status::completed) continue;
    core::JobEvent event = event_of(job);
    if (event.repository == repository) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace jitney::sim
