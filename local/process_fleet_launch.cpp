// SPDX-License-Identifier: Apache-2.0
// compose(), launch() and start() of the process fleet.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include "local/directory_listing.hpp"
#include "local/isolation.hpp"
#include "local/process_fleet.hpp"
#include "local/runner_root.hpp"
#include "local/shim.hpp"
#include "local/shim_start.hpp"
#include "net/crypto.hpp"
#include "net/json.hpp"
#include "net/log.hpp"

namespace jitney::local {

namespace {

namespace json = boost::json;

constexpr int kMostAtOnce = 1000;
constexpr std::size_t kTokenInName = 120;

std::string in_gib(std::int64_t bytes) {
  char text[32];
  const double gib = static_cast<double>(bytes) / (1 << 30);
  std::snprintf(text, sizeof text, gib == std::floor(gib) ? "%.0f GiB" : "%.1f GiB", gib);
  return text;
}

// The same (token, claim, index) always gives the same name, no two the same one, and people can
// read it. The moment of the claim, because a ledger that was lost or restored counts launches
// anew, and the machines of the first count are remembered as gone.
core::MachineId machine_name(const std::string& token, std::int64_t claimed, int index) {
  std::string readable;
  for (const char c : token.substr(0, kTokenInName)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    readable += plain ? c : '.';
  }
  char place[16];
  std::snprintf(place, sizeof place, "%03d", index);
  // A name must not begin with a dot.
  return "m-" + readable + "-" +
         net::hex(net::sha256(token + "@" + std::to_string(claimed))).substr(0, 8) + "-" + place;
}

struct LaunchRequest {
  MachineMeta meta;
  std::string runner_dir;
  std::int64_t claimed = 0;  // milliseconds
  int count = 0;
};

core::Result<LaunchRequest> parse_request(const std::string& text) {
  const auto value = net::parse_json(text);
  if (!value) return core::fail(core::Fault::invalid, "launch request: " + value.error().what);
  LaunchRequest request;
  request.meta.deployment = net::get_string_or(*value, "deployment", "");
  request.meta.pool = net::get_string_or(*value, "pool", "");
  request.meta.batch = net::get_string_or(*value, "batch", "");
  request.meta.user = net::get_string_or(*value, "runner_user", "");
  request.claimed = net::get_int(*value, "claimed").value_or(0);
  request.runner_dir = net::get_string_or(*value, "runner_dir", "");
  request.meta.limits.memory = net::get_int(*value, "memory").value_or(0);
  request.meta.limits.cpu =
      static_cast<double>(net::get_int(*value, "cpu_millis").value_or(0)) / 1000;
  request.meta.limits.tasks = static_cast<int>(net::get_int(*value, "tasks").value_or(0));
  const std::int64_t count = net::get_int(*value, "count").value_or(0);
  if (request.meta.pool.empty() || request.runner_dir.empty() || count < 1 || count > kMostAtOnce) {
    return core::fail(core::Fault::invalid,
                      "launch request without pool, runner_dir or a count from 1 to 1000");
  }
  request.count = static_cast<int>(count);
  return request;
}

}  // namespace

core::Result<std::string> ProcessFleet::compose(const core::Pool& pool, const core::Batch& batch,
                                                int rung, int count) {
  if (rung != 0) {
    return core::fail(core::Fault::not_found, "local processes have no other rung to try");
  }
  const auto options = options_.pools.find(pool.name);
  if (options == options_.pools.end()) {
    return core::fail(core::Fault::invalid,
                      "pool " + pool.name + " has no [pool.process] settings");
  }
  const std::string listener = options->second.runner_dir + "/bin/Runner.Listener";
  if (::access(listener.c_str(), X_OK) != 0) {
    return core::fail(core::Fault::invalid,
                      "pool " + pool.name + ": there is no executable " + listener +
                          "; unpack the actions-runner package into runner_dir");
  }
  if (core::Status enough = enough_disk(); !enough) return std::unexpected(enough.error());
  const Limits& limits = options->second.limits;
  return json::serialize(json::object{{"deployment", options_.deployment},
                                      {"pool", pool.name},
                                      {"batch", batch.id},
                                      {"claimed", batch.created_at.time_since_epoch().count()},
                                      {"count", count},
                                      {"runner_dir", options->second.runner_dir},
                                      {"runner_user", options->second.runner_user},
                                      {"memory", limits.memory},
                                      {"cpu_millis", static_cast<std::int64_t>(limits.cpu * 1000)},
                                      {"tasks", limits.tasks}});
}

core::Status ProcessFleet::enough_disk() const {
  const std::int64_t free = free_disk();
  if (free >= options_.min_free_disk) return {};
  return core::fail(core::Fault::not_ready, "free disk " + in_gib(free) + " below the floor of " +
                                                in_gib(options_.min_free_disk) + " on " +
                                                options_.runners_dir);
}

core::Result<core::LaunchOutcome> ProcessFleet::launch(const std::string& text,
                                                       const std::string& token) {
  auto request = parse_request(text);
  if (!request) return std::unexpected(request.error());
  request->meta.launched_at = wall_clock();
  request->meta.boot_id = boot_id();
  const std::scoped_lock one_a_token(
      launching_[std::hash<std::string>()(token) % launching_.size()]);
  core::LaunchOutcome outcome;
  for (int index = 0; index < request->count; ++index) {
    const core::MachineId id = machine_name(token, request->claimed, index);
    if (!exists(files(id).meta()) && !exists(tombstone(id))) {
      core::Status made = enough_disk();
      if (made) made = make_machine(id, request->meta, request->runner_dir);
      if (!made) {
        outcome.faults.push_back(made.error());
        // The next one would fail alike.
        break;
      }
    }
    auto machine = look(id);
    // It came and went: the token has had it.
    if (machine && !*machine) machine = look_back(id);
    if (!machine) return std::unexpected(machine.error());
    if (*machine) outcome.machines.push_back(std::move(**machine));
  }
  if (outcome.machines.empty() && !outcome.faults.empty()) {
    return std::unexpected(outcome.faults.front());
  }
  return outcome;
}

core::Result<std::optional<core::Machine>> ProcessFleet::look_back(
    const core::MachineId& id) const {
  auto meta = read_tombstone(tombstone(id));
  if (!meta) return std::unexpected(meta.error());
  if (!*meta) return std::nullopt;
  core::Machine machine;
  machine.id = id;
  machine.pool = (*meta)->pool;
  machine.batch = (*meta)->batch;
  machine.launched_at = (*meta)->launched_at;
  machine.state = core::MachineState::stopping;
  return machine;
}

// First the root, then the machine itself, each by one rename: what is there is whole.
core::Status ProcessFleet::make_machine(const core::MachineId& id, const MachineMeta& meta,
                                        const std::string& runner_dir) {
  const auto account = find_account(meta.user);
  if (!account) return std::unexpected(account.error());
  const std::string half = ".new-" + id;
  const std::string machines = options_.state_dir + "/machines";
  const std::string half_root = options_.runners_dir + "/" + half;
  if (!remove_tree(options_.runners_dir, half) || !remove_tree(options_.runners_dir, id) ||
      !remove_tree(machines, half)) {
    return core::fail(core::Fault::transient,
                      "what an interrupted launch left of " + id + " cannot be removed");
  }
  if (core::Status copied = copy_runner(runner_dir, half_root, *account); !copied) return copied;
  const MachineFiles half_files{machines + "/" + half};
  core::Status made = make_directory(half_files.directory, 0700);
  if (made) made = write_durably(half_files.meta(), to_json(meta));
  if (made && ::rename(half_root.c_str(), root(id).c_str()) != 0) {
    made = system_failure("rename " + half_root, errno);
  }
  if (made && ::rename(half_files.directory.c_str(), files(id).directory.c_str()) != 0) {
    made = system_failure("rename " + half_files.directory, errno);
  }
  if (made) made = sync_directory(machines);
  if (!made) {
    remove_tree(options_.runners_dir, half);
    remove_tree(machines, half);
  }
  return made;
}

core::Result<StartOrder> ProcessFleet::order(const core::MachineId& machine,
                                             const MachineMeta& meta) const {
  const auto account = find_account(meta.user);
  if (!account) return std::unexpected(account.error());
  StartOrder order;
  order.machine = machine;
  order.root = root(machine);
  order.runners_dir = options_.runners_dir;
  order.uid = account->uid;
  order.gid = account->gid;
  order.groups = account->groups;
  order.other_user = account->other;
  order.cgroup_parent = cgroups_.path;
  order.controllers = cgroups_.controllers;
  order.limits = meta.limits;
  order.namespaces = no_namespaces_.empty();
  order.log_bytes = options_.log_bytes;
  order.grace = options_.stop_grace;
  order.restart_delay = options_.restart_delay;
  order.update_wait = options_.update_wait;
  order.max_restarts = options_.max_restarts;

  std::map<std::string, std::string> environment{
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"HOME", order.root + "/_home"},
      {"USER", account->name},
      {"LOGNAME", account->name},
      {"LANG", "C.UTF-8"}};
  if (account->uid == 0) environment["RUNNER_ALLOW_RUNASROOT"] = "1";
  if (!order.namespaces || !may_have_private_tmp(options_.runners_dir)) {
    environment["TMPDIR"] = order.root + "/_tmp";
  }
  if (const auto pool = options_.pools.find(meta.pool); pool != options_.pools.end()) {
    for (const auto& [name, value] : pool->second.environment) environment[name] = value;
    order.no_new_privileges = pool->second.no_new_privileges;
  }
  // By this, what a runner leaves is found again where there is no control group.
  environment["JITNEY_MACHINE"] = machine;
  environment.erase("ACTIONS_RUNNER_INPUT_JITCONFIG");
  for (const auto& [name, value] : environment) order.environment.push_back(name + "=" + value);
  return order;
}

core::Status ProcessFleet::start(const core::MachineId& machine, const core::RunnerName& runner,
                                 const core::Secret& jit) {
  const std::string gone = "machine " + machine + " is gone";
  if (!is_machine_name(machine)) return core::fail(core::Fault::not_found, gone);
  const MachineFiles at = files(machine);
  const auto meta = read_meta(at);
  if (!meta) return std::unexpected(meta.error());
  if (!*meta || exists(at.stopping())) return core::fail(core::Fault::not_found, gone);
  if (exists(at.shim()) || exists(at.status())) return {};
  if ((*meta)->boot_id != boot_id()) {
    return core::fail(core::Fault::not_found,
                      "machine " + machine + " was made before the computer was restarted");
  }
  auto with = order(machine, **meta);
  if (!with) return std::unexpected(with.error());
  with->runner = runner;
  with->jit = jit;
  auto started = start_shim(options_.shim_command, at.directory, at.shim_log(), serialize(*with),
                            options_.start_patience);
  if (!started) return std::unexpected(started.error());
  const std::string& answer = started->answer;
  watch_->add(machine, std::move(started->pidfd));
  if (answer == kAnswerStarted || answer == kAnswerBefore) return {};
  if (answer == kAnswerGone) return core::fail(core::Fault::not_found, gone);
  if (!answer.starts_with(kAnswerRefused)) {
    return core::fail(
        core::Fault::transient,
        "machine " + machine + ": its shim died or did not answer; see " + at.shim_log());
  }
  const std::string why =
      "machine " + machine + " cannot run: " + answer.substr(kAnswerRefused.size());
  // This machine had its one start; the pool may have others.
  return core::fail(exists(at.shim()) ? core::Fault::not_found : core::Fault::transient, why);
}

}  // namespace jitney::local
