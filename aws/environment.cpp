// SPDX-License-Identifier: Apache-2.0
#include "aws/environment.hpp"

#include <cstdlib>

namespace jitney::aws {

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

}  // namespace jitney::aws
