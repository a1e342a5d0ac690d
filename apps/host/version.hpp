// SPDX-License-Identifier: Apache-2.0
// Which Jitney this is.
#pragma once

#include <string_view>

namespace jitney::app {

std::string_view version();

}  // namespace jitney::app
