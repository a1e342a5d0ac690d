// SPDX-License-Identifier: Apache-2.0
// The life of one runner: session, poll, job, end. The exit status is the real runner's.
#pragma once

#include <filesystem>

#include "sim/github/jit.hpp"

namespace jitney::sim::runner {

// Exit codes of the real listener.
inline constexpr int kDone = 0;
inline constexpr int kTerminated = 1;
inline constexpr int kRetryable = 2;
inline constexpr int kSessionConflict = 5;

// SIGTERM and SIGINT must be blocked in the calling thread: they are waited for here.
int listen_for_jobs(const std::filesystem::path& root, const JitConfiguration& configuration,
                    bool once);

}  // namespace jitney::sim::runner
