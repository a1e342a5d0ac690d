// SPDX-License-Identifier: Apache-2.0
#include "local/shim_start.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "local/shim.hpp"

namespace jitney::local {

namespace {

constexpr std::size_t kLongestAnswer = 8192;
// Out of the way of those that the shim is given.
constexpr int kFirstFree = 16;

struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int order = -1;
  int answer = -1;
  int errors = -1;
};

// Between fork and exec among threads: system calls only.
[[noreturn]] void become_shim(const Prepared& prepared) {
  // A group of its own: a terminal's Ctrl-C for the server does not reach it.
  ::setsid();
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, 0);
  ::dup2(prepared.errors, 1);
  ::dup2(prepared.errors, 2);
  ::dup2(prepared.order, kShimOrder);
  ::dup2(prepared.answer, kShimAnswer);
  ::syscall(SYS_close_range, kShimAnswer + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (::chdir("/") == 0) {
    ::execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment.data());
  }
  ::_exit(127);
}

core::Result<Descriptor> in_memory(const core::Secret& text) {
  Descriptor made(::memfd_create("jitney-order", MFD_CLOEXEC));
  if (!made || !write_all(made.get(), text.reveal()) || ::lseek(made.get(), 0, SEEK_SET) != 0) {
    return system_failure("hand over the start order", errno);
  }
  Descriptor moved(::fcntl(made.get(), F_DUPFD_CLOEXEC, kFirstFree));
  if (!moved) return system_failure("hand over the start order", errno);
  return moved;
}

std::string read_answer(int fd, core::Duration patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  std::string text;
  std::array<char, 1024> buffer;
  while (text.size() < kLongestAnswer) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd ready{fd, POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return "";
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

core::Result<StartedShim> start_shim(std::span<const std::string> command,
                                     const std::string& directory, const std::string& error_log,
                                     const core::Secret& order, core::Duration patience) {
  auto memory = in_memory(order);
  if (!memory) return std::unexpected(memory.error());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("make a pipe", errno);
  const Descriptor reading(ends[0]);
  Descriptor writing(::fcntl(ends[1], F_DUPFD_CLOEXEC, kFirstFree));
  ::close(ends[1]);
  const Descriptor log(
      ::open(error_log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  const Descriptor errors(::fcntl(log.get(), F_DUPFD_CLOEXEC, kFirstFree));
  if (!writing || !errors) return system_failure("prepare a shim in " + directory, errno);

  std::vector<std::string> arguments(command.begin(), command.end());
  arguments.push_back(directory);
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name))
      environment.push_back(name + ("=" + std::string(value)));
  }
  Prepared prepared{{}, {}, memory->get(), writing.get(), errors.get()};
  for (std::string& argument : arguments) prepared.arguments.push_back(argument.data());
  for (std::string& entry : environment) prepared.environment.push_back(entry.data());
  prepared.arguments.push_back(nullptr);
  prepared.environment.push_back(nullptr);

  const pid_t child = ::fork();
  if (child < 0) return system_failure("start a shim", errno);
  if (child == 0) become_shim(prepared);
  writing.reset();
  // It cannot be collected before we do: the number is still its own.
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  return StartedShim{std::move(pidfd), read_answer(reading.get(), patience)};
}

}  // namespace jitney::local
