// SPDX-License-Identifier: Apache-2.0
// Starts a shim that outlives this process. Thread-safe.
#pragma once

#include <span>
#include <string>

#include "core/secret.hpp"
#include "local/file.hpp"

namespace jitney::local {

struct StartedShim {
  Descriptor pidfd;    // of our child: to be collected when it ends
  std::string answer;  // see shim.hpp; empty: it died or did not answer in time
};

// Runs `command` with `directory` behind it. The order goes through memory alone.
core::Result<StartedShim> start_shim(std::span<const std::string> command,
                                     const std::string& directory, const std::string& error_log,
                                     const core::Secret& order, core::Duration patience);

}  // namespace jitney::local
