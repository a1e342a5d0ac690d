// SPDX-License-Identifier: Apache-2.0
#include "apps/host/ec2_options.hpp"

namespace jitney::app {

namespace {

std::vector<aws::Ec2Rung> rungs_of(const Ec2Pool& pool) {
  std::vector<aws::Ec2Rung> rungs;
  if (pool.on_demand != Ec2Pool::OnDemand::only) {
    rungs.push_back({aws::Market::spot, pool.instance_types});
    if (!pool.other_types.empty()) rungs.push_back({aws::Market::spot, pool.other_types});
  }
  if (pool.on_demand != Ec2Pool::OnDemand::never) {
    std::vector<std::string> all = pool.instance_types;
    all.insert(all.end(), pool.other_types.begin(), pool.other_types.end());
    rungs.push_back({aws::Market::on_demand, std::move(all)});
  }
  return rungs;
}

}  // namespace

aws::Ec2FleetOptions ec2_options(const Config& config) {
  aws::Ec2FleetOptions options;
  options.deployment = config.deployment.name;
  for (const auto& [name, pool] : config.ec2_pools) {
    options.pools.emplace(name, aws::Ec2Pool{.launch_template = pool.launch_template,
                                             .template_version = pool.template_version,
                                             .subnets = pool.subnets,
                                             .rungs = rungs_of(pool)});
  }
  options.ssm = {.region = config.aws.region,
                 .jit_bucket = config.ec2.jit_bucket,
                 .machine_role_id = config.ec2.machine_role_id,
                 .script = config.ec2.runner_script,
                 .log_group = config.ec2.log_group};
  return options;
}

}  // namespace jitney::app
