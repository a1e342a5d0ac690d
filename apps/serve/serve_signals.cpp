// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/serve_signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace jitney::app {

namespace {

// A handler may do little more than write to a pipe.
std::array<int, 2> g_pipe{-1, -1};
struct sigaction g_old_term, g_old_int, g_old_hup;

extern "C" void on_signal(int number) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(number);
  static_cast<void>(!write(g_pipe[1], &byte, 1));  // a full pipe holds enough signals
  errno = saved;
}

}  // namespace

Signals::Signals() {
  if (pipe2(g_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) g_pipe = {-1, -1};
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, &g_old_term);
  sigaction(SIGINT, &action, &g_old_int);
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};  // not SIG_IGN, which runners would inherit
  nothing.sa_flags = SA_RESTART;
  sigaction(SIGHUP, &nothing, &g_old_hup);
}

Signals::~Signals() {
  sigaction(SIGTERM, &g_old_term, nullptr);
  sigaction(SIGINT, &g_old_int, nullptr);
  sigaction(SIGHUP, &g_old_hup, nullptr);
  for (int& end : g_pipe) {
    if (end >= 0) close(end);
    end = -1;
  }
}

std::optional<int> Signals::wait(std::optional<core::Duration> longest, int also_fd) {
  using Steady = std::chrono::steady_clock;
  const auto until = longest ? std::optional(Steady::now() + *longest) : std::nullopt;
  for (;;) {
    int timeout = -1;
    if (until) {
      const auto left = std::chrono::ceil<core::Duration>(*until - Steady::now());
      timeout = static_cast<int>(std::clamp<core::Duration::rep>(left.count(), 0, 1'000'000'000));
    }
    std::array<pollfd, 2> fds{pollfd{.fd = g_pipe[0], .events = POLLIN, .revents = 0},
                              pollfd{.fd = also_fd, .events = POLLIN, .revents = 0}};
    const int ready = poll(fds.data(), fds.size(), timeout);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    unsigned char byte = 0;
    if ((fds[0].revents & POLLIN) != 0 && read(g_pipe[0], &byte, 1) == 1) return byte;
    if (fds[1].revents != 0) return std::nullopt;
  }
}

void notify_systemd(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  const std::size_t length = std::strlen(path);
  sockaddr_un address{};
  if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  static_cast<void>(sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address),
                           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length)));
  close(fd);
}

}  // namespace jitney::app
