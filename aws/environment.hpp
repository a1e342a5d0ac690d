// SPDX-License-Identifier: Apache-2.0
// The variables that AWS's own tools obey, behind a function so that tests bring their own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace jitney::aws {

// nullopt: unset or empty, which AWS's tools treat alike. Callable from any thread.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// The process's own. Nothing may change it meanwhile.
Environment process_environment();

}  // namespace jitney::aws
