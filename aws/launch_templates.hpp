// SPDX-License-Identifier: Apache-2.0
// Launch templates by name or id, and the zones of subnets. Remembers answers for a while; nothing
// is wrong when it forgets. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"

namespace jitney::aws {

struct LaunchTemplate {
  std::string id;
  std::string version;  // a number
};

class LaunchTemplates {
 public:
  // Borrowed; outlives this.
  explicit LaunchTemplates(Client& client) : client_(client) {}

  // `name` is a name or "lt-...", `version` "$Default", "$Latest" or a number. What a version's
  // name means is asked again after a minute. `invalid`: there is none; the text says what to do.
  core::Result<LaunchTemplate> find(const std::string& name, const std::string& version);

  // By subnet. `invalid`: one of them is not there.
  core::Result<std::map<std::string, std::string>> zones(const std::vector<std::string>& subnets);

 private:
  struct Known {
    LaunchTemplate found;
    std::chrono::steady_clock::time_point at;
  };
  core::Result<LaunchTemplate> ask(const std::string& name, const std::string& version);

  Client& client_;
  std::mutex mutex_;                          // of all below; never held during a call
  std::map<std::string, Known> templates_;    // by name and version
  std::map<std::string, std::string> zones_;  // a subnet never moves
};

}  // namespace jitney::aws
