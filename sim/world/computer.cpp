// SPDX-License-Identifier: Apache-2.0
#include "sim/world/computer.hpp"

#include <sstream>
#include <utility>

namespace jitney::sim {

using core::Duration;
using core::fail;
using core::Fault;
using namespace std::chrono_literals;

Computer::Computer(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks)
    : Machines(scheduler, random, mix, std::move(hooks)) {}

core::Status Computer::metered(const char*) {
  ++calls_;
  return {};
}

// "dirs <pool> <batch> <count>"
core::Result<std::string> Computer::compose(const core::Pool& pool, const core::Batch& batch,
                                            int rung, int count) {
  if (rung > 0) return fail(Fault::not_found, "one computer has one rung");
  if (random_.chance(mix_.no_capacity / 4)) {
    disk_full_until_ = scheduler_.now() + random_.between(Duration(10s), Duration(20min));
  }
  if (scheduler_.now() < disk_full_until_) {
    return fail(Fault::not_ready, "free disk is below the floor");
  }
  return "dirs " + pool.name + " " + batch.id + " " + std::to_string(count);
}

// Directories are named after token and index: made again, they are found.
core::Result<core::LaunchOutcome> Computer::launch(const std::string& text,
                                                   const std::string& token) {
  std::istringstream words(text);
  std::string dirs, pool;
  core::BatchId batch;
  int count = 0;
  words >> dirs >> pool >> batch >> count;
  if (!words || dirs != "dirs" || count < 1) return fail(Fault::invalid, "no request of ours");
  const auto known = repeated(token, text);
  if (!known) return std::unexpected(known.error());
  ++calls_;
  if (*known != nullptr) return told(**known);
  Launch& made = launches_[token];
  made.request = text;
  for (int i = 0; i < count; ++i) {
    Box box;
    box.id = token + "." + std::to_string(i);
    box.pool = pool;
    box.batch = batch;
    box.launched_at = box.running_at = box.answers_at = scheduler_.now();
    made.machines.push_back(add(std::move(box)).id);
    if (random_.chance(mix_.interrupted)) plan_kill(made.machines.back());
  }
  return told(made);
}

// Out of memory, or a person: the shim dies and with it all that it kept.
void Computer::plan_kill(const core::MachineId& id) {
  scheduler_.after(random_.between(Duration(5s), Duration(30min)), [this, id] {
    Box* const box = alive(id);
    if (box != nullptr && box->started && mix_.interrupted > 0) cut(*box);
  });
}

void Computer::cut(Box& box) {
  if (box.ended) return;
  if (box.started) hooks_.gone(box);
  box.ended = true;
  box.ended_at = scheduler_.now();
  box.exit_code.reset();
}

core::Result<std::vector<core::MachineId>> Computer::answering(
    std::span<const core::MachineId> machines) {
  ++calls_;
  std::vector<core::MachineId> answering;
  for (const core::MachineId& id : machines) {
    const Box* const box = alive(id);
    if (box != nullptr && !box->ended) answering.push_back(id);
  }
  return answering;
}

core::Status Computer::start(const core::MachineId& machine, const core::RunnerName& runner,
                             const core::Secret& jit) {
  ++calls_;
  Box* const box = alive(machine);
  if (box == nullptr) return fail(Fault::not_found, "no machine " + machine);
  if (box->ended && !box->started) {
    return fail(Fault::not_found, "machine " + machine + " is of an earlier boot");
  }
  // The shim had no time to say that the listener was executed.
  const bool silent = random_.chance(mix_.command_late);
  if (!random_.chance(mix_.never_answers)) begin(*box, runner, std::string(jit.reveal()));
  if (silent || !box->started) return fail(Fault::transient, "the shim did not report");
  return {};
}

// The server is down with it; what it finds afterwards is ended without an exit code.
void Computer::reboot() {
  for (auto& [id, box] : boxes_) {
    if (box.alive()) cut(box);
  }
}

core::Machine Computer::show(const Box& box, core::Time) const {
  core::Machine shown;
  shown.id = box.id;
  shown.pool = box.pool;
  shown.batch = box.batch;
  shown.launched_at = box.launched_at;
  shown.started = box.started;
  shown.state = !box.alive() ? core::MachineState::stopping
                : box.ended  ? core::MachineState::ended
                             : core::MachineState::running;
  if (box.ended) shown.exit_code = box.exit_code;
  return shown;
}

}  // namespace jitney::sim
