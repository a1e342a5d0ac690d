// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "aws/ec2_fleet.hpp"
#include "aws/fleet_errors.hpp"
#include "net/log.hpp"

namespace jitney::aws {

using core::Fault;
using core::MachineState;

namespace {

// The token was used up by machines that are gone: an answer, though EC2 calls it an error.
bool is_about_former_machines(const CallError& error) {
  return error.code == "IdempotentInstanceTerminated";
}

}  // namespace

core::Result<std::vector<Offering>> Ec2Fleet::offerings(const Ec2Pool& pool, const Ec2Rung& rung) {
  const auto zones = templates_.zones(pool.subnets);
  if (!zones) return std::unexpected(zones.error());
  std::vector<std::string> types = rung.instance_types;
  if (types.empty()) types.emplace_back();
  std::vector<Offering> all;
  for (const std::string& type : types) {
    for (const std::string& subnet : pool.subnets) {
      const auto zone = zones->find(subnet);
      all.push_back({type, subnet, zone == zones->end() ? "" : zone->second});
    }
    if (pool.subnets.empty() && !type.empty()) all.push_back({type, "", ""});
  }
  return memory_.promising(rung.market, std::move(all));
}

core::Result<std::string> Ec2Fleet::compose(const core::Pool& pool, const core::Batch& batch,
                                            int rung, int count) {
  const auto configured = options_.pools.find(pool.name);
  if (configured == options_.pools.end()) {
    return core::fail(Fault::invalid, "pool " + pool.name + " has no [pool.ec2]");
  }
  const Ec2Pool& settings = configured->second;
  if (rung < 0 || static_cast<std::size_t>(rung) >= settings.rungs.size()) {
    return core::fail(Fault::not_found, "pool " + pool.name + " has no rung " +
                                            std::to_string(rung) + " of launching");
  }
  const Ec2Rung& way = settings.rungs[static_cast<std::size_t>(rung)];
  const auto found =
      templates_.find(settings.launch_template.empty() ? pool.name : settings.launch_template,
                      settings.template_version);
  if (!found) return std::unexpected(found.error());
  auto places = offerings(settings, way);
  if (!places) return std::unexpected(places.error());
  return write_request({.deployment = options_.deployment,
                        .pool = pool.name,
                        .batch = batch.id,
                        .claimed = batch.created_at,
                        .template_id = found->id,
                        .template_version = found->version,
                        .market = way.market,
                        .count = count,
                        .offerings = *std::move(places)});
}

core::Result<std::vector<Instance>> Ec2Fleet::made_by(const std::string& client_token) {
  Parameters ask;
  add_filter(ask, std::string("tag:").append(kLaunchTag), {client_token});
  return describe_instances(client_, std::move(ask));
}

// EC2 names the subnet of what it could not give; the memory goes by zones.
void Ec2Fleet::learn(Market market, FleetAnswer answer) {
  std::set<std::string> subnets;
  const auto gather = [&](const Offering& offering) {
    if (!offering.subnet.empty() && offering.zone.empty()) subnets.insert(offering.subnet);
  };
  for (const FleetError& error : answer.errors) gather(error.offering);
  for (const Offering& offering : answer.given) gather(offering);
  const auto zones = templates_.zones({subnets.begin(), subnets.end()});
  if (zones) {
    const auto fill = [&](Offering& offering) {
      const auto zone = zones->find(offering.subnet);
      if (offering.zone.empty() && zone != zones->end()) offering.zone = zone->second;
    };
    for (FleetError& error : answer.errors) fill(error.offering);
    for (Offering& offering : answer.given) fill(offering);
  }
  memory_.learn(market, answer);
}

core::Result<core::LaunchOutcome> Ec2Fleet::launch(const std::string& request,
                                                   const std::string& token) {
  const auto order = read_request(request);
  if (!order) return std::unexpected(order.error());
  const std::string unique = client_token(*order, token);
  const auto document = client_.query(Service::ec2, "CreateFleet", with_token(*order, unique));
  if (!document && !is_about_former_machines(document.error())) {
    return std::unexpected(document.error());
  }
  const FleetAnswer answer = document ? read_fleet(*document) : FleetAnswer{};
  // A token that was sent before may be answered with what it made then: what became of it, and
  // what an answer leaves out, only the machines' own tag tells.
  const auto made = made_by(unique);
  if (!made) return std::unexpected(made.error());
  core::LaunchOutcome outcome;
  std::set<core::MachineId> known;
  for (const Instance& instance : *made) {
    known.insert(instance.id);
    outcome.machines.push_back(machine_of(instance));
  }
  for (const core::MachineId& id : answer.machines) {
    if (!known.insert(id).second) continue;
    // Too new to be described.
    core::Machine machine;
    machine.id = id;
    machine.pool = order->pool;
    machine.batch = order->batch;
    machine.state = MachineState::pending;
    outcome.machines.push_back(std::move(machine));
  }
  if (outcome.machines.size() >= static_cast<std::size_t>(order->count)) return outcome;
  outcome.faults = faults_of(answer, order->market);
  if (!answer.errors.empty()) learn(order->market, answer);
  return outcome;
}

}  // namespace jitney::aws
