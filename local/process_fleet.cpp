// SPDX-License-Identifier: Apache-2.0
#include "local/process_fleet.hpp"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "local/directory_listing.hpp"
#include "local/isolation.hpp"
#include "local/runner_root.hpp"
#include "net/crypto.hpp"
#include "net/log.hpp"

namespace jitney::local {

namespace {

constexpr std::string_view kHalf = ".new-";
constexpr std::string_view kGone = ".gone-";
constexpr std::string_view kQuarantine = ".quarantine";
constexpr std::string_view kMachine = "m-";  // as machine_name() begins
constexpr std::chrono::seconds kLeftoverPatience{5};

// Every component must let the user pass; the last one is the runner's own.
core::Status may_pass(const Account& account, const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    struct stat found{};
    if (::stat(part.c_str(), &found) != 0) return system_failure("look at " + part, errno);
    const bool member = found.st_gid == account.gid ||
                        std::ranges::find(account.groups, found.st_gid) != account.groups.end();
    const mode_t bit = found.st_uid == account.uid ? 0100 : member ? 0010 : 0001;
    if ((found.st_mode & bit) == 0) {
      return core::fail(core::Fault::invalid, "runner_user " + account.name +
                                                  " cannot pass through " + part +
                                                  ", where its runners live: chmod o+x " + part +
                                                  ", or set process.runners_dir elsewhere");
    }
    if (end == std::string::npos) return {};
  }
}

// What a runners_dir of ours may hold. `lost+found`: it may be a file system of its own.
bool is_ours(std::string_view name) {
  return name.starts_with(kMachine) || name.starts_with(kHalf) || name.starts_with(kGone) ||
         name == kQuarantine || name == "lost+found";
}

// Whatever is in runners_dir and belongs to no machine is removed, so nobody else may keep files
// there: a person who names /opt, or the state directory, must not lose it.
core::Status check_runners_dir(const std::string& directory, const std::string& state_dir) {
  const std::string below = directory.ends_with('/') ? directory : directory + '/';
  if (state_dir == directory || (state_dir + '/').starts_with(below)) {
    return core::fail(core::Fault::invalid, "process.runners_dir " + directory +
                                                " holds the state directory " + state_dir +
                                                ": give the runners a directory of their own");
  }
  for (const std::string& name : list_directory(directory)) {
    if (is_ours(name)) continue;
    return core::fail(core::Fault::invalid,
                      "process.runners_dir " + directory + " holds \"" + name +
                          "\", which is no runner's: name a directory that holds nothing else, "
                          "such as " +
                          below + "jitney-runners");
  }
  return {};
}

}  // namespace

ProcessFleet::ProcessFleet(ProcessFleetOptions options) : options_(std::move(options)) {}
ProcessFleet::~ProcessFleet() {
  // Refused as long as runners live in it.
  if (!cgroups_.path.empty()) ::rmdir(cgroups_.path.c_str());
}

core::Result<std::unique_ptr<ProcessFleet>> ProcessFleet::open(ProcessFleetOptions options) {
  if (options.runners_dir.empty()) options.runners_dir = options.state_dir + "/runners";
  if (!options.state_dir.starts_with('/') || !options.runners_dir.starts_with('/')) {
    return core::fail(core::Fault::invalid, "state_dir and runners_dir must be absolute paths");
  }
  std::unique_ptr<ProcessFleet> fleet(new ProcessFleet(std::move(options)));
  if (core::Status prepared = fleet->prepare(); !prepared) {
    return std::unexpected(prepared.error());
  }
  return fleet;
}

core::Status ProcessFleet::prepare() {
  const std::string& state = options_.state_dir;
  if (core::Status ours = check_runners_dir(options_.runners_dir, state); !ours) return ours;
  if (!exists(state)) {
    if (core::Status made = make_directory(state, 0711); !made) return made;
  }
  for (const char* own : {"/machines", "/gone", "/logs"}) {
    if (core::Status made = make_directory(state + own, 0700); !made) return made;
  }
  // Jobs' users pass through, but do not look around.
  if (core::Status made = make_directory(options_.runners_dir, 0711); !made) return made;
  const std::string quarantine = options_.runners_dir + "/" + std::string(kQuarantine);
  if (core::Status made = make_directory(quarantine, 0700); !made) return made;
  if (core::Status fine = check_users(); !fine) return fine;
  if (options_.use_cgroups) {
    // Two servers below one group keep apart.
    const auto digest = net::sha256(options_.runners_dir);
    cgroups_ = prepare_cgroups(options_.cgroup_parent, "jitney-" + net::hex(digest).substr(0, 8));
  } else {
    cgroups_.why_not = "switched off";
  }
  no_namespaces_ = options_.use_namespaces ? why_no_namespaces() : "switched off";
  watch_ = std::make_unique<EndWatch>([this](const std::string& machine) { told_of_end(machine); });
  clear_halves();
  adopt();
  prune(true);
  return {};
}

core::Status ProcessFleet::check_users() const {
  for (const auto& [name, pool] : options_.pools) {
    const auto account = find_account(pool.runner_user);
    if (!account) {
      return core::fail(account.error().fault, "pool " + name + ": " + account.error().what);
    }
    if (!account->other) continue;
    if (core::Status fine = may_pass(*account, options_.runners_dir); !fine) return fine;
  }
  return {};
}

// What a crash in the middle of launch() or stop() left. A root without its machine is one of them.
void ProcessFleet::clear_halves() {
  const std::string machines = options_.state_dir + "/machines";
  for (const std::string& name : list_directory(machines)) {
    if (name.starts_with(kHalf) || name.starts_with(kGone)) remove_tree(machines, name);
  }
  for (const std::string& name : list_directory(options_.runners_dir)) {
    if (name == kQuarantine || !is_ours(name)) continue;
    if (name.starts_with('.')) {
      remove_tree(options_.runners_dir, name);
    } else if (!exists(files(name).directory) && !remove_tree(options_.runners_dir, name)) {
      quarantine(name);
    }
  }
  const std::string kept = options_.runners_dir + "/" + std::string(kQuarantine);
  for (const std::string& name : list_directory(kept)) remove_tree(kept, name);
}

void ProcessFleet::adopt() {
  for (const std::string& machine : list_directory(options_.state_dir + "/machines")) {
    const auto record = read_shim(files(machine));
    if (record && *record) watch_->add(machine, open_process((*record)->shim));
  }
}

MachineFiles ProcessFleet::files(const core::MachineId& machine) const {
  return {options_.state_dir + "/machines/" + machine};
}
std::string ProcessFleet::root(const core::MachineId& machine) const {
  return options_.runners_dir + "/" + machine;
}
std::string ProcessFleet::tombstone(const core::MachineId& machine) const {
  return options_.state_dir + "/gone/" + machine;
}

core::Result<std::vector<core::MachineId>> ProcessFleet::answering(
    std::span<const core::MachineId> machines) {
  std::vector<core::MachineId> answer;
  for (const core::MachineId& id : machines) {
    const auto machine = look_or_say(id);
    if (machine && machine->state == core::MachineState::running) answer.push_back(id);
  }
  return answer;
}

core::Result<std::vector<core::Machine>> ProcessFleet::list() {
  std::vector<core::Machine> all;
  for (const std::string& id : list_directory(options_.state_dir + "/machines")) {
    if (id.starts_with('.')) continue;
    if (auto machine = look_or_say(id)) all.push_back(std::move(*machine));
  }
  return all;
}

// One machine that cannot be read must not hide the others from those who ask for many. Whoever
// misses it asks find(), which says why.
std::optional<core::Machine> ProcessFleet::look_or_say(const core::MachineId& id) {
  auto machine = look(id);
  if (machine) return std::move(*machine);
  net::log(net::LogLevel::warning, "a machine cannot be looked at",
           {{"machine", id}, {"cause", machine.error().what}});
  return std::nullopt;
}

core::Result<std::optional<core::Machine>> ProcessFleet::find(const core::MachineId& machine) {
  return look(machine);
}

core::Result<std::optional<core::Machine>> ProcessFleet::look(const core::MachineId& id) {
  if (!is_machine_name(id)) return std::nullopt;
  const MachineFiles at = files(id);
  const auto meta = read_meta(at);
  if (!meta) return std::unexpected(meta.error());
  if (!*meta || (*meta)->deployment != options_.deployment) return std::nullopt;
  core::Machine machine;
  machine.id = id;
  machine.pool = (*meta)->pool;
  machine.batch = (*meta)->batch;
  machine.launched_at = (*meta)->launched_at;
  machine.state = core::MachineState::running;
  machine.started = false;
  if (core::Status looked = look_closer(at, machine, **meta); !looked) {
    return std::unexpected(looked.error());
  }
  const std::scoped_lock lock(mutex_);
  if (being_stopped_.contains(id)) machine.state = core::MachineState::stopping;
  return machine;
}

core::Status ProcessFleet::look_closer(const MachineFiles& at, core::Machine& machine,
                                       const MachineMeta& meta) {
  using core::MachineState;
  const auto record = read_shim(at);
  if (!record) return std::unexpected(record.error());
  machine.started = record->has_value();
  auto end = read_end(at);
  if (!end) return std::unexpected(end.error());
  if (!*end && *record && !alive((*record)->shim)) {
    const auto settled = settle(machine.id, at);
    if (!settled) return std::unexpected(settled.error());
    end = read_end(at);
    if (!end) return std::unexpected(end.error());
  }
  if (*end) {
    machine.state = MachineState::ended;
    machine.exit_code = (*end)->exit_code;
  } else if (!*record && (meta.boot_id != boot_id() || exists(at.stopping()))) {
    // A power cut may have left its files half; a stop that died half-way has to be sent again.
    machine.state = MachineState::ended;
  }
  return {};
}

core::Result<bool> ProcessFleet::settle(const core::MachineId& machine, const MachineFiles& at) {
  const auto lock = take_lock(at.lock());
  if (!lock) return std::unexpected(lock.error());
  if (!*lock) return false;
  const auto end = read_end(at);
  if (!end) return std::unexpected(end.error());
  if (*end) return true;
  const auto record = read_shim(at);
  if (!record) return std::unexpected(record.error());
  if (!*record) return true;
  const bool rebooted = (*record)->shim.boot_id != boot_id();
  if (!rebooted && !end_leftovers(machine, **record)) {
    return core::fail(core::Fault::transient,
                      "machine " + machine + ": processes of a dead runner cannot be ended");
  }
  EndRecord lost;
  lost.cause = rebooted ? "the computer was restarted" : "its shim was killed";
  lost.ended_at = wall_clock();
  if (core::Status written = write_end(at, lost); !written) {
    return std::unexpected(written.error());
  }
  net::log(net::LogLevel::warning, "a runner was lost",
           {{"machine", machine}, {"runner", (*record)->runner}, {"cause", lost.cause}});
  return true;
}

bool end_leftovers(const core::MachineId& machine, const ShimRecord& record) {
  if (record.shim.boot_id != boot_id()) return true;
  signal_process(open_process(record.keeper), SIGKILL);
  bool clear = end_cgroup(record.cgroup, kLeftoverPatience);
  const auto until = std::chrono::steady_clock::now() + kLeftoverPatience;
  for (;;) {
    const auto left = processes_with("JITNEY_MACHINE=" + machine);
    if (left.empty()) return clear;
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void ProcessFleet::on_runner_end(RunnerEnded listener) {
  const std::scoped_lock lock(listener_mutex_);
  listener_ = std::move(listener);
}

void ProcessFleet::told_of_end(const core::MachineId& id) {
  const auto machine = look(id);
  // A second shim that found the first one at work ends too.
  if (machine && *machine && (*machine)->state == core::MachineState::running) return;
  const std::scoped_lock lock(listener_mutex_);
  if (listener_) listener_(id, machine && *machine ? (*machine)->exit_code : std::nullopt);
}

std::int64_t ProcessFleet::free_disk() const {
  struct statvfs found{};
  if (::statvfs(options_.runners_dir.c_str(), &found) != 0) return 0;
  return static_cast<std::int64_t>(found.f_bavail) * static_cast<std::int64_t>(found.f_frsize);
}

std::size_t ProcessFleet::quarantined() const {
  return list_directory(options_.runners_dir + "/" + std::string(kQuarantine)).size();
}

bool ProcessFleet::quarantine(const core::MachineId& machine) {
  const std::string to = options_.runners_dir + "/" + std::string(kQuarantine) + "/" + machine;
  if (::rename(root(machine).c_str(), to.c_str()) != 0) return errno == ENOENT;
  net::log(net::LogLevel::error, "a runner's directory cannot be removed and is set aside",
           {{"machine", machine}, {"path", to}});
  return true;
}

std::string ProcessFleet::describe_isolation() const {
  bool same_user = options_.pools.empty();
  bool limits = false;
  std::string users;
  for (const auto& [name, pool] : options_.pools) {
    const auto account = find_account(pool.runner_user);
    if (!account || !account->other) same_user = true;
    users +=
        (users.empty() ? "" : ", ") + name + " as " + (account ? account->name : pool.runner_user);
    limits = limits || pool.limits.memory > 0 || pool.limits.cpu > 0 || pool.limits.tasks > 0;
  }
  std::string text = same_user ? "none: " : "";
  text += same_user ? "jobs run as the server's own user and can read what it can (set runner_user)"
                    : "jobs run as users of their own";
  text += users.empty() ? "" : ": " + users;
  text += no_namespaces_.empty()
              ? "; own processes, mounts, IPC" +
                    std::string(may_have_private_tmp(options_.runners_dir) ? " and /tmp" : "") +
                    " for each"
              : "; no namespaces: " + no_namespaces_;
  if (cgroups_.path.empty()) return text + "; no control groups, no limits: " + cgroups_.why_not;
  text += "; cgroup v2 at " + cgroups_.path + ", limits: ";
  std::string held;
  for (const std::string& controller : cgroups_.controllers) {
    held += (held.empty() ? "" : ", ") + controller;
  }
  text += held.empty() ? "none" : held;
  if (limits && cgroups_.controllers.size() < 3) {
    text += " (other configured limits do NOT hold: the controllers are not delegated)";
  }
  return text;
}

}  // namespace jitney::local
