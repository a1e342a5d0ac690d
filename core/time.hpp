// SPDX-License-Identifier: Apache-2.0
// The two time types of the project. Every unit is in a type; no function takes a bare number.
#pragma once

#include <chrono>
#include <string>

namespace jitney::core {

using Duration = std::chrono::milliseconds;
// Wall-clock time (UTC), because rows outlive processes and machines. `Time{}` means "never".
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

// "45s", "3m 20s", "2h 5m", "3d 4h": two units at most, for people.
std::string describe(Duration duration);

}  // namespace jitney::core
