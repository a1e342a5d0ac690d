// SPDX-License-Identifier: Apache-2.0
// The user that jobs run as. Immutable after construction.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/result.hpp"

namespace jitney::local {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool other = false;  // than this process's own user
};

// Empty: whoever runs this process. `invalid`: no such user. `unauthorized`: only root may run jobs
// as someone else.
core::Result<Account> find_account(const std::string& name);

}  // namespace jitney::local
