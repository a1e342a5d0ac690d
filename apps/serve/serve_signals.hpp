// SPDX-License-Identifier: Apache-2.0
// Signals as something to wait for, and what systemd wants to hear. For main threads; one object a
// process.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "core/result.hpp"

namespace jitney::app {

// Handles SIGTERM and SIGINT while it lives. SIGHUP is ignored: configuration is read at start
// only, and a closed terminal must not end a server. Handlers, not a blocked mask: a mask would be
// inherited by runners.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next signal; nullopt after `longest`, or when there is input on `also_fd` (-1: none).
  std::optional<int> wait(std::optional<core::Duration> longest, int also_fd = -1);
};

// Tells $NOTIFY_SOCKET, if there is one: "READY=1", "STOPPING=1", "STATUS=...". Best effort, never
// blocks.
void notify_systemd(std::string_view state);

}  // namespace jitney::app
