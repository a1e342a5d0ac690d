// SPDX-License-Identifier: Apache-2.0
// A fleet on this machine: each "machine" is a directory with a copy of the runner in it, and a
// shim that runs it and outlives this process. docs/process-fleet.md. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/fleet.hpp"
#include "local/account.hpp"
#include "local/cgroup.hpp"
#include "local/end_watch.hpp"
#include "local/machine_files.hpp"

namespace jitney::local {

struct ProcessPoolOptions {
  std::string runner_dir;   // the template: holds bin/Runner.Listener
  std::string runner_user;  // empty: the server's own user, which protects nothing
  Limits limits;
  std::map<std::string, std::string> environment;  // of runners, besides a small one of our own
  bool no_new_privileges = false;                  // true: no sudo in jobs
};

struct ProcessFleetOptions {
  std::string state_dir;    // made if missing; jobs' users must be able to pass through it
  std::string runners_dir;  // empty: <state_dir>/runners
  std::string deployment;
  std::map<std::string, ProcessPoolOptions> pools;  // by pool name
  // How this executable is told to be a shim; its directory follows.
  std::vector<std::string> shim_command{"/proc/self/exe", "shim"};
  std::int64_t min_free_disk = std::int64_t{2} << 30;
  core::Duration stop_grace = std::chrono::seconds(30);
  core::Duration start_patience = std::chrono::seconds(30);
  core::Duration keep_logs = std::chrono::hours(24 * 7);
  std::size_t keep_log_files = 2000;
  std::int64_t log_bytes = std::int64_t{64} << 20;
  core::Duration restart_delay = std::chrono::seconds(5);  // after exit code 2
  core::Duration update_wait = std::chrono::seconds(30);   // after exit codes 3 and 4
  int max_restarts = 10;
  bool use_cgroups = true;
  std::string cgroup_parent;  // empty: below this process's own
  bool use_namespaces = true;
};

class ProcessFleet final : public core::Fleet {
 public:
  using RunnerEnded = std::function<void(core::MachineId machine, std::optional<int> exit_code)>;

  // Makes its directories, clears halves that a crash left, adopts what runs. One fleet a
  // directory. `invalid`, `unauthorized`: a person must change something.
  static core::Result<std::unique_ptr<ProcessFleet>> open(ProcessFleetOptions options);
  ~ProcessFleet() override;

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override;
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override;
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override;
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override;
  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override;
  core::Result<std::vector<core::Machine>> list() override;
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override;

  // Called on a thread of the fleet within moments of a runner's end, one call at a time; ends
  // while nobody listened are in list(). At most one listener; when this returns, the last one is
  // not being called any more. A listener must not call it.
  void on_runner_end(RunnerEnded listener);
  // For people: how runners are kept apart, and which configured limits do not hold. Begins with
  // "none" where nothing keeps a job from the server.
  [[nodiscard]] std::string describe_isolation() const;
  // Why runners of one user see each other's processes and roots; empty: they do not.
  [[nodiscard]] std::string no_namespaces() const { return no_namespaces_; }
  [[nodiscard]] std::size_t quarantined() const;  // roots that could not be removed
  [[nodiscard]] std::int64_t free_disk() const;   // bytes where runners live; 0: unknown
  [[nodiscard]] std::string runners_dir() const { return options_.runners_dir; }
  // Where the logs of machines that are gone are kept for a while.
  [[nodiscard]] std::string logs_dir() const { return options_.state_dir + "/logs"; }

 private:
  explicit ProcessFleet(ProcessFleetOptions options);
  core::Status prepare();
  core::Status check_users() const;
  void clear_halves();
  void adopt();

  [[nodiscard]] MachineFiles files(const core::MachineId& machine) const;
  [[nodiscard]] std::string root(const core::MachineId& machine) const;
  [[nodiscard]] std::string tombstone(const core::MachineId& machine) const;
  core::Status make_machine(const core::MachineId& machine, const MachineMeta& meta,
                            const std::string& runner_dir);
  core::Status enough_disk() const;
  core::Result<StartOrder> order(const core::MachineId& machine, const MachineMeta& meta) const;

  core::Result<std::optional<core::Machine>> look(const core::MachineId& machine);
  std::optional<core::Machine> look_or_say(const core::MachineId& machine);
  // One that is gone, as launch() names it.
  core::Result<std::optional<core::Machine>> look_back(const core::MachineId& machine) const;
  core::Status look_closer(const MachineFiles& files, core::Machine& machine,
                           const MachineMeta& meta);
  // A runner whose shim is dead: ends what is left of it and records the end. false: somebody else
  // is at it.
  core::Result<bool> settle(const core::MachineId& machine, const MachineFiles& files);
  void told_of_end(const core::MachineId& machine);

  struct Stopping;
  void ask_to_stop(Stopping& machine) const;
  bool finish_stop(Stopping& machine);
  bool dispose(const core::MachineId& machine);
  bool quarantine(const core::MachineId& machine);
  void keep_log(const core::MachineId& machine) const;
  void prune(bool now);

  ProcessFleetOptions options_;
  CgroupParent cgroups_;
  std::string no_namespaces_;             // why; empty: there are
  std::array<std::mutex, 16> launching_;  // by token: a token is launched by one thread at a time
  std::mutex mutex_;
  std::set<core::MachineId> being_stopped_;  // guarded by mutex_
  std::mutex listener_mutex_;
  RunnerEnded listener_;  // guarded by listener_mutex_
  std::atomic<std::int64_t> pruned_at_{0};
  std::unique_ptr<EndWatch> watch_;  // last: its thread uses all of the above
};

// Ends what a dead shim left of this boot's processes. false: some are left.
bool end_leftovers(const core::MachineId& machine, const ShimRecord& record);

}  // namespace jitney::local
