// SPDX-License-Identifier: Apache-2.0
// A fleet of EC2 instances: one CreateFleet request a batch, spot first; runners are started
// through Systems Manager. Holds no state that matters: any number of processes may share a
// deployment. Thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aws/capacity_memory.hpp"
#include "aws/client.hpp"
#include "aws/ec2_instance.hpp"
#include "aws/ec2_request.hpp"
#include "aws/launch_templates.hpp"
#include "aws/ssm_start.hpp"
#include "core/fleet.hpp"

namespace jitney::aws {

// One way of getting machines; the next is tried when this one has no capacity.
struct Ec2Rung {
  Market market = Market::spot;
  std::vector<std::string> instance_types;  // empty: that of the launch template
};

struct Ec2Pool {
  std::string launch_template;  // name or "lt-..."; empty: a template named as the pool is
  std::string template_version = "$Default";
  std::vector<std::string> subnets;  // empty: where the launch template says
  std::vector<Ec2Rung> rungs;
};

struct Ec2FleetOptions {
  std::string deployment;
  std::map<std::string, Ec2Pool, std::less<>> pools;
  SsmOptions ssm;
};

class Ec2Fleet final : public core::Fleet {
 public:
  // Borrowed; they outlive this. `ledger` keeps what had no capacity a while ago.
  Ec2Fleet(Ec2FleetOptions options, Client& client, core::Ledger& ledger, core::Clock& clock);

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override;
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override;
  // Machines whose runner ended are among them until they are stopped: to know better would cost
  // one call a machine.
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override;
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override;
  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override;
  // Does not ask how runners ended; events and find() tell.
  core::Result<std::vector<core::Machine>> list() override;
  // Asks Systems Manager too: a machine whose runner ended is `ended`, with its exit code.
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override;

 private:
  core::Result<std::vector<Offering>> offerings(const Ec2Pool& pool, const Ec2Rung& rung);
  core::Result<std::vector<Instance>> made_by(const std::string& client_token);
  void learn(Market market, FleetAnswer answer);
  [[nodiscard]] bool uses_spot() const;

  // The ids that are gone for good; the first fault goes to `trouble`.
  std::vector<core::MachineId> terminate(std::span<const core::MachineId> machines,
                                         std::optional<core::Error>& trouble);
  core::Status cancel_spot_requests(std::span<const core::MachineId> machines);

  const Ec2FleetOptions options_;
  Client& client_;
  LaunchTemplates templates_;
  CapacityMemory memory_;
  SsmStart ssm_;
};

}  // namespace jitney::aws
