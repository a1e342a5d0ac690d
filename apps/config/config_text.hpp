// SPDX-License-Identifier: Apache-2.0
// The little languages inside configuration strings: durations, sizes, addresses, GitHub URLs. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "apps/config/config.hpp"
#include "core/time.hpp"

namespace jitney::app {

// "500ms", "90s", "15m", "2h", "14d", "1h30m"; nullopt for all else, and beyond ten years.
std::optional<core::Duration> parse_duration(std::string_view text);
std::string write_duration(core::Duration duration);  // as parse_duration reads it

// "512MiB", "2GiB", "2GB", "4096B"; nullopt for all else, and from 2^62 on.
std::optional<std::int64_t> parse_size(std::string_view text);

// "127.0.0.1:8080", "[::1]:0", "localhost:8081".
std::optional<Listen> parse_listen(std::string_view text);
bool is_loopback(std::string_view address);

// What follows from a scope's URL alone: kind, owner, repository, api_url, a default name.
// `invalid`: the text ends a sentence that begins with the key's name. URLs may hold passwords by
// mistake: the text does not quote.
core::Result<GithubScope> parse_github_url(std::string_view url);

// The nearest of `words` to what was typed, if it is near enough to have been meant.
std::optional<std::string> did_you_mean(std::string_view typed, std::span<const std::string> words);

// In quotes, cut after 40 characters, control characters shown as '?'.
std::string quoted(std::string_view text);

// GitHub's tokens begin with known prefixes and keys with a PEM header: such a thing in a place for
// a name is the secret itself.
bool looks_secret(std::string_view text);

}  // namespace jitney::app
