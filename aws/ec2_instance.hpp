// SPDX-License-Identifier: Apache-2.0
// Instances as EC2 describes them. Immutable values; thread-safe as far as the client is.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"
#include "core/fleet.hpp"

namespace jitney::aws {

struct Instance {
  core::MachineId id;
  std::string state;  // pending, running, shutting-down, terminated, stopping, stopped
  std::string type;
  std::string zone;
  bool spot = false;
  core::Time launched_at{};
  std::map<std::string, std::string, std::less<>> tags;

  // It will not come back. EC2 goes on showing it for about an hour.
  [[nodiscard]] bool terminated() const { return state == "terminated"; }
};

// What EC2 knows of it, without what the runner on it does. A machine that stands still, which ours
// never do by themselves, is `ended`: it still has to be stopped for good.
core::Machine machine_of(const Instance& instance);

// "i-" and hexadecimal digits. Anything else is no machine of EC2's, and one such id makes EC2
// refuse a whole call.
bool is_instance_id(std::string_view text);

// All that the filters of `parameters` let through, page by page. Empty when there are none. May
// lag some seconds behind a launch.
core::Result<std::vector<Instance>> describe_instances(Client& client, Parameters parameters);

}  // namespace jitney::aws
