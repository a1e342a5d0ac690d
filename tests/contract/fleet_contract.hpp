// SPDX-License-Identifier: Apache-2.0
// What core/fleet.hpp promises, as tests. An adapter joins by INSTANTIATE_TEST_SUITE_P with a
// FleetMaker and by building fleet_contract.cpp into its executable.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/fleet.hpp"

namespace jitney::contract {

// One fleet with one pool that can be launched; made anew for each test.
class FleetHome {
 public:
  virtual ~FleetHome() = default;
  virtual core::Fleet& fleet() = 0;
  virtual core::Pool pool() = 0;
  // With it a runner stays until it is told to end.
  virtual core::Secret jit() = 0;
  // The runner that start() began on the machine ends by itself.
  virtual void end_runner(const core::MachineId& machine, int exit_code) = 0;
  // How many runners were ever begun on the machine.
  virtual int starts(const core::MachineId& machine) = 0;
  // Whether answering() leaves out machines whose runner has ended.
  virtual bool answering_knows_ends() { return true; }
  // Whatever has to pass until launched machines answer and list() shows them.
  virtual void settle() {}
};

struct FleetMaker {
  const char* name;
  std::unique_ptr<FleetHome> (*make)();
};
inline std::ostream& operator<<(std::ostream& out, const FleetMaker& maker) {
  return out << maker.name;
}

class FleetContract : public testing::TestWithParam<FleetMaker> {
 protected:
  core::Fleet& fleet() { return home_->fleet(); }
  std::string request(int count);
  std::vector<core::Machine> launched(int count, const std::string& token = "ci-cpu-1/0");
  core::MachineId answering_machine();
  std::vector<core::MachineId> stop(const std::vector<core::MachineId>& machines);
  // find() until the machine is in this state, within bounds.
  bool comes_to(const core::MachineId& machine, core::MachineState state);

  const std::unique_ptr<FleetHome> home_ = GetParam().make();
};

}  // namespace jitney::contract
