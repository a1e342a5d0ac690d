// SPDX-License-Identifier: Apache-2.0
// A control group (version 2) a runner: limits that hold for all its processes, and an end that
// none of them escapes. Thread-safe; owns nothing in memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace jitney::local {

struct Limits {
  std::int64_t memory = 0;  // bytes; 0: none
  double cpu = 0;           // cores; 0: none
  int tasks = 0;            // processes and threads; 0: none
};

// Where groups of ours are made.
struct CgroupParent {
  std::string path;                      // empty: there is none
  std::vector<std::string> controllers;  // that runners' groups have: memory, cpu, pids
  std::string why_not;                   // for people, when `path` is empty
};

// Where version 2 is mounted, which a hybrid system has beside version 1; empty: nowhere.
std::string cgroup_mount();

// Below `parent` (a directory of a cgroup2 mount), or below this process's own group when that is
// empty. Where controllers have to be handed down, it moves the processes of its group into a leaf
// beside the runners first: the kernel allows controllers only in groups without processes.
CgroupParent prepare_cgroups(const std::string& parent, const std::string& name);

// Answers its path. Limits whose controller is missing are left out: describe_isolation() says so.
core::Result<std::string> make_cgroup(const std::string& parent, const std::string& name,
                                      const Limits& limits,
                                      const std::vector<std::string>& controllers);
bool enter_cgroup(const std::string& path, std::int64_t pid);
// Kills all that is in it and removes it. true: it is gone, or never was.
bool end_cgroup(const std::string& path, std::chrono::milliseconds patience);

}  // namespace jitney::local
