// SPDX-License-Identifier: Apache-2.0
// What another user may do with a file, by owner, group and mode of it and of all directories
// above: access(2) answers for this process only. Access control lists are not looked at. Pure, but
// for may().
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "local/account.hpp"

namespace jitney::app {

enum class Wish : unsigned { pass = 1, write = 2, read = 4 };

// By one file's own owner, group and mode. Root may do all.
bool allows(const struct stat& file, const local::Account& who, Wish wish);

// false too when there is no such file, or when it lies where `who` cannot pass.
bool may(const local::Account& who, const std::string& path, Wish wish);

// The first directory on the way to `path` that `who` cannot pass; a part that is not there ends
// the way.
std::optional<std::string> stuck_on_the_way(const local::Account& who, const std::string& path);

}  // namespace jitney::app
