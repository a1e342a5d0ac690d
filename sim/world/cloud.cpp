// SPDX-License-Identifier: Apache-2.0
#include "sim/world/cloud.hpp"

#include <sstream>
#include <utility>

namespace jitney::sim {

using core::Duration;
using core::fail;
using core::Fault;
using namespace std::chrono_literals;

namespace {

constexpr core::Time kNever = core::Time::max();
constexpr int kRungs = 2;  // spot, then on-demand

}  // namespace

Cloud::Cloud(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks)
    : scheduler_(scheduler), random_(random), mix_(mix), hooks_(std::move(hooks)) {}

// "<pool> <batch> <rung> <count>", and a number that differs each time it is composed: a launch
// that is built again instead of replayed shows.
core::Result<std::string> Cloud::compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                         int count) {
  if (rung >= kRungs) return fail(Fault::not_found, "no rung " + std::to_string(rung));
  return pool.name + " " + batch.id + " " + std::to_string(rung) + " " + std::to_string(count) +
         " " + std::to_string(random_.below(1'000'000));
}

Cloud::Instance& Cloud::make(const std::string& pool, const core::BatchId& batch) {
  Instance made;
  made.id = "i-" + std::to_string(100'000 + next_++);
  made.pool = pool;
  made.batch = batch;
  made.launched_at = scheduler_.now();
  made.answers_at = random_.chance(mix_.never_answers)
                        ? kNever
                        : scheduler_.now() + random_.between(Duration(8s), Duration(90s));
  if (random_.chance(mix_.interrupted)) {
    const core::MachineId id = made.id;
    scheduler_.after(random_.between(Duration(5s), Duration(30min)), [this, id] { interrupt(id); });
  }
  return instances_.emplace(made.id, std::move(made)).first->second;
}

core::Result<core::LaunchOutcome> Cloud::launch(const std::string& request,
                                                const std::string& token) {
  const auto [known, first] = requests_.emplace(token, request);
  if (!first && known->second != request) {
    changed_request_seen_ = true;
    return fail(Fault::invalid, "IdempotentParameterMismatch");
  }
  if (first) {
    if (random_.chance(mix_.launch_throttled)) {
      requests_.erase(known);
      return fail(Fault::throttled, "RequestLimitExceeded",
                  random_.between(Duration(1s), Duration(20s)));
    }
    std::istringstream words(request);
    std::string pool;
    core::BatchId batch;
    int rung = 0, count = 0;
    words >> pool >> batch >> rung >> count;
    int given = count;
    if (random_.chance(mix_.no_capacity)) given = random_.between(0, count - 1);
    for (int i = 0; i < given; ++i) by_token_[token].push_back(make(pool, batch).id);
    if (given == 0) by_token_[token] = {};
  }
  core::LaunchOutcome outcome;
  for (const core::MachineId& id : by_token_[token]) {
    outcome.machines.push_back(show(instances_.at(id), scheduler_.now()));
  }
  std::istringstream words(request);
  std::string skip;
  std::size_t count = 0;
  words >> skip >> skip >> skip >> count;
  if (by_token_[token].size() < count) {
    outcome.faults.push_back({Fault::no_capacity, "InsufficientInstanceCapacity"});
  }
  return outcome;
}

core::Result<std::vector<core::MachineId>> Cloud::answering(
    std::span<const core::MachineId> machines) {
  std::vector<core::MachineId> answering;
  for (const core::MachineId& id : machines) {
    const auto at = instances_.find(id);
    if (at == instances_.end() || !at->second.alive()) continue;
    if (at->second.answers_at <= scheduler_.now()) answering.push_back(id);
  }
  return answering;
}

core::Status Cloud::start(const core::MachineId& machine, const core::RunnerName& runner,
                          const core::Secret& jit) {
  const auto at = instances_.find(machine);
  if (at == instances_.end() || !at->second.alive()) {
    return fail(Fault::not_found, "InvalidInstanceId.NotFound " + machine);
  }
  Instance& instance = at->second;
  if (instance.answers_at > scheduler_.now()) return fail(Fault::not_ready, "InvalidInstanceId");
  if (instance.started) return {};
  instance.started = true;
  instance.runner = runner;
  hooks_.started(instance, std::string(jit.reveal()));
  return {};
}

void Cloud::end(Instance& instance) {
  if (!instance.alive()) return;
  instance.gone_at = scheduler_.now();
  hooks_.gone(instance);
}

core::Result<std::vector<core::MachineId>> Cloud::stop(std::span<const core::MachineId> machines) {
  std::vector<core::MachineId> gone;
  for (const core::MachineId& id : machines) {
    const auto at = instances_.find(id);
    if (at != instances_.end() && at->second.alive()) {
      hooks_.stopping(at->second);
      end(at->second);
    }
    gone.push_back(id);
  }
  return gone;
}

core::Machine Cloud::show(const Instance& instance, core::Time as_of) const {
  core::Machine shown;
  shown.id = instance.id;
  shown.pool = instance.pool;
  shown.batch = instance.batch;
  shown.launched_at = instance.launched_at;
  shown.started = instance.started;
  shown.exit_code = instance.exit_code;
  if (!instance.alive() && instance.gone_at <= as_of) {
    shown.state = core::MachineState::stopping;
  } else if (instance.ended) {
    shown.state = core::MachineState::ended;
  } else if (instance.answers_at <= as_of) {
    shown.state = core::MachineState::running;
  }
  return shown;
}

// As things stood a while ago: the newest are missing, the dead are listed still.
core::Result<std::vector<core::Machine>> Cloud::list() {
  const core::Time as_of = scheduler_.now() - random_.between(Duration(0), mix_.list_lag);
  std::vector<core::Machine> listed;
  for (const auto& [id, instance] : instances_) {
    if (instance.launched_at > as_of) continue;
    if (!instance.alive() && instance.gone_at <= as_of) continue;
    listed.push_back(show(instance, as_of));
  }
  return listed;
}

core::Result<std::optional<core::Machine>> Cloud::find(const core::MachineId& machine) {
  const auto at = instances_.find(machine);
  if (at == instances_.end() || !at->second.alive()) return std::nullopt;
  return show(at->second, scheduler_.now());
}

void Cloud::runner_ended(const core::MachineId& machine, std::optional<int> exit_code) {
  Instance& instance = instances_.at(machine);
  instance.ended = true;
  instance.exit_code = exit_code;
}

void Cloud::interrupt(const core::MachineId& machine) { end(instances_.at(machine)); }

}  // namespace jitney::sim
