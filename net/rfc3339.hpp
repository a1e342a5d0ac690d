// SPDX-License-Identifier: Apache-2.0
// Timestamps as GitHub, AWS and our own API write them. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace jitney::net {

// "2026-01-02T03:04:05Z", "...05.678Z", "...05+02:00". Digits finer than a millisecond are cut off;
// a leap second counts as the second after :59. nullopt for all else.
std::optional<core::Time> parse_rfc3339(std::string_view text);

std::string format_rfc3339(core::Time time);     // "2026-01-02T03:04:05Z", the fraction cut off
std::string format_rfc3339_ms(core::Time time);  // "2026-01-02T03:04:05.678Z"

}  // namespace jitney::net
