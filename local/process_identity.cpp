// SPDX-License-Identifier: Apache-2.0
#include "local/process_identity.hpp"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <string_view>
#include <thread>

namespace jitney::local {

namespace {

using SteadyClock = std::chrono::steady_clock;

struct ProcessStat {
  char state = '?';
  pid_t parent = 0;
  std::uint64_t start_time = 0;
};

std::optional<ProcessStat> stat_of(pid_t pid) {
  const auto text = read_small_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text || !*text) return std::nullopt;
  // The second field is a name that may hold anything; the last ')' ends it.
  const auto name_end = (*text)->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(**text).substr(name_end + 1);
  ProcessStat stat;
  for (int field = 3; field <= 22; ++field) {
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (word.empty()) return std::nullopt;
    rest.remove_prefix(word.size());
    if (field == 3) stat.state = word.front();
    if (field == 4) std::from_chars(word.data(), word.data() + word.size(), stat.parent);
    if (field == 22) std::from_chars(word.data(), word.data() + word.size(), stat.start_time);
  }
  return stat;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (!proc) return found;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size()) found.push_back(pid);
  }
  return found;
}

}  // namespace

std::string boot_id() {
  const auto text = read_small_file("/proc/sys/kernel/random/boot_id", 128);
  if (!text || !*text) return "unknown";
  return (*text)->substr(0, (*text)->find('\n'));
}

std::optional<std::uint64_t> start_time_of(pid_t pid) {
  const auto stat = stat_of(pid);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return stat->start_time;
}

ProcessIdentity identify(pid_t pid) { return {boot_id(), pid, start_time_of(pid).value_or(0)}; }

bool alive(const ProcessIdentity& process) {
  if (process.pid <= 0 || process.boot_id != boot_id()) return false;
  const auto started = start_time_of(process.pid);
  return started && *started == process.start_time;
}

Descriptor open_process(const ProcessIdentity& process) {
  if (process.pid <= 0) return Descriptor();
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  // Asked after opening: from here on the descriptor cannot come to mean another process.
  if (!pidfd || !alive(process)) return Descriptor();
  return pidfd;
}

bool signal_process(const Descriptor& pidfd, int signal) {
  return pidfd && ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

bool wait_for_end(const Descriptor& pidfd, std::chrono::milliseconds patience) {
  if (!pidfd) return true;
  const auto until = SteadyClock::now() + patience;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
    pollfd ready{pidfd.get(), POLLIN, 0};
    const int got = ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (got > 0) return true;
    if (got == 0 || (got < 0 && errno != EINTR)) return false;
  }
}

std::vector<pid_t> descendants(pid_t ancestor) {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t pid : all_processes()) {
    if (const auto stat = stat_of(pid)) children.emplace(stat->parent, pid);
  }
  std::vector<pid_t> found;
  std::vector<pid_t> open{ancestor};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    for (auto [child, end] = children.equal_range(parent); child != end; ++child) {
      found.push_back(child->second);
      open.push_back(child->second);
    }
  }
  return found;
}

bool kill_descendants(std::chrono::milliseconds patience) {
  const auto until = SteadyClock::now() + patience;
  const rlimit no_forks{0, 0};
  while (SteadyClock::now() < until) {
    const std::vector<pid_t> found = descendants(::getpid());
    // First take away the right to fork, so that killing wins against a fork bomb.
    for (const pid_t pid : found) ::prlimit(pid, RLIMIT_NPROC, &no_forks, nullptr);
    for (const pid_t pid : found) ::kill(pid, SIGKILL);
    pid_t collected = 0;
    do {
      collected = ::waitpid(-1, nullptr, WNOHANG);
    } while (collected > 0);
    if (collected < 0 && errno == ECHILD) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

std::vector<pid_t> processes_with(const std::string& entry) {
  std::vector<pid_t> found;
  const std::string needle = '\0' + entry + '\0';
  for (const pid_t pid : all_processes()) {
    if (pid == ::getpid()) continue;
    const auto text = read_small_file("/proc/" + std::to_string(pid) + "/environ", 4u << 20);
    if (text && *text && ('\0' + **text).find(needle) != std::string::npos) found.push_back(pid);
  }
  return found;
}

}  // namespace jitney::local
