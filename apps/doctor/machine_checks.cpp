// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/machine_checks.hpp"

#include <algorithm>
#include <cstdio>

namespace jitney::app {

namespace {

constexpr const char* kOnlyRoot =
    "only root sees it; the log of jitney serve says how runners are kept apart";

std::string of_pools(const std::vector<std::string>& pools) {
  return " (" + counted(pools.size(), "pool") + ": " + some_of(pools) + ")";
}

std::string gib(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB",
                static_cast<double>(bytes) / static_cast<double>(std::int64_t{1} << 30));
  return text;
}

Finding check_listener(const char* key, const ListenerFacts& facts, const ListenerFacts& admin) {
  const std::string check = key;
  switch (facts.state) {
    case ListenerFacts::State::ours:
      return ok(check, facts.address + ": jitney serve answers");
    case ListenerFacts::State::unwell:
      return failed(check, facts.address + ": jitney serve is not well: " + facts.detail,
                    "its log says why: journalctl -u jitney");
    case ListenerFacts::State::free:
      if (admin.state == ListenerFacts::State::ours) {
        return failed(check, facts.address + ": nobody listens, though jitney serve runs",
                      "does it run with this configuration? Restart it");
      }
      return failed(check, facts.address + ": free; jitney serve does not run",
                    "systemctl start jitney, or: jitney serve");
    case ListenerFacts::State::taken:
      return failed(check,
                    facts.address + ": another program has it" +
                        (facts.detail.empty() ? "" : " (" + facts.detail + ")"),
                    "find it with: ss -ltnp; end it, or write another " + check);
    case ListenerFacts::State::unknown:
      break;
  }
  return failed(check, facts.address + ": " + facts.detail,
                "write an address of this machine as " + check);
}

Finding check_user(const UserFacts& user, bool root) {
  const std::string check = "runner user";
  const std::string of = of_pools(user.pools);
  if (user.name.empty()) {
    if (root) {
      return failed(check, "there is none, and a server run by root would run jobs as root" + of,
                    "write runner_user = \"NAME\" of a user who owns nothing");
    }
    return warning(check, "there is none: jobs run as the server's own user" + of,
                   "run the server as root with a runner_user; else only run jobs you wrote "
                   "yourself");
  }
  if (!user.there) {
    return failed(
        check, "there is no user " + user.name + of,
        "useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin " + user.name);
  }
  if (user.uid == 0) {
    return failed(check, user.name + " is root, who owns this machine" + of,
                  "write a user who owns nothing as runner_user");
  }
  if (!user.may_read.empty()) {
    return failed(check,
                  user.name + " can read " + some_of(user.may_read) + ", and so can every job",
                  "chmod 600 " + user.may_read.front() + " and give it to root");
  }
  if (!user.may_write.empty()) {
    return failed(
        check, user.name + " can change " + some_of(user.may_write) + ", and so can every job",
        "chown root " + user.may_write.front() + " && chmod go-w " + user.may_write.front());
  }
  if (!user.stuck_at.empty()) {
    return failed(check, user.name + " cannot pass through " + user.stuck_at + " to its runners",
                  "chmod o+x " + user.stuck_at);
  }
  return ok(check, user.name + ", who cannot read secrets or the database");
}

}  // namespace

std::vector<Finding> check_runner_dirs(const MachineFacts& facts) {
  std::vector<Finding> findings;
  for (const RunnerDirFacts& dir : facts.runner_dirs) {
    const std::string check = "runner";
    const std::string of = of_pools(dir.pools);
    if (!dir.trouble.empty()) {
      findings.push_back(failed(check, dir.path + "/bin/Runner.Listener: " + dir.trouble + of,
                                "unpack GitHub's actions-runner package to " + dir.path +
                                    ", or write another runner_dir"));
    } else if (!dir.open_to.empty()) {
      findings.push_back(failed(check,
                                some_of(dir.open_to) + " can change " + dir.path +
                                    ", so one job could change what the next one runs",
                                "chown -R root " + dir.path + " && chmod -R go-w " + dir.path));
    } else {
      findings.push_back(ok(check, dir.path + of));
    }
  }
  return findings;
}

std::vector<Finding> check_users(const MachineFacts& facts) {
  std::vector<Finding> findings;
  for (const UserFacts& user : facts.users) findings.push_back(check_user(user, facts.root));
  return findings;
}

// The server's own word where it runs: its unit may leave it less than root has here.
Finding check_isolation(const MachineFacts& facts) {
  constexpr const char* kCheck = "isolation";
  if (!facts.root) return skipped(kCheck, kOnlyRoot);
  const bool told = facts.admin.no_namespaces.has_value();
  const std::string why = told ? *facts.admin.no_namespaces : facts.no_namespaces;
  if (why.empty()) {
    return ok(kCheck, std::string("namespaces of its own for each runner") +
                          (told ? "" : " (for root here: jitney serve was not asked)"));
  }
  return warning(kCheck, "no namespaces of their own: " + why,
                 std::string("jobs of one user see each other's processes and /tmp: ") +
                     (told ? "in a unit, let CapabilityBoundingSet have CAP_SYS_ADMIN; in a "
                             "container, give it privileges"
                           : "run on a machine, not in a container without privileges"));
}

Finding check_limits(const MachineFacts& facts) {
  constexpr const char* kCheck = "limits";
  if (!facts.root) return skipped(kCheck, kOnlyRoot);
  if (!facts.cgroups.mounted) {
    return warning(kCheck, "there is no cgroup v2, so memory, cpu and tasks of pools do not hold",
                   "boot with systemd.unified_cgroup_hierarchy=1");
  }
  std::vector<std::string> missing;
  for (const char* name : {"cpu", "memory", "pids"}) {
    if (std::ranges::find(facts.cgroups.controllers, name) == facts.cgroups.controllers.end()) {
      missing.emplace_back(name);
    }
  }
  if (!missing.empty()) {
    return warning(kCheck, "cgroup v2 lacks " + some_of(missing) + ": those limits do not hold",
                   "let the host hand them down (a container: its runtime; under systemd "
                   "jitney-runners.service is for that)");
  }
  return ok(kCheck, "cgroup v2 with cpu, memory and pids");
}

Finding check_state(const MachineFacts& facts) {
  constexpr const char* kCheck = "state";
  const StateFacts& state = facts.state;
  if (!state.trouble.empty()) {
    return failed(kCheck, state.path + ": " + state.trouble,
                  "give it to the user that runs jitney serve, or set [server] state_dir");
  }
  if (!state.there) {
    return warning(kCheck, state.path + " is not there yet", "the first start makes it");
  }
  if (!state.database) {
    return warning(kCheck, "no database in " + state.path + " yet", "the first start makes it");
  }
  if ((state.database_mode & 0077U) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", state.database_mode & 07777U);
    return failed(kCheck, state.path + "/jitney.db has mode " + mode + ", open to others",
                  "chmod 600 " + state.path + "/jitney.db*");
  }
  return ok(kCheck, state.path + "/jitney.db, closed to others");
}

std::vector<Finding> check_listeners(const MachineFacts& facts) {
  std::vector<Finding> findings{check_listener("admin_listen", facts.admin, facts.admin)};
  if (facts.webhook) {
    findings.push_back(check_listener("webhook_listen", *facts.webhook, facts.admin));
  }
  return findings;
}

Finding check_disk(const DiskFacts& disk) {
  constexpr const char* kCheck = "disk";
  if (!disk.trouble.empty()) {
    return failed(kCheck, disk.path + ": " + disk.trouble, "set [process] runners_dir");
  }
  const std::string seen =
      gib(disk.free) + " free for " + disk.path + ", min_free_disk is " + gib(disk.floor);
  if (disk.free < disk.floor) {
    return failed(kCheck, seen + ": nothing is launched",
                  "free some space, or lower min_free_disk of [process]");
  }
  if (disk.free < 2 * disk.floor) {
    return warning(kCheck, seen, "a few jobs may fill it: free some space");
  }
  return ok(kCheck, seen);
}

}  // namespace jitney::app
