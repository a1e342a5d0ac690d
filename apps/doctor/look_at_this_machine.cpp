// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include "apps/doctor/doctor.hpp"
#include "apps/doctor/machine_checks.hpp"

namespace jitney::app {

namespace {

void append(std::vector<Finding>& to, std::vector<Finding> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<Area> look_at_this_machine(const Config& config) {
  const MachineFacts facts = look_at_machine(config);
  Area area{"This machine", {}};
  std::vector<Finding>& findings = area.findings;
  if (config.fleet == FleetKind::process) {
    append(findings, check_runner_dirs(facts));
    append(findings, check_users(facts));
    findings.push_back(check_isolation(facts));
    findings.push_back(check_limits(facts));
  }
  findings.push_back(check_state(facts));
  append(findings, check_listeners(facts));
  if (config.fleet == FleetKind::process) findings.push_back(check_disk(facts.disk));
  return {area};
}

}  // namespace jitney::app
