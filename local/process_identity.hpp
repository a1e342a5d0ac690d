// SPDX-License-Identifier: Apache-2.0
// Which process is meant: process ids are used again, so a boot id and a start time stand beside
// them. Reads /proc. Thread-safe.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "local/file.hpp"

namespace jitney::local {

struct ProcessIdentity {
  std::string boot_id;
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // field 22 of /proc/<pid>/stat
};

std::string boot_id();
// nullopt: no such process, or only its zombie.
std::optional<std::uint64_t> start_time_of(pid_t pid);
ProcessIdentity identify(pid_t pid);
bool alive(const ProcessIdentity& process);
// A pidfd of exactly this process; empty: it is gone.
Descriptor open_process(const ProcessIdentity& process);
bool signal_process(const Descriptor& pidfd, int signal);
// true: it ended before the time was over.
bool wait_for_end(const Descriptor& pidfd, std::chrono::milliseconds patience);

// Those whose chain of parents leads to `ancestor`.
std::vector<pid_t> descendants(pid_t ancestor);
// Kills all descendants of this process, which must be their subreaper, and collects them, those
// that daemonised and those that fork meanwhile included. false: some are left.
bool kill_descendants(std::chrono::milliseconds patience);
// Processes whose environment holds `entry` ("NAME=value").
std::vector<pid_t> processes_with(const std::string& entry);

}  // namespace jitney::local
