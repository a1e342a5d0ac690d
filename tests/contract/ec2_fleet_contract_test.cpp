// SPDX-License-Identifier: Apache-2.0
// The EC2 fleet keeps the contract of its port, before the stub of tests/aws/cloud.hpp: moto makes
// a second set of machines for the same client token, and has no agents and no life of commands.
// What moto can play is in aws/ec2_moto_test.cpp.
#include "tests/aws/fleet_world.hpp"
#include "tests/contract/fleet_contract.hpp"

namespace jitney::contract {

namespace {

class Ec2FleetHome final : public FleetHome {
 public:
  core::Fleet& fleet() override { return world_.fleet; }
  core::Pool pool() override { return world_.pool(); }
  core::Secret jit() override { return core::Secret("jit"); }
  void end_runner(const core::MachineId& machine, int exit_code) override {
    world_.cloud.end_runner(machine, exit_code);
  }
  int starts(const core::MachineId& machine) override {
    return world_.cloud.instance(machine).starts;
  }
  bool answering_knows_ends() override { return false; }
  void settle() override { world_.cloud.settle(); }

 private:
  tests::FleetWorld world_;
};

std::unique_ptr<FleetHome> make_fleet() { return std::make_unique<Ec2FleetHome>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Ec2OnStub, FleetContract,
                         ::testing::Values(FleetMaker{"ec2", make_fleet}));

}  // namespace jitney::contract
