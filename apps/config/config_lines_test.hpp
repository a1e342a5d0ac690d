// SPDX-License-Identifier: Apache-2.0
// Configurations with one line changed, and what is said about them. Pure functions.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "apps/config/config.hpp"

namespace jitney::app {

inline constexpr const char* kGithub = R"([[github]]
url = "https://github.com/acme"
token = { env = "GITHUB_TOKEN" }
webhook_secret = { env = "HOOK" }
)";
inline constexpr const char* kPool = R"([[pool]]
name = "linux"
[pool.process]
runner_dir = "/opt/runner"
)";

inline Config good(const std::string& text) {
  auto config = parse_config(text, "t.toml");
  EXPECT_TRUE(config) << config.error().what;
  return config ? *config : Config{};
}

inline std::string mistakes(const std::string& text) {
  const auto config = parse_config(text, "t.toml");
  EXPECT_FALSE(config) << "was taken as good:\n" << text;
  if (config) return "";
  EXPECT_EQ(config.error().fault, core::Fault::invalid);
  return config.error().what;
}

inline std::string pool_with(const std::string& line) {
  return std::string(kGithub) + "[[pool]]\nname = \"linux\"\n" + line +
         "\n[pool.process]\nrunner_dir = \"/opt/runner\"\n";
}
inline std::string replaced(std::string text, std::string_view old, std::string_view with) {
  return text.replace(text.find(old), old.size(), with);
}

}  // namespace jitney::app
