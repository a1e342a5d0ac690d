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

// Pools with a busy runner that the ledger does not know: it was lost or restored. GitHub does not
// say which machine a runner is on, so any unknown one of the pool may be running the job (P6).
std::set<std::string, std::less<>> pools_with_lost_jobs(const Context& context, const World& world,
                                                        const std::vector<Runner>& live) {
  std::set<RunnerName> known;
  for (const Runner& runner : live) known.insert(runner.name);
  std::set<std::string, std::less<>> pools;
  for (const auto& [scope, registrations] : world.registrations) {
    for (const Registration& registration : registrations) {
      const RunnerName& name = registration.name;
      if (!registration.busy || known.contains(name) || !context.deployment.names(name)) continue;
      const auto row = context.ledger.runner(name);
      if (row && *row) continue;
      const std::size_t pool = context.deployment.name.size() + 1;
      pools.insert(name.substr(pool, name.rfind('-') - pool));
    }
  }
  return pools;
}

void reconcile_machine(const Context& context, const Machine& machine, bool may_run_a_job,
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
  if (!*runner && may_run_a_job) return;
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
  const auto lost_jobs = pools_with_lost_jobs(context, world, live);
  std::set<MachineId> listed;
  for (const Machine& machine : world.machines) {
    listed.insert(machine.id);
    if (context.out_of_time()) return;
    reconcile_machine(context, machine, lost_jobs.contains(machine.pool), judge, swept);
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
