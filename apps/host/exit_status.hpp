// SPDX-License-Identifier: Apache-2.0
// Exit statuses, as `jitney --help` tells them.
#pragma once

namespace jitney::app {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;           // the command line or the configuration is wrong
inline constexpr int kNotFound = 3;        // no such job, no database yet
inline constexpr int kUnreachable = 4;     // the running server does not answer
inline constexpr int kConfiguration = 78;  // of `serve`: systemd is told not to try again

}  // namespace jitney::app
