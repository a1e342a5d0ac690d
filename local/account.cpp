// SPDX-License-Identifier: Apache-2.0
#include "local/account.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace jitney::local {

core::Result<Account> find_account(const std::string& name) {
  std::vector<char> buffer(64u << 10);
  passwd entry{};
  passwd* found = nullptr;
  if (name.empty()) {
    ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
    // A container may have no entry for its user.
    if (found == nullptr) return Account{"runner", ::geteuid(), ::getegid(), {}, false};
  } else {
    ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
      return core::fail(core::Fault::invalid, "runner_user: there is no user \"" + name +
                                                  "\"; make one (adduser --system " + name +
                                                  ") or name another");
    }
  }
  Account account{found->pw_name, found->pw_uid, found->pw_gid, {}, found->pw_uid != ::geteuid()};
  if (account.other && ::geteuid() != 0) {
    return core::fail(core::Fault::unauthorized,
                      "runner_user = \"" + name +
                          "\" needs jitney to run as root: only root may start jobs as another "
                          "user");
  }
  int count = 256;
  account.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(found->pw_name, found->pw_gid, account.groups.data(), &count) < 0) count = 0;
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

}  // namespace jitney::local
