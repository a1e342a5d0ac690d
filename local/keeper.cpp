// SPDX-License-Identifier: Apache-2.0
#include "local/keeper.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "local/isolation.hpp"

namespace jitney::local {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::seconds kKillPatience{10};
constexpr std::chrono::milliseconds kUpdateLook{200};

class Keeper {
 public:
  Keeper(const StartOrder& order, KeeperPipes pipes)
      : order_(order),
        pipes_(std::move(pipes)),
        listener_path_(order.root + "/bin/Runner.Listener") {
    sigemptyset(&signals_);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals_, signal);
    sigprocmask(SIG_BLOCK, &signals_, nullptr);
  }

  [[noreturn]] void run() {
    // A namespace dies with its first process; without one, the keeper must be told to clean up.
    ::prctl(PR_SET_PDEATHSIG, order_.namespaces ? SIGKILL : SIGUSR1);
    if (!order_.namespaces) ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    char byte = 0;
    if (::read(pipes_.go.get(), &byte, 1) != 1) ::_exit(1);
    pipes_.go.reset();
    if (order_.namespaces) {
      const View view{order_.runners_dir, order_.root, may_have_private_tmp(order_.runners_dir)};
      if (core::Status entered = enter_view(view); !entered) give_up(entered.error().what);
    }
    if (!spawn(pipes_.begun.get())) give_up(system_error("start the runner", errno).what);
    pipes_.begun.reset();
    KeeperStatus status;
    for (;;) {
      status.wait_status = follow();
      if (!restart_wanted(status)) break;
      status.restarts += 1;
      if (!spawn(-1)) break;
    }
    static_cast<void>(
        !write_all(pipes_.status.get(),
                   std::string_view(reinterpret_cast<const char*>(&status), sizeof status)));
    if (!order_.namespaces) kill_descendants(kKillPatience);
    ::_exit(0);
  }

 private:
  [[noreturn]] void give_up(const std::string& why) {
    static_cast<void>(!write_all(pipes_.begun.get(), why));
    ::_exit(1);
  }

  bool spawn(int begun) {
    listener_ = ::fork();
    if (listener_ == 0) become_listener(begun);
    return listener_ > 0;
  }

  [[noreturn]] void become_listener(int begun) {
    const char* step = "session";
    bool fine = ::setsid() >= 0;
    if (fine && order_.other_user) {
      step = "become the runner's user";
      fine = ::setgroups(order_.groups.size(), order_.groups.data()) == 0 &&
             ::setresgid(order_.gid, order_.gid, order_.gid) == 0 &&
             ::setresuid(order_.uid, order_.uid, order_.uid) == 0;
    }
    // After the change of user, which clears it.
    if (fine && !order_.namespaces) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fine && order_.no_new_privileges) ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (fine) {
      step = "enter the runner's directory";
      fine = ::chdir(order_.root.c_str()) == 0;
    }
    if (fine) {
      step = "execute bin/Runner.Listener";
      execute();
    }
    const std::string why = system_error(step, errno).what;
    if (begun >= 0) static_cast<void>(!write_all(begun, why));
    ::_exit(127);
  }

  void execute() {
    // The directory itself is 0700; what a job makes must suit its containers, which run as others.
    ::umask(022);
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nothing, 0);
    ::dup2(pipes_.log.get(), 1);
    ::dup2(pipes_.log.get(), 2);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    std::vector<std::string> environment = order_.environment;
    environment.push_back("ACTIONS_RUNNER_INPUT_JITCONFIG=" + std::string(order_.jit.reveal()));
    std::vector<char*> pointers;
    for (std::string& entry : environment) pointers.push_back(entry.data());
    pointers.push_back(nullptr);
    std::string run = "run";
    std::string path = listener_path_;
    char* arguments[] = {path.data(), run.data(), nullptr};
    ::execve(path.c_str(), arguments, pointers.data());
  }

  // Until the listener has ended; passes on what the shim asks.
  int follow() {
    for (;;) {
      siginfo_t info{};
      const int signal = ::sigwaitinfo(&signals_, &info);
      if (signal < 0) continue;
      int status = 0;
      if (handle(signal, &status)) return status;
    }
  }

  // true: the listener has ended.
  bool handle(int signal, int* status) {
    if (signal == SIGTERM || signal == SIGINT) {
      asked_to_stop_ = true;
      if (listener_ > 0) ::kill(listener_, SIGTERM);
      return false;
    }
    if (signal == SIGUSR1) {
      kill_descendants(kKillPatience);
      ::_exit(1);
    }
    bool ended = false;
    int found = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &found, WNOHANG)) > 0;) {
      if (pid != listener_) continue;
      *status = found;
      ended = true;
      listener_ = 0;
    }
    return ended;
  }

  bool restart_wanted(const KeeperStatus& status) {
    if (asked_to_stop_ || !WIFEXITED(status.wait_status)) return false;
    const int code = WEXITSTATUS(status.wait_status);
    if (status.restarts >= order_.max_restarts) return false;
    if (code == kExitRetryable) return pause(order_.restart_delay, "");
    if (code != kExitUpdating && code != kExitRunOnceUpdating) return false;
    const std::string done = order_.root + "/update.finished";
    const bool go_on = pause(order_.update_wait, done);
    ::unlink(done.c_str());
    return go_on;
  }

  // Until the time is over or the file is there. false: asked to stop meanwhile.
  bool pause(core::Duration time, const std::string& file) {
    const auto until = SteadyClock::now() + time;
    while (!asked_to_stop_) {
      if (!file.empty() && exists(file)) return true;
      auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - SteadyClock::now());
      if (left.count() <= 0) return true;
      if (!file.empty()) left = std::min<std::chrono::nanoseconds>(left, kUpdateLook);
      const timespec wait{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
      siginfo_t info{};
      const int signal = ::sigtimedwait(&signals_, &info, &wait);
      int ignored = 0;
      if (signal > 0) handle(signal, &ignored);
    }
    return false;
  }

  const StartOrder& order_;
  KeeperPipes pipes_;
  const std::string listener_path_;
  sigset_t signals_{};
  pid_t listener_ = 0;
  bool asked_to_stop_ = false;
};

}  // namespace

void run_keeper(const StartOrder& order, KeeperPipes pipes) {
  Keeper(order, std::move(pipes)).run();
}

}  // namespace jitney::local
