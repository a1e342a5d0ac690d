// SPDX-License-Identifier: Apache-2.0
// From what this machine shows to what a person should know. Pure functions.
#pragma once

#include <vector>

#include "apps/doctor/finding.hpp"
#include "apps/doctor/machine_facts.hpp"

namespace jitney::app {

// One for each runner_dir; their versions are runner_version.hpp's.
std::vector<Finding> check_runner_dirs(const MachineFacts& facts);
std::vector<Finding> check_users(const MachineFacts& facts);
// Namespaces; and, whatever those say, cgroups.
Finding check_isolation(const MachineFacts& facts);
Finding check_limits(const MachineFacts& facts);
Finding check_state(const MachineFacts& facts);
// admin_listen, and webhook_listen where there is one.
std::vector<Finding> check_listeners(const MachineFacts& facts);
Finding check_disk(const DiskFacts& disk);

}  // namespace jitney::app
