// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "core/blame.hpp"
#include "core/reconcile.hpp"

namespace jitney::core {

namespace {

// An open batch will bind it: its next launch answers with all that its token ever made.
bool batch_will_bind(const Context& context, const Machine& machine) {
  const auto batch = context.ledger.batch(machine.batch);
  return batch && *batch && (*batch)->open;
}

// A ledger that was lost or restored knows neither the machine nor the runner on it, and GitHub
// does not say which machine a runner is on: as long as such a runner of the pool has a job, any of
// its unknown machines may be running it (P6).
bool may_run_a_job(const Context& context, const World& world, const Machine& machine) {
  const Pool* pool = context.deployment.pool(machine.pool);
  if (pool == nullptr) return false;
  const auto listed = world.registrations.find(pool->scope);
  if (listed == world.registrations.end()) return false;
  const std::string prefix = context.deployment.name + "-" + pool->name + "-";
  return std::ranges::any_of(listed->second, [&](const Registration& registration) {
    if (!registration.busy || !registration.name.starts_with(prefix)) return false;
    if (!context.deployment.names(registration.name)) return false;
    const auto row = context.ledger.runner(registration.name);
    return !row || !*row;
  });
}

void reconcile_machine(const Context& context, const World& world, const Machine& machine,
                       bool judge, Swept& swept) {
  const auto runner = context.ledger.runner_on(machine.id);
  if (!runner) {
    note_trouble(swept, "machine " + machine.id, runner.error());
    return;
  }
  if (*runner && (*runner)->live()) {
    if (machine.state != MachineState::ended) return;
    const Status ended = runner_ended(context, machine.id, machine.exit_code);
    if (!ended) note_trouble(swept, "end of " + (*runner)->name, ended.error());
    return;
  }
  if (machine.state == MachineState::stopping) return;
  if (!*runner && batch_will_bind(context, machine)) return;
  if (!*runner && may_run_a_job(context, world, machine)) return;
  if (!judge || !seen_for_long(context, "orphan/" + machine.id)) return;
  const auto stopped = context.fleet.stop(std::span(&machine.id, 1));
  if (!stopped) {
    note_trouble(swept, "stop orphan " + machine.id, stopped.error());
  } else {
    swept.orphans_stopped += stopped->size();
  }
}

// Lists lag and pages fail, so absence is believed only when the machine itself was asked for.
void reconcile_absent(const Context& context, const Runner& runner, Swept& swept) {
  const auto found = context.fleet.find(runner.machine);
  if (!found) {
    note_trouble(swept, "find machine " + runner.machine, found.error());
    return;
  }
  if (*found) return;
  if (!runner.had_job && runner.supply()) {
    const Status noted = remember_idle_end(context, runner, "its machine is gone");
    if (!noted) {
      note_trouble(swept, "runner " + runner.name, noted.error());
      return;
    }
  }
  // What came with the machine must go too: a spot request that stays may make another one.
  const auto stopped = context.fleet.stop(std::span(&runner.machine, 1));
  if (!stopped) {
    note_trouble(swept, "what machine " + runner.machine + " left behind", stopped.error());
    return;
  }
  const auto gone =
      context.ledger.advance(runner.name, Event::machine_gone, {}, context.clock.now());
  if (!gone) {
    note_trouble(swept, "runner " + runner.name, gone.error());
  } else {
    swept.runners_stopped += 1;
  }
}

}  // namespace

void reconcile_machines(const Context& context, const World& world, const std::vector<Runner>& live,
                        bool judge, Swept& swept) {
  if (!world.machines_known) return;
  std::set<MachineId> listed;
  for (const Machine& machine : world.machines) {
    listed.insert(machine.id);
    if (context.out_of_time()) return;
    reconcile_machine(context, world, machine, judge, swept);
  }
  const Time now = context.clock.now();
  for (const Runner& runner : live) {
    if (context.out_of_time()) return;
    if (runner.machine.empty() || listed.contains(runner.machine)) continue;
    // Bound after the list was taken, or too new for a list that lags.
    if (now < runner.phase_since + context.deployment.orphan_grace) continue;
    reconcile_absent(context, runner, swept);
  }
}

}  // namespace jitney::core
