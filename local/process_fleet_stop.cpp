// SPDX-License-Identifier: Apache-2.0
// stop() of the process fleet, and what is kept of machines that are gone.
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "local/directory_listing.hpp"
#include "local/process_fleet.hpp"
#include "local/runner_root.hpp"
#include "net/log.hpp"

namespace jitney::local {

namespace {

using SteadyClock = std::chrono::steady_clock;
// A shim that was told to stop kills after the grace, then writes.
constexpr std::chrono::seconds kShimPatience{12};
constexpr std::chrono::seconds kLockPatience{2};
constexpr core::Duration kTombstones = std::chrono::hours(24);
constexpr std::int64_t kPruneEvery = 10 * 60 * 1000;

core::Time changed_at(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return {};
  return core::Time{std::chrono::seconds(found.st_mtim.tv_sec)};
}

void prune_folder(const std::string& path, core::Duration age, std::size_t most) {
  std::vector<std::pair<core::Time, std::string>> entries;
  for (std::string& name : list_directory(path)) {
    entries.emplace_back(changed_at(path + "/" + name), std::move(name));
  }
  std::ranges::sort(entries);
  const core::Time oldest = wall_clock() - age;
  std::size_t left = entries.size();
  for (const auto& [time, name] : entries) {
    if (time >= oldest && left <= most) return;
    remove_tree(path, name);
    left -= 1;
  }
}

}  // namespace

// One machine on its way out.
struct ProcessFleet::Stopping {
  core::MachineId id;
  MachineFiles files;
  Descriptor shim;
  bool gone = false;
  std::string trouble;
};

core::Result<std::vector<core::MachineId>> ProcessFleet::stop(
    std::span<const core::MachineId> machines) {
  std::vector<core::MachineId> gone;
  std::vector<Stopping> ours;
  {
    const std::scoped_lock lock(mutex_);
    for (const core::MachineId& id : machines) {
      if (!is_machine_name(id) || (!exists(files(id).directory) && !exists(root(id)))) {
        gone.push_back(id);
      } else if (being_stopped_.insert(id).second) {
        ours.push_back({id, files(id), Descriptor(), false, ""});
      }
      // Else another call is at it and will answer.
    }
  }
  // All are asked before one is waited for.
  for (Stopping& machine : ours) ask_to_stop(machine);
  const auto until = SteadyClock::now() + options_.stop_grace + kShimPatience;
  for (Stopping& machine : ours) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
    wait_for_end(machine.shim, std::max(left, std::chrono::milliseconds(0)));
  }
  for (Stopping& machine : ours) {
    if (finish_stop(machine)) {
      gone.push_back(machine.id);
    } else {
      net::log(net::LogLevel::error, "a machine could not be stopped",
               {{"machine", machine.id}, {"cause", machine.trouble}});
    }
    const std::scoped_lock lock(mutex_);
    being_stopped_.erase(machine.id);
  }
  prune(false);
  return gone;
}

void ProcessFleet::ask_to_stop(Stopping& machine) const {
  if (!exists(machine.files.directory)) return;
  if (core::Status marked = write_durably(machine.files.stopping(), ""); !marked) {
    machine.trouble = marked.error().what;
    return;
  }
  // A shim that holds the lock but has not written yet is about to.
  const auto until = SteadyClock::now() + kLockPatience;
  for (;;) {
    const auto record = read_shim(machine.files);
    if (record && *record) {
      machine.shim = open_process((*record)->shim);
      signal_process(machine.shim, SIGTERM);
      return;
    }
    if (!lock_is_held(machine.files.lock()) || SteadyClock::now() >= until) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

bool ProcessFleet::finish_stop(Stopping& machine) {
  if (!machine.trouble.empty()) return false;
  if (!exists(machine.files.directory)) return dispose(machine.id);
  const auto record = read_shim(machine.files);
  if (!wait_for_end(machine.shim, std::chrono::milliseconds(0))) {
    signal_process(machine.shim, SIGKILL);
    wait_for_end(machine.shim, kLockPatience);
  }
  const auto until = SteadyClock::now() + kLockPatience;
  for (;;) {
    // Held until the directory is gone, so that no start comes between.
    const auto lock = take_lock(machine.files.lock());
    if (lock && *lock) {
      if (record && *record && !end_leftovers(machine.id, **record)) {
        machine.trouble = "processes of its job cannot be ended";
        return false;
      }
      if (dispose(machine.id)) return true;
      machine.trouble = "its directories can neither be removed nor set aside";
      return false;
    }
    if (SteadyClock::now() >= until) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  machine.trouble = "its lock is held, though its shim was ended";
  return false;
}

// The root first: as long as the machine's own directory is there, the machine is.
bool ProcessFleet::dispose(const core::MachineId& machine) {
  keep_log(machine);
  if (!remove_tree(options_.runners_dir, machine) && !quarantine(machine)) return false;
  const std::string from = files(machine).directory;
  if (!exists(from)) return true;
  // A later launch under the same token still has to name it.
  const auto meta = read_meta(files(machine));
  const MachineMeta known = meta && *meta ? **meta : MachineMeta{};
  if (!write_durably(tombstone(machine), to_json(known))) return false;
  const std::string away = ".gone-" + machine;
  const std::string machines = options_.state_dir + "/machines";
  if (::rename(from.c_str(), (machines + "/" + away).c_str()) != 0) return errno == ENOENT;
  static_cast<void>(sync_directory(machines));
  // What stays of it now is cleared at the next start.
  remove_tree(machines, away);
  return true;
}

void ProcessFleet::keep_log(const core::MachineId& machine) const {
  const std::string to = logs_dir() + "/" + machine;
  if (exists(files(machine).log())) ::rename(files(machine).log().c_str(), (to + ".log").c_str());
  const std::string diag = root(machine) + "/" + std::string(kDiagnostics);
  if (exists(files(machine).diagnostics())) {
    ::rename(files(machine).diagnostics().c_str(), (to + ".diag").c_str());
  } else if (exists(diag)) {
    keep_files(diag, to + ".diag", kDiagnosticBytes);
  }
}

void ProcessFleet::prune(bool now) {
  const std::int64_t time = wall_clock().time_since_epoch().count();
  std::int64_t last = pruned_at_.load();
  if (!now && time - last < kPruneEvery) return;
  if (!pruned_at_.compare_exchange_strong(last, time)) return;
  prune_folder(logs_dir(), options_.keep_logs, options_.keep_log_files);
  prune_folder(options_.state_dir + "/gone", kTombstones, SIZE_MAX);
}

}  // namespace jitney::local
