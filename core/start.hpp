// SPDX-License-Identifier: Apache-2.0
// Mints one runner and starts it on its machine. Part of create_runner; safe to run twice and at
// once.
#pragma once

#include "core/deployment.hpp"

namespace jitney::core {

// Claims the runner for one lease, mints, hands the JIT configuration over. ok: started, or someone
// else's lease runs, or its own failure was recorded. A fault: GitHub cannot be asked now, mint
// nothing more.
Status start(const Context& context, const Pool& pool, const RunnerName& name);

}  // namespace jitney::core
