// SPDX-License-Identifier: Apache-2.0
#include "core/blame.hpp"
#include "core/breaker.hpp"
#include "core/functions.hpp"

namespace jitney::core {

namespace {

constexpr Duration kMachineStops = std::chrono::seconds(5);

// The scope of a pool that is no longer configured is not known: every forge is asked for the name.
std::vector<std::pair<std::string, Forge*>> forges_of(const Context& context,
                                                      const Runner& runner) {
  const Pool* pool = context.deployment.pool(runner.pool);
  std::vector<std::pair<std::string, Forge*>> all;
  for (const auto& [scope, forge] : context.forges) {
    if (pool == nullptr || pool->scope == scope) all.emplace_back(scope, forge);
  }
  return all;
}

Result<Removal> deregister_at(const Context& context, const std::string& scope, Forge& forge,
                              const Runner& runner, bool id_is_its) {
  ForgeId id = id_is_its ? runner.forge_id : 0;
  if (id == 0) {
    const auto found = forge.find(runner.name);
    note_forge(context, scope, found);
    if (!found) return std::unexpected(found.error());
    if (!*found) return Removal::absent;
    id = (*found)->id;
  }
  const auto removed = forge.remove(id);
  note_forge(context, scope, removed);
  return removed;
}

Result<Removal> deregister(const Context& context, const Runner& runner) {
  if (!runner.minted) return Removal::absent;
  const auto forges = forges_of(context, runner);
  for (const auto& [scope, forge] : forges) {
    const auto removed = deregister_at(context, scope, *forge, runner, forges.size() == 1);
    if (!removed) return removed;
    if (*removed != Removal::absent) return removed;
  }
  return Removal::absent;
}

// P6. true: the machine may be stopped.
Result<bool> may_stop(const Context& context, const Runner& runner) {
  const bool settled = runner.end_proved || runner.overdue;
  // GitHub itself removes the registration of an ephemeral runner whose job ended: no call for
  // that.
  if (settled && runner.had_job && !runner.overdue) return true;
  const auto removed = deregister(context, runner);
  if (settled) return true;  // what could not be removed now is a debt that the sweep pays
  if (!removed) return std::unexpected(removed.error());
  if (*removed != Removal::busy) return true;
  const auto back = context.ledger.advance(runner.name, Event::found_busy, {}, context.clock.now());
  if (back) return false;
  if (back.error().fault != Fault::conflict) return std::unexpected(back.error());
  return fail(Fault::not_ready, "runner " + runner.name + " changed while it was being stopped",
              kMachineStops);
}

Status stop_machine(const Context& context, const Runner& runner) {
  if (runner.machine.empty()) return {};
  const auto stopped = context.fleet.stop(std::span(&runner.machine, 1));
  if (!stopped) return std::unexpected(stopped.error());
  if (!stopped->empty()) return {};
  return fail(Fault::not_ready,
              "machine " + runner.machine + " of runner " + runner.name + " is not gone yet",
              kMachineStops);
}

Status finish_stop(const Context& context, const Runner& runner) {
  const auto may = may_stop(context, runner);
  if (!may) return std::unexpected(may.error());
  if (!*may) return {};
  if (Status stopped = stop_machine(context, runner); !stopped) return stopped;
  const Time now = context.clock.now();
  const auto gone = context.ledger.advance(runner.name, Event::machine_gone, {}, now);
  if (!gone) return std::unexpected(gone.error());
  // The place it held may be what a queued job waits for.
  static_cast<void>(
      context.queue.push({.kind = MessageKind::create_runner, .key = runner.pool, .detail = ""},
                         Duration::zero(), now));
  return {};
}

}  // namespace

Status stop_runner(const Context& context, const RunnerName& name, const std::string& reason) {
  const auto row = context.ledger.runner(name);
  if (!row) return std::unexpected(row.error());
  if (!*row || (*row)->phase == Phase::gone) return {};
  if ((*row)->phase == Phase::stopping) return finish_stop(context, **row);
  Facts facts;
  facts.reason = reason;
  const auto stopping =
      context.ledger.advance(name, Event::stop_requested, facts, context.clock.now());
  if (!stopping) {
    if (stopping.error().fault == Fault::conflict) return {};  // busy, or not launched yet
    return std::unexpected(stopping.error());
  }
  return finish_stop(context, *stopping);
}

Status runner_ended(const Context& context, const MachineId& machine,
                    std::optional<int> exit_code) {
  const auto row = context.ledger.runner_on(machine);
  if (!row) return std::unexpected(row.error());
  if (!*row || (*row)->phase == Phase::gone) return {};
  const Runner& runner = **row;
  Facts facts;
  facts.exit_code = exit_code;
  if (!runner.had_job && runner.supply()) {
    const std::string cause =
        exit_code ? "exit code " + std::to_string(*exit_code) : "it was killed";
    if (Status noted = remember_idle_end(context, runner, cause); !noted) return noted;
  }
  const auto ended =
      context.ledger.advance(runner.name, Event::command_ended, facts, context.clock.now());
  if (!ended) return std::unexpected(ended.error());
  return stop_runner(context, runner.name, ended->reason);
}

}  // namespace jitney::core
