// SPDX-License-Identifier: Apache-2.0
// Local processes keep the contract of the port they stand for.
#include <algorithm>

#include "local/process_fleet_test_world.hpp"
#include "tests/contract/fleet_contract.hpp"

namespace jitney::contract {
namespace {

class ProcessFleetHome final : public FleetHome {
 public:
  ProcessFleetHome() {
    if (core::Status opened = world_.open(); !opened) ADD_FAILURE() << opened.error().what;
  }
  core::Fleet& fleet() override { return *world_.fleet; }
  core::Pool pool() override {
    core::Pool pool;
    pool.name = "cpu";
    return pool;
  }
  core::Secret jit() override {
    return core::Secret("echo begun; while [ ! -e end ]; do sleep 0.02; done; exit $(cat end)");
  }
  void end_runner(const core::MachineId& machine, int exit_code) override {
    // By a rename, so that the runner never reads half of it.
    const std::string root = "state/runners/" + machine;
    world_.write_file(root + "/ending", std::to_string(exit_code), 0644);
    std::filesystem::rename(world_.root(machine) + "/ending", world_.root(machine) + "/end");
  }
  int starts(const core::MachineId& machine) override {
    if (const auto found = world_.find(machine); !found || found->started != true) return 0;
    EXPECT_TRUE(world_.prints(machine, "begun\n"));
    const std::string log = world_.log(machine);
    return static_cast<int>(std::ranges::count(log, '\n'));
  }

 private:
  local::FleetWorld world_;
};

std::unique_ptr<FleetHome> make_fleet() { return std::make_unique<ProcessFleetHome>(); }

INSTANTIATE_TEST_SUITE_P(Process, FleetContract,
                         testing::Values(FleetMaker{"process", make_fleet}));

}  // namespace
}  // namespace jitney::contract
