// SPDX-License-Identifier: Apache-2.0
#include "sim/github/runner/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace jitney::sim::runner {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kAfterInterrupt{7500};
constexpr milliseconds kAfterTerminate{2500};
constexpr int kLook = 50;  // ms between two looks at `cancelled`

// Only async-signal-safe calls: the parent has threads.
[[noreturn]] void become(const Script& script, char* const* argv, char* const* envp) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (input >= 0) dup2(input, 0);
  if (!script.log_file.empty()) {
    const int log = open(script.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log >= 0) {
      dup2(log, 1);
      dup2(log, 2);
    }
  }
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (chdir(script.directory.c_str()) == 0) execve("/bin/bash", argv, envp);
  _exit(127);
}

int status_of(int raw) {
  if (WIFEXITED(raw)) return WEXITSTATUS(raw);
  return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : 127;
}

}  // namespace

Environment own_environment() {
  Environment found;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string entry = *at;
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos) found[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return found;
}

int run_script(const Script& script, const std::function<bool()>& cancelled) {
  std::string bash = "bash";
  std::string dash_e = "-e";
  std::string file = script.file;
  char* const argv[] = {bash.data(), dash_e.data(), file.data(), nullptr};
  std::vector<std::string> entries;
  for (const auto& [name, value] : script.environment) entries.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& entry : entries) envp.push_back(entry.data());
  envp.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return 127;
  if (child == 0) become(script, argv, envp.data());
  setpgid(child, child);  // both do it, so that it holds whoever is first
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  int sent = 0;
  Clock::time_point next{};
  for (;;) {
    pollfd ended{.fd = handle, .events = POLLIN, .revents = 0};
    poll(&ended, 1, kLook);
    int raw = 0;
    const pid_t reaped = waitpid(child, &raw, WNOHANG);
    if (reaped == child || reaped < 0) {
      if (handle >= 0) close(handle);
      return reaped < 0 ? 127 : status_of(raw);
    }
    const bool due = sent == 0 ? cancelled() : Clock::now() >= next;
    if (!due) continue;
    kill(-child, sent == 0 ? SIGINT : sent == 1 ? SIGTERM : SIGKILL);
    next = Clock::now() + (sent == 0 ? kAfterInterrupt : kAfterTerminate);
    ++sent;
  }
}

int kill_orphans(const std::string& tracking_id) {
  namespace fs = std::filesystem;
  const std::string mark = "RUNNER_TRACKING_ID=" + tracking_id;
  int killed = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::atoi(name.c_str()));
    if (pid == getpid()) continue;
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text.starts_with(mark + '\0') || text.find('\0' + mark + '\0') != std::string::npos) {
      if (kill(pid, SIGKILL) == 0) ++killed;
    }
  }
  return killed;
}

}  // namespace jitney::sim::runner
