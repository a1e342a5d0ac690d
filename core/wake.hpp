// SPDX-License-Identifier: Apache-2.0
// Wake-ups that a pool gives itself: follow-ups of boots, retries and waits.
#pragma once

#include <string>

#include "core/deployment.hpp"

namespace jitney::core {

// Has create_runner of the pool called at `at`, or a little sooner. One such message at a time is
// under way: a queue need not coalesce, and every message that pushed one of its own would keep as
// many under way as there were webhooks. Losing one costs a sweep's time.
Status wake_at(const Context& context, const std::string& pool, Time at, const std::string& why);

}  // namespace jitney::core
