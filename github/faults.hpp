// SPDX-License-Identifier: Apache-2.0
// What GitHub's statuses and words mean for a caller: the one table. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/http.hpp"

namespace jitney::github {

// Which limit an answer ran into.
enum class Limit {
  none,
  primary,    // the hour's calls are used up: of this kind of call only
  secondary,  // too many at once, or 429: all calls stop
};

struct Verdict {
  core::Fault fault = core::Fault::transient;
  Limit limit = Limit::none;
  std::optional<core::Duration> retry_after;
};

// Of an answer that is no 2xx. `message` is GitHub's own. Limits always have a retry_after: from
// retry-after, else x-ratelimit-reset, else a minute, which is what GitHub asks for.
Verdict judge(int status, const net::Headers& headers, std::string_view message, core::Time now);

// "message" of GitHub's JSON error body and the first words of "errors"; printable, bounded, empty
// when there is none.
std::string message_of(std::string_view body);

}  // namespace jitney::github
