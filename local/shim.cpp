// SPDX-License-Identifier: Apache-2.0
#include "local/shim.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "local/isolation.hpp"
#include "local/keeper.hpp"
#include "local/runner_log.hpp"
#include "local/runner_root.hpp"
#include "net/log.hpp"

namespace jitney::local {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::seconds kKillPatience{10};
constexpr std::size_t kLongestOrder = 4u << 20;

struct Pipe {
  Descriptor read, write;
};

core::Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("make a pipe", errno);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::string read_to_end(int fd, std::size_t max_bytes) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < max_bytes) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::explicit_bzero(buffer.data(), buffer.size());
  return text;
}

class Shim {
 public:
  Shim(std::string directory, StartOrder order, Descriptor answer)
      : files_{std::move(directory)}, order_(std::move(order)), answer_(std::move(answer)) {}

  int run() {
    auto lock = take_lock(files_.lock());
    if (!lock) return refuse(lock.error().what);
    // Written before the lock is taken by who removes the machine, so asked for first.
    if (exists(files_.stopping()) || !exists(files_.meta())) return say(kAnswerGone);
    if (!*lock || exists(files_.shim()) || exists(files_.status())) return say(kAnswerBefore);
    lock_ = std::move(*lock);
    record_.shim = identify(::getpid());
    record_.runner = order_.runner;
    if (core::Status written = write_shim(files_, record_); !written) {
      ::unlink(files_.shim().c_str());
      return refuse(written.error().what);
    }
    if (core::Status begun = begin(); !begun) {
      clear();
      finish({{}, {}, begun.error().what, wall_clock()});
      return refuse(begun.error().what);
    }
    say(kAnswerStarted);
    answer_.reset();
    watch();
    clear();
    const EndRecord end = how_it_ended();
    const bool known = write_end(files_, end).has_value();
    free_disk();
    if (!known) finish(end);
    // Its children's PID namespace is over: not even a sanitizer's helper could be started here.
    ::_exit(0);
  }

 private:
  int say(std::string_view word) {
    static_cast<void>(!write_all(answer_.get(), word));
    return 0;
  }

  int refuse(const std::string& why) {
    static_cast<void>(!write_all(answer_.get(), std::string(kAnswerRefused) + why));
    net::log(net::LogLevel::error, "the runner was not started",
             {{"machine", order_.machine}, {"cause", why}});
    ::_exit(1);
  }

  core::Status begin() {
    sigset_t watched;
    sigemptyset(&watched);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, signal);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_ = Descriptor(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return system_failure("watch for signals", errno);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (core::Status opened = log_.open(files_.log(), order_.log_bytes, order_.jit); !opened) {
      return opened;
    }
    if (!order_.cgroup_parent.empty()) {
      auto made =
          make_cgroup(order_.cgroup_parent, order_.machine, order_.limits, order_.controllers);
      if (!made) return std::unexpected(made.error());
      record_.cgroup = std::move(*made);
    }
    return start_keeper();
  }

  core::Status start_keeper() {
    auto go = make_pipe();
    auto begun = make_pipe();
    auto status = make_pipe();
    auto output = make_pipe();
    if (!go || !begun || !status || !output) return system_failure("make pipes", EMFILE);
    if (order_.namespaces && ::unshare(CLONE_NEWPID) != 0) {
      return system_failure("namespaces", errno);
    }
    keeper_ = ::fork();
    if (keeper_ < 0) return system_failure("fork", errno);
    if (keeper_ == 0) {
      // It never executes anything itself, so nothing closes these for it.
      go->write.reset();
      begun->read.reset();
      status->read.reset();
      output->read.reset();
      answer_.reset();
      lock_.reset();
      signals_.reset();
      log_ = RunnerLog();
      run_keeper(order_, {std::move(go->read), std::move(begun->write), std::move(status->write),
                          std::move(output->write)});
    }
    go->read.reset();
    begun->write.reset();
    status->write.reset();
    output->write.reset();
    order_.jit = core::Secret();
    record_.keeper = identify(keeper_);
    if (!record_.cgroup.empty() && !enter_cgroup(record_.cgroup, keeper_)) {
      return system_failure("enter the control group " + record_.cgroup, errno);
    }
    // Before the runner's first instruction, so that whoever finds us dead knows what to end.
    if (core::Status written = write_shim(files_, record_); !written) return written;
    static_cast<void>(!write_all(go->write.get(), "g"));
    const std::string refused = read_to_end(begun->read.get(), 4096);
    if (!refused.empty()) return core::fail(core::Fault::invalid, refused);
    status_ = std::move(status->read);
    output_ = std::move(output->read);
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    return {};
  }

  // Until the keeper has ended.
  void watch() {
    for (;;) {
      std::array<pollfd, 2> ready{pollfd{signals_.get(), POLLIN, 0},
                                  pollfd{output_.get(), POLLIN, 0}};
      ::poll(ready.data(), ready.size(), patience());
      if (ready[1].revents != 0 && !log_.take(output_.get())) output_.reset();
      if (ready[0].revents != 0 && read_signals()) return;
      if (stop_until_ && SteadyClock::now() >= *stop_until_) {
        ::kill(keeper_, SIGKILL);
        stop_until_.reset();
        forced_ = true;
        if (!order_.namespaces) clear();
      }
    }
  }

  [[nodiscard]] int patience() const {
    if (!stop_until_) return -1;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(*stop_until_ - SteadyClock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count() + 1, 0));
  }

  // true: the keeper has ended.
  bool read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
        ::kill(keeper_, SIGTERM);
        if (!stop_until_ && !forced_) stop_until_ = SteadyClock::now() + order_.grace;
      }
    }
    if (keeper_gone_) return true;
    for (pid_t pid = 0; (pid = ::waitpid(-1, nullptr, WNOHANG)) != 0;) {
      if (pid == keeper_) {
        // From here on the number may be somebody else's.
        keeper_ = 0;
        return true;
      }
      if (pid < 0) return errno == ECHILD;
    }
    return false;
  }

  // Leaves no process behind, and no control group.
  void clear() {
    if (keeper_ > 0) ::kill(keeper_, SIGKILL);
    const bool group_gone = end_cgroup(record_.cgroup, kKillPatience);
    if (!kill_descendants(kKillPatience) || !group_gone) {
      net::log(net::LogLevel::error, "processes of a runner are left",
               {{"machine", order_.machine}, {"cgroup", record_.cgroup}});
    }
    keeper_gone_ = true;
    keeper_ = 0;
    if (output_) log_.take(output_.get());
  }

  // The disk may be full because of this job, and until it is not nobody can write anything:
  // neither we the end of it nor the server its ledger.
  void free_disk() {
    empty_root(order_.root);
    keep_files(order_.root + "/" + std::string(kDiagnostics), files_.diagnostics(),
               kDiagnosticBytes);
    remove_tree(order_.root, std::string(kDiagnostics));
  }

  EndRecord how_it_ended() {
    EndRecord end;
    end.ended_at = wall_clock();
    KeeperStatus status;
    const ssize_t got = ::read(status_.get(), &status, sizeof status);
    if (got != static_cast<ssize_t>(sizeof status)) {
      end.signal = SIGKILL;
      end.cause = forced_ ? "killed: it did not stop in time" : "killed with all it had started";
    } else if (WIFEXITED(status.wait_status)) {
      end.exit_code = WEXITSTATUS(status.wait_status);
      end.cause = "exited";
      if (status.restarts > 0)
        end.cause += " after " + std::to_string(status.restarts) + " restarts";
    } else {
      end.signal = WTERMSIG(status.wait_status);
      end.cause = "killed by a signal";
    }
    return end;
  }

  void finish(const EndRecord& end) {
    if (core::Status written = write_end(files_, end); !written) {
      net::log(net::LogLevel::error, "the end of a runner could not be recorded",
               {{"machine", order_.machine}, {"cause", written.error().what}});
    }
  }

  const MachineFiles files_;
  StartOrder order_;
  Descriptor answer_;
  Descriptor lock_;
  Descriptor signals_;
  Descriptor status_;
  Descriptor output_;
  RunnerLog log_;
  ShimRecord record_;
  pid_t keeper_ = 0;
  bool keeper_gone_ = false;
  bool forced_ = false;
  std::optional<SteadyClock::time_point> stop_until_;
};

}  // namespace

int run_shim(const ShimOptions& options) {
  hide_this_process();
  ::umask(077);
  Descriptor order_file(kShimOrder);
  Descriptor answer(kShimAnswer);
  if (::fcntl(order_file.get(), F_SETFD, FD_CLOEXEC) != 0 ||
      ::fcntl(answer.get(), F_SETFD, FD_CLOEXEC) != 0) {
    net::log(net::LogLevel::error, "jitney shim is started by `jitney serve`, not by hand");
    // They were never ours to close.
    static_cast<void>(order_file.release());
    static_cast<void>(answer.release());
    return 2;
  }
  const core::Secret text(read_to_end(order_file.get(), kLongestOrder));
  order_file.reset();
  auto order = parse_order(text);
  if (!order) {
    static_cast<void>(!write_all(answer.get(), std::string(kAnswerRefused) + order.error().what));
    return 1;
  }
  return Shim(options.directory, std::move(*order), std::move(answer)).run();
}

}  // namespace jitney::local
