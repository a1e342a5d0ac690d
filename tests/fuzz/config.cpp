// SPDX-License-Identifier: Apache-2.0
// The text of a jitney.toml.
#include "apps/config/config.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

bool name_like(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// "fuzz.toml:3:7: words"
bool has_place(std::string_view line) {
  constexpr std::string_view kFile = "fuzz.toml:";
  if (!line.starts_with(kFile)) return false;
  line.remove_prefix(kFile.size());
  for (int part = 0; part < 2; ++part) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    if (line.substr(0, colon).find_first_not_of("0123456789") != std::string_view::npos) {
      return false;
    }
    line.remove_prefix(colon + 1);
  }
  return line.size() > 1 && line.front() == ' ';
}

// GitHub's tokens in the input: a person who put one in the wrong place must not see it come back
// in a log.
std::set<std::string> tokens_in(std::string_view text) {
  std::set<std::string> found;
  for (std::size_t at = text.find("ghp_"); at != std::string_view::npos;
       at = text.find("ghp_", at + 1)) {
    const std::string_view token = text.substr(at, 40);
    const bool whole = token.size() == 40 && std::ranges::all_of(token.substr(4), [](char c) {
                         return std::isalnum(static_cast<unsigned char>(c)) != 0;
                       });
    if (whole) found.emplace(token);
  }
  return found;
}

void expect_readable(std::string_view text, std::string_view input) {
  Lines lines(text);
  while (!lines.done()) {
    const std::string_view line = lines.take();
    expect(has_place(line), "every mistake has its file, line and column");
    expect(line.size() < 1000, "a mistake is a sentence");
    expect(std::ranges::none_of(line, [](char c) { return static_cast<unsigned char>(c) < ' '; }),
           "a mistake sends no control characters to a terminal");
  }
  for (const std::string& token : tokens_in(input)) {
    expect(text.find(token.substr(0, 12)) == std::string_view::npos, "no mistake quotes a token");
  }
}

void expect_usable(const app::Config& config) {
  expect(config.deployment.name.empty() || name_like(config.deployment.name), "the name is a name");
  expect(config.server.workers >= 1 && config.server.workers <= 64, "workers are bounded");
  std::set<std::string> names;
  for (const core::Pool& pool : config.deployment.pools) {
    expect(name_like(pool.name) && pool.name.size() <= 40, "a pool's name is a name");
    expect(names.insert(pool.name).second, "a pool's name is its own");
    expect(std::ranges::is_sorted(pool.labels), "labels are sorted");
    expect(std::ranges::binary_search(pool.labels, pool.name),
           "a pool's name is one of its labels");
    for (const std::string& label : pool.labels) {
      expect(label == core::lower(label) && !label.empty(), "labels are lower case");
    }
    expect(config.scope(pool.scope) != nullptr, "a pool's scope exists");
    expect(pool.max >= 0 && pool.warm >= 0 && pool.warm <= pool.max, "warm is within max");
  }
  for (const app::GithubScope& scope : config.github) {
    expect(scope.token.has_value() || scope.private_key.has_value(), "a scope has credentials");
    expect(scope.url.find('@') == std::string::npos, "an address holds no password");
  }
}

}  // namespace

void target(std::string_view input) {
  const auto config = app::parse_config(input, "fuzz.toml");
  const auto again = app::parse_config(input, "fuzz.toml");
  expect(config.has_value() == again.has_value(), "the same text reads alike");
  if (!config) {
    expect(config.error().fault == core::Fault::invalid, "what cannot be read is invalid");
    expect(!config.error().what.empty(), "there is a reason");
    expect(config.error().what == again.error().what, "the same text has the same mistakes");
    expect_readable(config.error().what, input);
    return;
  }
  expect_usable(*config);
  for (const std::string& warning : config->warnings) expect_readable(warning, input);
}

}  // namespace jitney::fuzz
