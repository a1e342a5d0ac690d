// SPDX-License-Identifier: Apache-2.0
// The process that stands over one runner and outlives the server: `jitney shim <directory>`. Holds
// the machine's lock, keeps its log within bounds, writes how it ended, leaves nothing running.
// One thread.
#pragma once

#include <string>
#include <string_view>

namespace jitney::local {

// Descriptors that start() opens for it.
inline constexpr int kShimOrder = 3;   // a sealed memory file with the StartOrder
inline constexpr int kShimAnswer = 4;  // a pipe: one line of these, then end of file
inline constexpr std::string_view kAnswerStarted = "started";   // the runner was executed
inline constexpr std::string_view kAnswerBefore = "before";     // one runs or has run here
inline constexpr std::string_view kAnswerGone = "gone";         // the machine is being removed
inline constexpr std::string_view kAnswerRefused = "refused ";  // and why: nothing was started

struct ShimOptions {
  std::string directory;  // the machine's MachineFiles
};

// Returns when the runner has ended and all is written; does not return where a runner was started,
// but exits, because this process can make no children any more.
int run_shim(const ShimOptions& options);

}  // namespace jitney::local
