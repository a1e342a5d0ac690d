// SPDX-License-Identifier: Apache-2.0
// A string that must not be seen: tokens, keys, webhook secrets, JIT configurations.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace jitney::core {

// Owns its bytes and wipes them when it dies or is moved from. Has no stream or format operator,
// and compares only through `net::equal_in_constant_time(reveal(), ...)`. Not thread-safe.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  // The only way to the bytes: grep for it to find every place where a secret leaves its box.
  [[nodiscard]] std::string_view reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

  bool operator==(const Secret&) const = delete;
  friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

 private:
  void wipe() noexcept;
  std::string value_;
};

}  // namespace jitney::core
