// SPDX-License-Identifier: Apache-2.0
#include "local/end_watch.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace jitney::local {

EndWatch::EndWatch(std::function<void(const std::string& name)> ended)
    : ended_(std::move(ended)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_.get()}};
  ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

EndWatch::~EndWatch() {
  thread_.request_stop();
  static_cast<void>(::eventfd_write(wake_.get(), 1));
  thread_.join();
}

void EndWatch::add(const std::string& name, Descriptor pidfd) {
  if (!pidfd) return;
  const std::scoped_lock lock(mutex_);
  const int fd = pidfd.get();
  watched_.insert_or_assign(fd, std::pair(name, std::move(pidfd)));
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void EndWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::array<epoll_event, 32> events{};
    const int count = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != wake_.get()) collect(fd);
      if (stop.stop_requested()) return;
    }
  }
}

void EndWatch::collect(int pidfd) {
  std::string name;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = watched_.find(pidfd);
    if (found == watched_.end()) return;
    // Ours to bury, where it is our child; fails harmlessly where it is not.
    siginfo_t info{};
    static_cast<void>(::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG));
    ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
    name = found->second.first;
    watched_.erase(found);
  }
  ended_(name);
}

}  // namespace jitney::local
