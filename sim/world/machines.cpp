// SPDX-License-Identifier: Apache-2.0
#include "sim/world/machines.hpp"

#include <utility>

namespace jitney::sim {

using core::Duration;
using core::fail;
using core::Fault;
using namespace std::chrono_literals;

namespace {

constexpr int kMostRuns = 10;

// Exit codes of Runner.Listener that ask for another start: retryable, updating, updating.
bool again(std::optional<int> exit_code) {
  return exit_code && (*exit_code == 2 || *exit_code == 3 || *exit_code == 4);
}

}  // namespace

Machines::Machines(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks)
    : scheduler_(scheduler), random_(random), mix_(mix), hooks_(std::move(hooks)) {}

core::LaunchOutcome Machines::told(const Launch& launch) const {
  core::LaunchOutcome outcome;
  for (const core::MachineId& id : launch.machines) {
    outcome.machines.push_back(show(boxes_.at(id), scheduler_.now()));
  }
  outcome.faults = launch.faults;
  return outcome;
}

core::Result<const Machines::Launch*> Machines::repeated(const std::string& token,
                                                         const std::string& request) {
  const auto known = launches_.find(token);
  if (known == launches_.end()) return nullptr;
  if (known->second.request == request) return &known->second;
  changed_request_seen_ = true;
  return fail(Fault::invalid, "IdempotentParameterMismatch");
}

Box* Machines::alive(const core::MachineId& machine) {
  const auto at = boxes_.find(machine);
  return at == boxes_.end() || !at->second.alive() ? nullptr : &at->second;
}

Box& Machines::add(Box box) {
  const core::MachineId id = box.id;
  return boxes_.emplace(id, std::move(box)).first->second;
}

// At most one runner a machine, ever: whoever comes second finds the lock taken.
void Machines::begin(Box& box, const core::RunnerName& runner, const std::string& jit) {
  if (box.started) return;
  box.started = true;
  box.runner = runner;
  box.jit = jit;
  box.runs = 1;
  hooks_.run(box);
}

void Machines::runner_ended(const core::MachineId& machine, std::optional<int> exit_code) {
  Box* const box = alive(machine);
  if (box == nullptr || box->ended) return;
  if (again(exit_code) && box->runs < kMostRuns) {
    scheduler_.after(exit_code == 2 ? 5s : 30s, [this, machine] {
      Box* const back = alive(machine);
      if (back == nullptr || back->ended) return;
      back->runs += 1;
      hooks_.run(*back);
    });
    return;
  }
  box->ended = true;
  box->ended_at = scheduler_.now();
  box->exit_code = exit_code;
  tell(Notice::Kind::runner_ended, *box, random_.between(Duration(50), Duration(4s)));
  after_end(*box);
}

void Machines::end(Box& box, const std::string& lost) {
  if (!box.alive()) return;
  box.gone_at = scheduler_.now();
  box.lost = lost;
  if (box.started && !box.ended) hooks_.gone(box);
  tell(Notice::Kind::machine_gone, box, random_.between(Duration(200), Duration(10s)));
}

void Machines::tell(Notice::Kind kind, const Box& box, Duration after) {
  if (random_.chance(mix_.end_unheard)) return;
  const Notice notice{.kind = kind, .machine = box.id, .exit_code = box.exit_code};
  const int copies = random_.chance(mix_.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const Duration late =
        random_.chance(mix_.late) ? random_.between(Duration(0), Duration(5min)) : Duration(0);
    scheduler_.after(after + late, [this, notice] { hooks_.notice(notice); });
  }
}

core::Result<std::vector<core::MachineId>> Machines::stop(
    std::span<const core::MachineId> machines) {
  if (auto ok = metered("stop"); !ok) return std::unexpected(ok.error());
  std::vector<core::MachineId> gone;
  for (const core::MachineId& id : machines) {
    if (Box* const box = alive(id)) {
      if (!box->ours) ++foreign_stopped_;
      hooks_.stopping(*box);
      end(*box, "");
    }
    gone.push_back(id);
  }
  return gone;
}

// As things stood a while ago: the newest are missing, the dead are listed still.
core::Result<std::vector<core::Machine>> Machines::list() {
  if (auto ok = metered("list"); !ok) return std::unexpected(ok.error());
  const core::Time as_of = scheduler_.now() - lag();
  std::vector<core::Machine> listed;
  for (const auto& [id, box] : boxes_) {
    if (!box.ours || box.launched_at > as_of) continue;
    if (!box.alive() && box.gone_at <= as_of) continue;
    listed.push_back(show(box, as_of));
  }
  return listed;
}

core::Result<std::optional<core::Machine>> Machines::find(const core::MachineId& machine) {
  if (auto ok = metered("find"); !ok) return std::unexpected(ok.error());
  const Box* const box = alive(machine);
  if (box == nullptr) return std::nullopt;
  return show(*box, scheduler_.now());
}

}  // namespace jitney::sim
