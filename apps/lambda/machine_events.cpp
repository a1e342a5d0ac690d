// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/machine_events.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "net/log.hpp"

namespace jitney::lambda {

namespace {

using core::Message;
using core::MessageKind;
using core::Runner;

constexpr std::array<std::string_view, 4> kGoing{"stopping", "stopped", "shutting-down",
                                                 "terminated"};

// The live runner bound to the machine; nullopt: none of ours, or over already.
core::Result<std::optional<Runner>> runner_on(const core::Context& context,
                                              const core::MachineId& machine) {
  auto row = context.ledger.runner_on(machine);
  if (row && *row && !(*row)->live()) return std::nullopt;
  return row;
}

Noticed failed(core::Error error) {
  return {.status = std::unexpected(std::move(error)), .instead = {}};
}

Noticed wake(const core::Context& context, Message message, const CarryOut& carry_out) {
  core::Status status = carry_out(context, message);
  return {.status = std::move(status), .instead = std::move(message)};
}

Message stop_message(const Runner& runner, std::string reason) {
  return {.kind = MessageKind::stop_runner, .key = runner.name, .detail = std::move(reason)};
}

// A machine that cannot be ended right now is asked for again by the runner's name.
Noticed ended(const core::Context& context, const Runner& runner, std::optional<int> exit_code,
              std::string reason) {
  core::Status status = core::runner_ended(context, runner.machine, exit_code);
  return {.status = std::move(status), .instead = stop_message(runner, std::move(reason))};
}

}  // namespace

Noticed on_machine(const core::Context& context, const aws::MachineChanged& change,
                   const CarryOut& carry_out) {
  const bool going = std::ranges::find(kGoing, change.state) != kGoing.end();
  if (!going && change.state != "running") return {};
  const auto runner = runner_on(context, change.machine);
  if (!runner) return failed(runner.error());
  // Running before its launch was recorded: the batch's own follow-up finds it.
  if (!*runner) return {};
  if (going) return ended(context, **runner, std::nullopt, "its machine is " + change.state);
  if ((*runner)->phase != core::Phase::launched) return {};
  return wake(context, {.kind = MessageKind::create_runner, .key = (*runner)->pool, .detail = {}},
              carry_out);
}

Noticed on_machine(const core::Context& context, const aws::MachineInterrupted& interruption,
                   const CarryOut& carry_out) {
  const auto runner = runner_on(context, interruption.machine);
  if (!runner) return failed(runner.error());
  if (!*runner) return {};
  net::log(net::LogLevel::warning, "EC2 takes a spot machine back within two minutes",
           {{"machine", interruption.machine},
            {"runner", (*runner)->name},
            {"phase", core::to_string((*runner)->phase)},
            {"action", interruption.action}});
  return wake(context, stop_message(**runner, "EC2 interrupts its spot machine"), carry_out);
}

Noticed on_machine(const core::Context& context, const aws::MachineAtRisk& risk, const CarryOut&) {
  const auto runner = runner_on(context, risk.machine);
  if (!runner) return failed(runner.error());
  if (*runner) {
    net::log(net::LogLevel::info, "EC2 finds a machine likely to be interrupted",
             {{"machine", risk.machine}, {"runner", (*runner)->name}});
  }
  return {};
}

Noticed on_machine(const core::Context& context, const aws::CommandChanged& change,
                   const CarryOut&) {
  // A command that timed out, was cancelled or was lost says nothing of the runner, which lives in
  // a unit of its own (P6): its machine's end will tell, or its deadline.
  if (change.status != "Success" && change.status != "Failed") return {};
  const auto runner = runner_on(context, change.machine);
  if (!runner) return failed(runner.error());
  if (!*runner) return {};
  // The event bears no exit code, and the command may have been somebody else's.
  const auto machine = context.fleet.find(change.machine);
  if (!machine) return failed(machine.error());
  if (!*machine) return ended(context, **runner, std::nullopt, "its machine is gone");
  switch ((*machine)->state) {
    case core::MachineState::ended:
      return ended(context, **runner, (*machine)->exit_code, "the runner ended");
    case core::MachineState::stopping:
      return ended(context, **runner, std::nullopt, "its machine is stopping");
    case core::MachineState::pending:
    case core::MachineState::running:
      break;
  }
  net::log(net::LogLevel::info, "a command ended on a machine whose runner goes on",
           {{"machine", change.machine}, {"runner", (*runner)->name}, {"command", change.command}});
  return {};
}

}  // namespace jitney::lambda
