// SPDX-License-Identifier: Apache-2.0
// For tests only: an EC2 fleet "prod" with one pool "cpu" before the stub of tests/aws/cloud.hpp.
// Two types in two zones: spot, then on-demand. One thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "aws/credentials_chain.hpp"
#include "aws/ec2_fleet.hpp"
#include "tests/aws/cloud.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_ledger.hpp"

namespace jitney::tests {

inline aws::ClientOptions cloud_client_options(const std::string& url) {
  aws::ClientOptions options;
  options.region = "us-east-1";
  options.endpoints = {{"*", url}};
  options.first_wait = std::chrono::milliseconds(1);
  options.longest_wait = std::chrono::milliseconds(2);
  return options;
}

inline aws::Ec2FleetOptions cloud_fleet_options() {
  aws::Ec2FleetOptions options;
  options.deployment = "prod";
  aws::Ec2Pool& pool = options.pools["cpu"];
  pool.subnets = {"subnet-a", "subnet-b"};
  pool.rungs = {{aws::Market::spot, {"c7i.large", "m7i.large"}},
                {aws::Market::on_demand, {"c7i.large"}}};
  options.ssm = {.region = "us-east-1",
                 .jit_bucket = Cloud::kBucket,
                 .machine_role_id = Cloud::kRole,
                 .script = "s3://scripts/jitney-runner",
                 .log_group = "/jitney/runners"};
  return options;
}

class FleetWorld {
 public:
  explicit FleetWorld(aws::Ec2FleetOptions options = cloud_fleet_options())
      : client(cloud_client_options(cloud.url()),
               aws::fixed_credentials({"AKIDEXAMPLE", core::Secret("secret"), {}, {}})),
        fleet(std::move(options), client, ledger, clock) {}

  core::Pool pool() {
    core::Pool made;
    made.name = "cpu";
    return made;
  }
  core::Batch batch() {
    core::Batch made;
    made.id = "prod-cpu-1";
    made.pool = "cpu";
    made.created_at = clock.now();
    return made;
  }
  std::string request(int count, int rung = 0) {
    const auto text = fleet.compose(pool(), batch(), rung, count);
    EXPECT_TRUE(text) << text.error().what;
    return text.value_or("");
  }
  core::LaunchOutcome launched(int count, int rung = 0) {
    const auto outcome = fleet.launch(request(count, rung), "prod-cpu-1/" + std::to_string(rung));
    EXPECT_TRUE(outcome) << outcome.error().what;
    return outcome.value_or(core::LaunchOutcome{});
  }
  // One that is up and answers.
  core::MachineId machine() {
    const auto outcome = launched(1);
    cloud.settle();
    return outcome.machines.empty() ? "" : outcome.machines.front().id;
  }
  core::Machine found(const core::MachineId& id) {
    const auto machine = fleet.find(id);
    EXPECT_TRUE(machine && *machine) << id;
    return machine && *machine ? **machine : core::Machine{};
  }

  fakes::FakeClock clock;
  fakes::FakeLedger ledger;
  Cloud cloud;
  aws::Client client;
  aws::Ec2Fleet fleet;
};

inline std::vector<core::MachineId> ids_of(const std::vector<core::Machine>& machines) {
  std::vector<core::MachineId> ids;
  for (const core::Machine& machine : machines) ids.push_back(machine.id);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace jitney::tests
