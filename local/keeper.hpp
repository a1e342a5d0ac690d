// SPDX-License-Identifier: Apache-2.0
// The process between shim and runner: the first of the runner's PID namespace where there is one.
// It starts bin/Runner.Listener, starts it again where its exit code asks for that, and takes
// everything with it when it ends. One thread.
#pragma once

#include "local/machine_files.hpp"

namespace jitney::local {

struct KeeperPipes {
  Descriptor go;      // one byte: begin. End of file: the shim is gone
  Descriptor begun;   // closed without a word: the runner was executed; else why not
  Descriptor status;  // one KeeperStatus at the end
  Descriptor log;     // standard output and error of the runner
};

struct KeeperStatus {
  int wait_status = 0;  // of the runner, as waitpid() gives it
  int restarts = 0;
};

// Exit codes of Runner.Listener that ask for another start.
inline constexpr int kExitRetryable = 2;
inline constexpr int kExitUpdating = 3;
inline constexpr int kExitRunOnceUpdating = 4;

[[noreturn]] void run_keeper(const StartOrder& order, KeeperPipes pipes);

}  // namespace jitney::local
