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

constexpr std::string_view kStars = "***";
constexpr std::size_t kTelling = 8;  // a longer beginning of a secret, cut off, is one too

// How many of the last bytes of `text` are the first of `secret`: the next read may bring the rest.
std::size_t begun_at_the_end(std::string_view text, std::string_view secret) {
  if (secret.empty()) return 0;
  const std::size_t longest = std::min(text.size(), secret.size() - 1);
  for (std::size_t size = longest; size > 0; --size) {
    if (secret.starts_with(text.substr(text.size() - size))) return size;
  }
  return 0;
}

}  // namespace

core::Status RunnerLog::open(const std::string& path, std::int64_t max_bytes, core::Secret hidden) {
  file_ = Descriptor(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_) return system_failure("open " + path, errno);
  left_ = max_bytes;
  hidden_ = std::move(hidden);
  return {};
}

bool RunnerLog::take(int pipe) {
  std::array<char, 16u << 10> buffer;
  for (int chunk = 0; chunk < kChunksAtOnce; ++chunk) {
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got == 0) {
      end();
      return false;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    add({buffer.data(), static_cast<std::size_t>(got)});
  }
  return true;
}

void RunnerLog::add(std::string_view printed) {
  held_.append(printed);
  const std::string_view hidden = hidden_.reveal();
  std::size_t from = 0;
  if (!hidden.empty()) {
    for (auto at = held_.find(hidden); at != std::string::npos; at = held_.find(hidden, from)) {
      write(std::string_view(held_).substr(from, at - from));
      write(kStars);
      from = at + hidden.size();
    }
  }
  std::string_view rest = std::string_view(held_).substr(from);
  const std::size_t begun = begun_at_the_end(rest, hidden);
  write(rest.substr(0, rest.size() - begun));
  held_ = std::string(rest.substr(rest.size() - begun));
}

void RunnerLog::end() {
  write(held_.size() > kTelling ? kStars : std::string_view(held_));
  held_.clear();
}

void RunnerLog::write(std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  const auto keep = std::min(size, left_);
  // A full disk costs log lines, never the job.
  static_cast<void>(!write_all(file_.get(), text.substr(0, static_cast<std::size_t>(keep))));
  left_ -= keep;
  if (keep < size && !full_) {
    full_ = true;
    static_cast<void>(!write_all(file_.get(), "\n[jitney: the log is full; the rest is lost]\n"));
  }
}

}  // namespace jitney::local
