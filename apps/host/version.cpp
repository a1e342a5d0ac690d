// SPDX-License-Identifier: Apache-2.0
#include "apps/host/version.hpp"

namespace jitney::app {

std::string_view version() { return JITNEY_VERSION; }

}  // namespace jitney::app
