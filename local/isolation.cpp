// SPDX-License-Identifier: Apache-2.0
#include "local/isolation.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "local/file.hpp"

namespace jitney::local {

namespace {

constexpr unsigned kOwn = CLONE_NEWNS | CLONE_NEWIPC;

// Between fork and _exit, maybe among threads: system calls only.
int try_namespaces() {
  if (::unshare(CLONE_NEWPID | kOwn) != 0) return errno;
  const pid_t first = ::fork();
  if (first < 0) return errno;
  if (first == 0) {
    const bool works =
        ::mount("", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
        ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
    ::_exit(works ? 0 : errno);
  }
  int status = 0;
  while (::waitpid(first, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

core::Status mount_step(const char* source, const std::string& target, const char* type,
                        unsigned long flags, const char* options) {
  if (::mount(source, target.c_str(), type, flags, options) == 0) return {};
  return system_failure("mount over " + target + " for a runner", errno);
}

core::Status private_tmp(const std::string& own) {
  for (const char* place : {"/tmp", "/var/tmp"}) {
    if (!exists(place)) continue;
    if (core::Status done = mount_step(own.c_str(), place, nullptr, MS_BIND, nullptr); !done) {
      return done;
    }
  }
  if (!exists("/dev/shm")) return {};
  return mount_step("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}

}  // namespace

std::string why_no_namespaces() {
  if (::geteuid() != 0) return "namespaces need root";
  const pid_t child = ::fork();
  if (child < 0) return system_error("fork", errno).what;
  if (child == 0) ::_exit(try_namespaces());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return system_error("namespaces", WIFEXITED(status) ? WEXITSTATUS(status) : EIO).what;
}

bool may_have_private_tmp(const std::string& runners_dir) {
  return !runners_dir.starts_with("/tmp/") && !runners_dir.starts_with("/var/tmp/") &&
         !runners_dir.starts_with("/dev/shm/");
}

core::Status enter_view(const View& view) {
  if (::unshare(static_cast<int>(kOwn)) != 0) return system_failure("namespaces", errno);
  // What is mounted here must not show outside.
  if (core::Status done = mount_step("", "/", nullptr, MS_REC | MS_SLAVE, nullptr); !done) {
    return done;
  }
  const Descriptor root(::open(view.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!root) return system_failure("open " + view.root, errno);
  const std::string itself = "/proc/self/fd/" + std::to_string(root.get());
  if (core::Status done = mount_step("tmpfs", view.runners_dir, "tmpfs",
                                     MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711,size=64k");
      !done) {
    return done;
  }
  if (::mkdir(view.root.c_str(), 0711) != 0) return system_failure("make " + view.root, errno);
  if (core::Status done = mount_step(itself.c_str(), view.root, nullptr, MS_BIND | MS_REC, nullptr);
      !done) {
    return done;
  }
  if (view.private_tmp) {
    if (core::Status done = private_tmp(view.root + "/_tmp"); !done) return done;
  }
  return mount_step("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
}

void hide_this_process() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace jitney::local
