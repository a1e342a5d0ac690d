// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "aws/ec2_fleet.hpp"
#include "aws/xml.hpp"

namespace jitney::aws {

namespace {

using core::Fault;

constexpr std::size_t kMachinesACall = 200;  // EC2's bound for the values of one filter

// One id that EC2 does not know, or may not be touched, fails a whole call.
bool is_about_one(Fault fault) {
  switch (fault) {
    case Fault::not_found:
    case Fault::invalid:
    case Fault::unauthorized:
    case Fault::conflict:
      return true;
    case Fault::throttled:
    case Fault::no_capacity:
    case Fault::not_ready:
    case Fault::transient:
    case Fault::cancelled:
      return false;
  }
  return false;
}

// There is nothing of that id, or there cannot be.
bool is_no_machine(const CallError& error) {
  return error.fault == Fault::not_found || error.code == "InvalidInstanceID.Malformed";
}

bool is_gone_for_good(std::string_view state) {
  return state == "shutting-down" || state == "terminated";
}

}  // namespace

bool Ec2Fleet::uses_spot() const {
  return std::ranges::any_of(options_.pools, [](const auto& pool) {
    return std::ranges::any_of(pool.second.rungs,
                               [](const Ec2Rung& rung) { return rung.market == Market::spot; });
  });
}

// A request that outlived its machine would launch another one, which nobody asked for: so it goes
// first.
core::Status Ec2Fleet::cancel_spot_requests(std::span<const core::MachineId> machines) {
  Parameters ask;
  add_filter(ask, "instance-id", {machines.begin(), machines.end()});
  add_filter(ask, "state", {"open", "active", "disabled"});
  const auto found = client_.query(Service::ec2, "DescribeSpotInstanceRequests", ask);
  if (!found) return std::unexpected(found.error());
  Parameters cancel;
  for (const auto& item :
       children(child(found->document_element(), "spotInstanceRequestSet"), "item")) {
    cancel["SpotInstanceRequestId." + std::to_string(cancel.size() + 1)] =
        text_at(item, {"spotInstanceRequestId"});
  }
  if (cancel.empty()) return {};
  const auto cancelled = client_.query(Service::ec2, "CancelSpotInstanceRequests", cancel);
  if (cancelled || cancelled.error().fault == Fault::not_found) return {};
  return std::unexpected(cancelled.error());
}

std::vector<core::MachineId> Ec2Fleet::terminate(std::span<const core::MachineId> machines,
                                                 std::optional<core::Error>& trouble) {
  if (machines.empty()) return {};
  Parameters ask;
  for (const core::MachineId& machine : machines) {
    ask["InstanceId." + std::to_string(ask.size() + 1)] = machine;
  }
  const auto answer = client_.query(Service::ec2, "TerminateInstances", ask);
  std::vector<core::MachineId> gone;
  if (answer) {
    for (const auto& item : children(child(answer->document_element(), "instancesSet"), "item")) {
      if (!is_gone_for_good(text_at(item, {"currentState", "name"}))) continue;
      gone.emplace_back(text_at(item, {"instanceId"}));
    }
    return gone;
  }
  const CallError& error = answer.error();
  if (machines.size() == 1 && is_no_machine(error)) return {machines.front()};
  if (machines.size() > 1 && is_about_one(error.fault)) {
    const std::size_t half = machines.size() / 2;
    gone = terminate(machines.first(half), trouble);
    const auto rest = terminate(machines.subspan(half), trouble);
    gone.insert(gone.end(), rest.begin(), rest.end());
    return gone;
  }
  if (!trouble) trouble = error;
  return gone;
}

core::Result<std::vector<core::MachineId>> Ec2Fleet::stop(
    std::span<const core::MachineId> machines) {
  std::vector<core::MachineId> gone;
  std::vector<core::MachineId> left;
  for (const core::MachineId& machine : machines) {
    (is_instance_id(machine) ? left : gone).push_back(machine);
  }
  std::optional<core::Error> trouble;
  for (std::span<const core::MachineId> rest = left; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kMachinesACall));
    rest = rest.subspan(some.size());
    core::Status cancelled = uses_spot() ? cancel_spot_requests(some) : core::Status();
    const auto stopped = terminate(some, trouble);
    // Machines cost money, so they end all the same; but they are only called gone when no request
    // of theirs is left.
    if (cancelled) {
      gone.insert(gone.end(), stopped.begin(), stopped.end());
    } else if (!trouble) {
      trouble = cancelled.error();
    }
  }
  if (gone.empty() && trouble) return std::unexpected(*trouble);
  return gone;
}

}  // namespace jitney::aws
