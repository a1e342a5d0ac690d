// SPDX-License-Identifier: Apache-2.0
// How every fallible call in Jitney answers. Immutable values; any thread.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace jitney::core {

// A fault is named by what its caller should do next, never by who raised it. Vendor codes are
// mapped to faults once, in the adapter, by a table whose rows are tested.
enum class Fault {
  invalid,       // the request is wrong and will stay wrong: give up, tell a person
  unauthorized,  // credentials or permissions are wrong: give up, tell a person
  not_found,     // the thing is gone or never was
  conflict,      // someone else was faster, or the name is taken: read again, then decide
  throttled,     // too many calls: wait for `retry_after`, this is no failure
  no_capacity,   // the provider has none to give now: try another rung, then count a failure
  not_ready,     // it will be, soon: wait, this is no failure
  transient,     // unknown or passing: retry a bounded number of times
  cancelled,     // the deadline passed or the process is stopping
};

std::string_view to_string(Fault fault);

struct Error {
  Fault fault = Fault::transient;
  // For a tired person: what was tried, the vendor's own code and request id. Never a secret, never
  // a payload.
  std::string what;
  std::optional<Duration> retry_after = std::nullopt;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(Fault fault, std::string what,
                                   std::optional<Duration> retry_after = std::nullopt) {
  return std::unexpected(Error{fault, std::move(what), retry_after});
}

}  // namespace jitney::core
