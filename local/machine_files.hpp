// SPDX-License-Identifier: Apache-2.0
// What is kept of a machine on disk, out of its job's reach: <state_dir>/machines/<id>/ with
//   meta.json    what it is, from launch() on; the machine exists as long as this does
//   lock         held by its shim, or by who settles or removes it
//   stopping     it is to go: never start it
//   shim.json    who runs it; from the first moment of start() on
//   status.json  how its runner ended
//   log          what the runner printed, bounded
//   diag/        what it wrote of itself (its _diag), bounded
// docs/process-fleet.md shows them. Thread-safe; every write is whole and durable.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/fleet.hpp"
#include "local/cgroup.hpp"
#include "local/process_identity.hpp"

namespace jitney::local {

struct MachineFiles {
  std::string directory;

  [[nodiscard]] std::string meta() const { return directory + "/meta.json"; }
  [[nodiscard]] std::string lock() const { return directory + "/lock"; }
  [[nodiscard]] std::string stopping() const { return directory + "/stopping"; }
  [[nodiscard]] std::string shim() const { return directory + "/shim.json"; }
  [[nodiscard]] std::string status() const { return directory + "/status.json"; }
  [[nodiscard]] std::string log() const { return directory + "/log"; }
  [[nodiscard]] std::string diagnostics() const { return directory + "/diag"; }
  [[nodiscard]] std::string shim_log() const { return directory + "/shim.log"; }
};

struct MachineMeta {
  std::string deployment;
  std::string pool;
  core::BatchId batch;
  std::string user;  // name of the account; empty: the server's own
  Limits limits;
  std::string boot_id;  // after a reboot its files may be half
  core::Time launched_at{};
};

struct ShimRecord {
  ProcessIdentity shim;
  ProcessIdentity keeper;  // pid 0: not begun
  core::RunnerName runner;
  std::string cgroup;  // its path; empty: none
  int restarts = 0;
};

struct EndRecord {
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string cause;
  core::Time ended_at{};
};

// nullopt: not there. `transient`: unreadable.
core::Result<std::optional<MachineMeta>> read_meta(const MachineFiles& files);
// What stays of a machine that is gone: a meta.json of its own.
core::Result<std::optional<MachineMeta>> read_tombstone(const std::string& path);
core::Result<std::optional<ShimRecord>> read_shim(const MachineFiles& files);
core::Result<std::optional<EndRecord>> read_end(const MachineFiles& files);
std::string to_json(const MachineMeta& meta);
core::Status write_shim(const MachineFiles& files, const ShimRecord& record);
core::Status write_end(const MachineFiles& files, const EndRecord& record);

// What start() hands to the shim through memory: never a file, an argument or an environment.
struct StartOrder {
  std::string machine;
  core::RunnerName runner;
  std::string root;
  std::string runners_dir;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  bool other_user = false;
  std::vector<std::string> environment;  // "NAME=value", without the JIT configuration
  std::string cgroup_parent;             // empty: none
  std::vector<std::string> controllers;
  Limits limits;
  bool namespaces = false;
  bool no_new_privileges = false;
  std::int64_t log_bytes = 0;
  core::Duration grace{};
  core::Duration restart_delay{};
  core::Duration update_wait{};
  int max_restarts = 0;
  core::Secret jit;
};

core::Secret serialize(const StartOrder& order);
core::Result<StartOrder> parse_order(const core::Secret& text);

core::Time wall_clock();

}  // namespace jitney::local
