// SPDX-License-Identifier: Apache-2.0
// Names in a directory. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jitney::local {

// Sorted, without "." and ".."; empty where there is no such directory.
std::vector<std::string> list_directory(const std::string& path);
// A name that launch() could have given: safe in a path.
bool is_machine_name(std::string_view name);

}  // namespace jitney::local
