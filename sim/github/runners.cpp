// SPDX-License-Identifier: Apache-2.0
// The part of World that knows registrations, sessions and dispatch.
#include <algorithm>

#include "net/crypto.hpp"
#include "sim/github/world.hpp"

namespace jitney::sim {
namespace {

constexpr std::size_t kDepartedKept = 100'000;

std::string new_uuid(std::mt19937_64& random) {
  std::string bytes;
  for (int word = 0; word < 2; ++word) {
    const std::uint64_t value = random();
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>((value >> shift) & 0xff));
    }
  }
  const std::string digits = net::hex(bytes);
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-4" + digits.substr(13, 3) + "-a" +
         digits.substr(17, 3) + "-" + digits.substr(20, 12);
}

}  // namespace

bool World::has_scope(const Scope& scope) const {
  switch (scope.kind) {
    case ScopeKind::repository:
      return repository(scope.name) != nullptr;
    case ScopeKind::organization:
      return organization(scope.name) != nullptr;
    case ScopeKind::enterprise:
      return std::ranges::any_of(organizations_, [&](const Organization& o) {
        return !scope.name.empty() && same_name(o.enterprise, scope.name);
      });
  }
  return false;
}

const Group* World::group(const Scope& scope, std::int64_t id) const {
  static const Group kDefault;
  if (scope.kind != ScopeKind::organization) return id == 1 ? &kDefault : nullptr;
  const Organization* owner = organization(scope.name);
  if (owner == nullptr) return nullptr;
  const auto at = std::ranges::find(owner->groups, id, &Group::id);
  return at == owner->groups.end() ? nullptr : &*at;
}

Runner* World::runner(std::int64_t id) {
  const auto at = runners_.find(id);
  return at == runners_.end() ? nullptr : &at->second;
}

Runner* World::runner_of_session(std::int64_t session) {
  const auto at = sessions_.find(session);
  return at == sessions_.end() ? nullptr : runner(at->second);
}

std::expected<Runner*, Refused> World::add_runner(const Registering& wish, Time now) {
  if (!has_scope(wish.scope)) return std::unexpected(Refused::no_scope);
  const Group* where = group(wish.scope, wish.group_id);
  if (where == nullptr) {
    const bool elsewhere =
        wish.group_id == 2 || std::ranges::any_of(organizations_, [&](const Organization& o) {
          return std::ranges::find(o.groups, wish.group_id, &Group::id) != o.groups.end();
        });
    return std::unexpected(elsewhere ? Refused::foreign_group : Refused::no_group);
  }
  std::size_t members = 0;
  for (const auto& [id, other] : runners_) {
    if (!(other.scope.kind == wish.scope.kind && same_name(other.scope.name, wish.scope.name))) {
      continue;
    }
    if (same_name(other.name, wish.name)) return std::unexpected(Refused::duplicate_name);
    if (other.group_id == wish.group_id) ++members;
  }
  if (members >= rules_.group_size) return std::unexpected(Refused::group_full);
  Runner made;
  made.id = next_runner_++;
  made.name = wish.name;
  made.scope = wish.scope;
  made.group_id = wish.group_id;
  made.group_name = where->name;
  for (const std::string& label : wish.labels) made.labels.push_back(lower_case(label));
  made.client_id = new_uuid(random_);
  made.ephemeral = wish.ephemeral;
  made.created_at = made.seen_at = now;
  return &runners_.emplace(made.id, std::move(made)).first->second;
}

Runner& World::add_foreign(const Registering& wish, Duration work, Time now) {
  Runner made;
  made.id = next_runner_++;
  made.name = wish.name;
  made.scope = wish.scope;
  made.group_id = wish.group_id;
  made.group_name = "Default";
  for (const std::string& label : wish.labels) made.labels.push_back(lower_case(label));
  made.ephemeral = wish.ephemeral;
  made.foreign = true;
  made.foreign_work = work;
  made.polling = true;
  made.created_at = made.seen_at = made.first_online_at = made.idle_since = now;
  return runners_.emplace(made.id, std::move(made)).first->second;
}

Removal World::remove_runner(std::int64_t id, Time now) {
  const Runner* found = runner(id);
  if (found == nullptr) return Removal::absent;
  if (found->busy()) return Removal::busy;
  depart(id, "deleted", now);
  return Removal::removed;
}

void World::depart(std::int64_t id, const std::string& reason, Time now) {
  const auto at = runners_.find(id);
  if (at == runners_.end()) return;
  departed_.push_back(Departed{.id = id, .name = at->second.name, .reason = reason, .at = now});
  if (departed_.size() > kDepartedKept) departed_.pop_front();
  if (at->second.session != 0) sessions_.erase(at->second.session);
  runners_.erase(at);
}

std::expected<std::int64_t, SessionEnd> World::open_session(std::int64_t id, Time now) {
  Runner* found = runner(id);
  if (found == nullptr) return std::unexpected(SessionEnd::gone);
  if (found->session != 0) return std::unexpected(SessionEnd::conflict);
  found->session = next_session_++;
  found->seen_at = found->idle_since = now;
  if (found->first_online_at == Time{}) found->first_online_at = now;
  sessions_[found->session] = id;
  return found->session;
}

void World::close_session(std::int64_t session, Time now) {
  Runner* found = runner_of_session(session);
  sessions_.erase(session);
  if (found == nullptr) return;
  found->session = 0;
  found->polling = false;
  found->seen_at = now;
  if (found->busy() && jobs_.at(found->job).status != Status::in_progress) {
    requeue_or_lose(*found, now);
  }
}

bool World::poll(std::int64_t session, Time now) {
  Runner* found = runner_of_session(session);
  if (found == nullptr) return false;
  found->polling = true;
  found->seen_at = now;
  return true;
}

void World::poll_ended(std::int64_t session, Time now) {
  if (Runner* found = runner_of_session(session)) {
    found->polling = false;
    found->seen_at = now;
  }
}

Job* World::message(std::int64_t session, Time now) {
  Runner* found = runner_of_session(session);
  if (found == nullptr || !found->busy() || found->told) return nullptr;
  found->told = true;
  found->polling = false;
  found->seen_at = now;
  return &jobs_.at(found->job);
}

bool World::start(std::int64_t session, std::int64_t id, Time now) {
  Runner* found = runner_of_session(session);
  if (found == nullptr || found->job != id) return false;
  found->seen_at = now;
  Job& job = jobs_.at(id);
  if (job.status == Status::queued) begin(job, *found, now);
  return job.status == Status::in_progress;
}

Job* World::heartbeat(std::int64_t session, std::int64_t id, Time now) {
  Runner* found = runner_of_session(session);
  if (found == nullptr || found->job != id) return nullptr;
  found->seen_at = now;
  return &jobs_.at(id);
}

bool World::finish(std::int64_t session, std::int64_t id, const std::string& conclusion, Time now) {
  Runner* found = runner_of_session(session);
  if (found == nullptr || found->job != id) return false;
  Job& job = jobs_.at(id);
  if (job.status != Status::in_progress) return false;
  found->job = 0;
  found->told = false;
  found->seen_at = found->idle_since = now;
  if (found->ephemeral) depart(found->id, "job finished", now);
  end(job, conclusion, "", now);
  return true;
}

bool World::serves(const Runner& runner, const Job& job) const {
  const Repository* where = repository(job.repository);
  switch (runner.scope.kind) {
    case ScopeKind::repository:
      if (!same_name(runner.scope.name, where->full_name())) return false;
      break;
    case ScopeKind::organization: {
      if (!same_name(runner.scope.name, where->owner)) return false;
      const Group* its = group(runner.scope, runner.group_id);
      if (its != nullptr && !its->repositories.empty() &&
          !its->repositories.contains(where->full_name())) {
        return false;
      }
      break;
    }
    case ScopeKind::enterprise: {
      const Organization* owner = organization(where->owner);
      if (owner == nullptr || !same_name(owner->enterprise, runner.scope.name)) return false;
      break;
    }
  }
  return std::ranges::all_of(job.labels, [&](const std::string& label) {
    return std::ranges::find(runner.labels, lower_case(label)) != runner.labels.end();
  });
}

// Oldest job first; among the runners that could take it, any: nothing binds a job to a runner.
void World::dispatch(Time now) {
  std::vector<Runner*> idle;
  for (auto& [id, runner] : runners_) {
    if (runner.polling && !runner.busy() && online(runner)) idle.push_back(&runner);
  }
  for (auto at = queued_.begin(); at != queued_.end() && !idle.empty();) {
    Job& job = jobs_.at(*at);
    std::vector<std::size_t> able;
    if (job.queued_at + rules_.dispatch_delay <= now) {
      for (std::size_t i = 0; i < idle.size(); ++i) {
        if (serves(*idle[i], job)) able.push_back(i);
      }
    }
    if (able.empty()) {
      ++at;
      continue;
    }
    const std::size_t chosen = able[random_() % able.size()];
    Runner& runner = *idle[chosen];
    idle.erase(idle.begin() + static_cast<std::ptrdiff_t>(chosen));
    at = queued_.erase(at);
    runner.job = job.id;
    runner.told = runner.foreign;
    job.assigned_at = now;
    ++job.assignments;
    if (runner.foreign) begin(job, runner, now);
  }
}

// The runner went silent. A job it never accepted is queued again; one that it ran is lost.
void World::requeue_or_lose(Runner& runner, Time now) {
  Job& job = jobs_.at(runner.job);
  runner.job = 0;
  runner.told = false;
  runner.idle_since = now;
  if (job.status == Status::queued) {
    queued_.insert(job.id);
    return;
  }
  const std::string name = runner.name;
  if (runner.ephemeral) depart(runner.id, "lost", now);
  end(job, "failure",
      "The self-hosted runner: " + name +
          " lost communication with the server. Verify the machine is running and has a healthy "
          "network connection.",
      now);
}

// True when the registration ended.
bool World::expire(Runner& runner, Time now) {
  if (runner.foreign) return false;
  const Duration silent = now - runner.seen_at;
  if (runner.session != 0 && !runner.polling && !runner.busy() && silent > rules_.offline_after) {
    sessions_.erase(runner.session);
    runner.session = 0;
  }
  if (runner.busy() || !runner.ephemeral) return false;
  if (online(runner) && now - runner.idle_since > rules_.idle) {
    depart(runner.id, "idle", now);
    return true;
  }
  if (!online(runner) && silent > rules_.never_online) {
    depart(runner.id, runner.first_online_at == Time{} ? "never online" : "offline", now);
    return true;
  }
  return false;
}

void World::tick(Time now) {
  dispatch(now);
  std::vector<std::int64_t> ids;
  for (const auto& [id, runner] : runners_) ids.push_back(id);
  for (const std::int64_t id : ids) {
    Runner* each = runner(id);
    if (each == nullptr || expire(*each, now) || !each->busy()) continue;
    Job& job = jobs_.at(each->job);
    if (each->foreign) {
      if (!job.cancel_requested && now - job.started_at < each->foreign_work) continue;
      each->job = 0;
      each->idle_since = now;
      if (each->ephemeral) depart(id, "job finished", now);
      end(job, job.cancel_requested ? "cancelled" : "success", "", now);
      continue;
    }
    const Duration silent = now - each->seen_at;
    const bool accepted = job.status == Status::in_progress;
    if (silent <= (accepted ? rules_.lost_after : rules_.accept_within)) continue;
    if (each->session != 0) sessions_.erase(each->session);
    each->session = 0;
    each->polling = false;
    requeue_or_lose(*each, now);
  }
}

}  // namespace jitney::sim
