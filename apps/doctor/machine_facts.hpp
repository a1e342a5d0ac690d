// SPDX-License-Identifier: Apache-2.0
// What this machine shows of an embedded set-up, without changing anything. Values; the look is for
// one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/config.hpp"

namespace jitney::app {

struct RunnerDirFacts {
  std::string path;
  std::vector<std::string> pools;
  std::string trouble;               // why bin/Runner.Listener cannot be executed; empty: it can
  std::string version;               // empty: it does not tell
  std::vector<std::string> open_to;  // users of jobs who may change what is in it
};

struct UserFacts {
  std::string name;  // empty: no runner_user is configured
  std::vector<std::string> pools;
  bool there = true;
  uid_t uid = 0;
  std::vector<std::string> may_read;   // of what holds secrets: database, secret files
  std::vector<std::string> may_write;  // of those, and the configuration
  std::string stuck_at;  // a directory above the runners' that it cannot pass; empty: none
};

struct CgroupFacts {
  bool mounted = false;                  // version 2
  std::vector<std::string> controllers;  // that the root of the mount has
};

struct StateFacts {
  std::string path;
  bool there = false;
  std::string trouble;  // why it cannot be used; empty: it can, or will be made
  bool database = false;
  mode_t database_mode = 0;
};

struct ListenerFacts {
  enum class State { ours, unwell, free, taken, unknown };
  std::string address;  // "127.0.0.1:8080"
  State state = State::unknown;
  std::string detail;  // what /healthz said, or errno's words
  // Why the server that answers cannot give runners namespaces; empty: it can. nullopt: nobody
  // told.
  std::optional<std::string> no_namespaces = std::nullopt;
};

struct DiskFacts {
  std::string path;
  std::int64_t free = 0;
  std::int64_t floor = 0;
  std::string trouble;  // empty: it was measured
};

struct MachineFacts {
  bool root = false;
  std::vector<RunnerDirFacts> runner_dirs;
  std::vector<UserFacts> users;
  CgroupFacts cgroups;
  std::string no_namespaces;  // why this process could not make them; empty: it could
  StateFacts state;
  ListenerFacts admin;
  std::optional<ListenerFacts> webhook;  // nullopt: ingress = "poll" has none
  DiskFacts disk;
};

// Bounded: file system calls, and two connections of three seconds at most.
MachineFacts look_at_machine(const Config& config);

}  // namespace jitney::app
