// SPDX-License-Identifier: Apache-2.0
#include "aws/ec2_fleet.hpp"

#include <algorithm>

namespace jitney::aws {

namespace {

using core::Fault;
using core::MachineState;

// All that cost money or may come back. What is terminated stays visible for an hour, and would
// only hold up whoever waits for its end.
const std::vector<std::string> kAlive = {"pending", "running", "shutting-down", "stopping",
                                         "stopped"};

std::string tag_filter(std::string_view tag) { return std::string("tag:").append(tag); }

}  // namespace

Ec2Fleet::Ec2Fleet(Ec2FleetOptions options, Client& client, core::Ledger& ledger,
                   core::Clock& clock)
    : options_(std::move(options)),
      client_(client),
      templates_(client),
      memory_(ledger, clock),
      ssm_(client, options_.ssm) {}

core::Result<std::vector<core::MachineId>> Ec2Fleet::answering(
    std::span<const core::MachineId> machines) {
  std::vector<core::MachineId> ids(machines.begin(), machines.end());
  std::erase_if(ids, [](const core::MachineId& id) { return !is_instance_id(id); });
  return ssm_.answering(ids);
}

core::Status Ec2Fleet::start(const core::MachineId& machine, const core::RunnerName& runner,
                             const core::Secret& jit) {
  core::Status started = ssm_.start(machine, runner, jit);
  if (started || started.error().fault != Fault::not_ready) return started;
  Parameters ask;
  add_filter(ask, "instance-id", {machine});
  const auto found = describe_instances(client_, std::move(ask));
  if (!found) return started;
  const bool there = std::ranges::any_of(*found, [](const Instance& instance) {
    return machine_of(instance).state != MachineState::stopping;
  });
  if (there) return started;
  return core::fail(Fault::not_found, "machine " + machine + " is gone");
}

core::Result<std::vector<core::Machine>> Ec2Fleet::list() {
  Parameters ask;
  add_filter(ask, tag_filter(kDeploymentTag), {options_.deployment});
  add_filter(ask, "instance-state-name", kAlive);
  const auto found = describe_instances(client_, std::move(ask));
  if (!found) return std::unexpected(found.error());
  std::vector<core::Machine> machines;
  for (const Instance& instance : *found) machines.push_back(machine_of(instance));
  return machines;
}

core::Result<std::optional<core::Machine>> Ec2Fleet::find(const core::MachineId& id) {
  if (!is_instance_id(id)) return std::nullopt;
  Parameters ask;
  add_filter(ask, "instance-id", {id});
  add_filter(ask, tag_filter(kDeploymentTag), {options_.deployment});
  const auto found = describe_instances(client_, std::move(ask));
  if (!found) return std::unexpected(found.error());
  if (found->empty() || found->front().terminated()) return std::nullopt;
  core::Machine machine = machine_of(found->front());
  if (machine.state == MachineState::pending) machine.started = false;
  if (machine.state != MachineState::running) return machine;
  const auto result = ssm_.result(id);
  if (!result) return std::unexpected(result.error());
  machine.started = *result && (*result)->started;
  if (*result && (*result)->ended) {
    machine.state = MachineState::ended;
    machine.exit_code = (*result)->exit_code;
  }
  return machine;
}

}  // namespace jitney::aws
