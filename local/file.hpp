// SPDX-License-Identifier: Apache-2.0
// Owned descriptors, and small files that are whole or absent after a crash. Free functions are
// thread-safe; a Descriptor belongs to one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.hpp"

namespace jitney::local {

// Closes what it holds. -1: holds nothing.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// `what` with errno's name and text. A full disk or table is `not_ready`, a permission
// `unauthorized`, the rest `transient`.
core::Error system_error(std::string_view what, int error);
std::unexpected<core::Error> system_failure(std::string_view what, int error);

// nullopt: there is none. `transient`: it cannot be read or is longer than `max_bytes`.
core::Result<std::optional<std::string>> read_small_file(const std::string& path,
                                                         std::size_t max_bytes = 1u << 20);
// Replaces the file as one step; durable when it answers.
core::Status write_durably(const std::string& path, std::string_view text, mode_t mode = 0600);
core::Status sync_directory(const std::string& path);
// Makes the directory, or gives the one that stands there this mode.
core::Status make_directory(const std::string& path, mode_t mode);
bool exists(const std::string& path);
bool write_all(int fd, std::string_view bytes);

// An exclusive lock that the kernel drops with its last holder and that can be asked about without
// being taken (an open file description lock). Empty: someone else holds it.
core::Result<Descriptor> take_lock(const std::string& path);
bool lock_is_held(const std::string& path);

}  // namespace jitney::local
