// SPDX-License-Identifier: Apache-2.0
#include "local/runner_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace jitney::local {

namespace {
// A runner that prints without pause must not keep its shim from everything else.
constexpr int kChunksAtOnce = 64;
}  // namespace

core::Status RunnerLog::open(const std::string& path, std::int64_t max_bytes) {
  file_ = Descriptor(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_) return system_failure("open " + path, errno);
  left_ = max_bytes;
  return {};
}

bool RunnerLog::take(int pipe) {
  std::array<char, 16u << 10> buffer;
  for (int chunk = 0; chunk < kChunksAtOnce; ++chunk) {
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got == 0) return false;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    const auto keep = std::min<std::int64_t>(got, left_);
    // A full disk costs log lines, never the job.
    static_cast<void>(
        !write_all(file_.get(), std::string_view(buffer.data(), static_cast<std::size_t>(keep))));
    left_ -= keep;
    if (keep < got && !full_) {
      full_ = true;
      static_cast<void>(!write_all(file_.get(), "\n[jitney: the log is full; the rest is lost]\n"));
    }
  }
  return true;
}

}  // namespace jitney::local
