// SPDX-License-Identifier: Apache-2.0
// The Date header of HTTP. Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "core/time.hpp"

namespace jitney::net {

// "Sat, 28 Nov 2026 13:33:38 GMT", the one form that servers may send (RFC 9110, 5.6.7). nullopt
// for all else.
std::optional<core::Time> parse_http_date(std::string_view text);

}  // namespace jitney::net
