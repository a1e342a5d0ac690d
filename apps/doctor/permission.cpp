// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/permission.hpp"

#include <algorithm>

namespace jitney::app {

bool allows(const struct stat& file, const local::Account& who, Wish wish) {
  if (who.uid == 0) return true;
  const auto bit = static_cast<mode_t>(wish);
  if (file.st_uid == who.uid) return (file.st_mode >> 6U & bit) != 0;
  const bool member =
      file.st_gid == who.gid || std::ranges::find(who.groups, file.st_gid) != who.groups.end();
  return ((member ? file.st_mode >> 3U : file.st_mode) & bit) != 0;
}

std::optional<std::string> stuck_on_the_way(const local::Account& who, const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    struct stat found = {};
    if (stat(directory.c_str(), &found) != 0) return std::nullopt;
    if (!allows(found, who, Wish::pass)) return directory;
  }
  return std::nullopt;
}

bool may(const local::Account& who, const std::string& path, Wish wish) {
  struct stat found = {};
  if (stat(path.c_str(), &found) != 0) return false;
  return !stuck_on_the_way(who, path) && allows(found, who, wish);
}

}  // namespace jitney::app
