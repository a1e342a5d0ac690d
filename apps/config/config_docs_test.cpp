// SPDX-License-Identifier: Apache-2.0
// docs/configuration.md has every key that the reader knows, and no other; its files load, and the
// README's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "apps/config/config_reader.hpp"

namespace jitney::app {
namespace {

using Keys = std::set<std::pair<std::string, std::string>>;

std::string read(const std::string& path) {
  std::ifstream in(JITNEY_SOURCE_DIR + path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// "### `[pool.process]`" -> "pool.process"; the top of the file -> "".
std::string section_of(const std::string& heading) {
  const std::size_t begin = heading.find_first_not_of("[", heading.find('['));
  if (begin == std::string::npos || heading.find('[') == std::string::npos) return "";
  return heading.substr(begin, heading.find(']') - begin);
}

Keys documented() {
  Keys keys;
  std::string section;
  bool in_keys = false;
  std::istringstream lines(read("/docs/configuration.md"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) in_keys = line == "## Keys";
    if (line.starts_with("### ")) section = section_of(line);
    if (!in_keys || !line.starts_with("| `")) continue;
    EXPECT_TRUE(keys.emplace(section, line.substr(3, line.find('`', 3) - 3)).second) << line;
  }
  return keys;
}

Keys known() {
  const Keys all = known_keys();
  Keys values;
  for (const auto& [section, key] : all) {
    const std::string inner = section.empty() ? key : section + "." + key;
    const bool is_table =
        std::ranges::any_of(all, [&](const auto& one) { return one.first == inner; });
    if (!is_table) values.emplace(section, key);
  }
  return values;
}

TEST(ConfigDocs, HaveEveryKeyAndNoOther) {
  const Keys read_keys = known();
  ASSERT_GT(read_keys.size(), 60U);
  EXPECT_EQ(documented(), read_keys);
}

std::vector<std::string> toml_blocks(const std::string& page = "/docs/configuration.md") {
  std::vector<std::string> blocks;
  const std::string text = read(page);
  constexpr std::string_view kBegin = "```toml\n";
  for (std::size_t at = 0; (at = text.find(kBegin, at)) != std::string::npos;) {
    at += kBegin.size();
    blocks.push_back(text.substr(at, text.find("```", at) - at));
  }
  return blocks;
}

TEST(ConfigDocs, FilesInItLoad) {
  const std::vector<std::string> blocks = toml_blocks();
  ASSERT_EQ(blocks.size(), 3U);
  for (const std::string& block : blocks) {
    const auto config = parse_config(block, "docs/configuration.md");
    EXPECT_TRUE(config) << config.error().what;
  }
  EXPECT_EQ(blocks.back(), read("/apps/config/jitney.example.toml"));
}

TEST(ConfigDocs, TheReadmesFileLoads) {
  const std::vector<std::string> blocks = toml_blocks("/README.md");
  ASSERT_EQ(blocks.size(), 1U);
  const auto config = parse_config(blocks.front(), "README.md");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_THAT(config->warnings, testing::IsEmpty());
}

// The defaults in the tables, written out, are the defaults of a file that leaves them out.
TEST(ConfigDocs, DurationsAndNumbersOfTheTablesAreTheDefaults) {
  const std::string text = read("/docs/configuration.md");
  const Config config = *parse_config(toml_blocks().front(), "t");
  const core::Pool& pool = config.deployment.pools.front();
  const auto row = [&](const std::string& key, const std::string& written) {
    const std::string begin = "| `" + key + "` | ";
    std::size_t at = 0;
    for (; (at = text.find(begin, at)) != std::string::npos; at += 1) {
      const std::string line = text.substr(at, text.find('\n', at) - at);
      if (line.find("| `" + written + "` |") != std::string::npos) return;
    }
    ADD_FAILURE() << "the table says otherwise: " << key << " = " << written;
  };
  const auto time = [&](const std::string& key, core::Duration value) {
    std::string written = std::to_string(value.count()) + "ms";
    if (value.count() % 1000 == 0) written = std::to_string(value.count() / 1000) + "s";
    if (value.count() % 60'000 == 0) written = std::to_string(value.count() / 60'000) + "m";
    if (value.count() % 3'600'000 == 0) written = std::to_string(value.count() / 3'600'000) + "h";
    if (value >= std::chrono::hours(48)) written = std::to_string(value.count() / 86'400'000) + "d";
    row(key, "\"" + written + "\"");
  };
  time("drain", config.server.drain);
  time("function_time", config.server.function_time);
  row("workers", std::to_string(config.server.workers));
  time("write_spacing", config.github[0].write_spacing);
  row("calls_per_minute", std::to_string(config.github[0].calls_per_minute));
  row("max", std::to_string(core::Pool{}.max));
  row("warm", std::to_string(pool.warm));
  time("batch", pool.deadlines.batch);
  time("boot", pool.deadlines.boot);
  time("start", pool.deadlines.start);
  time("lease", pool.deadlines.lease);
  time("online", pool.deadlines.online);
  time("idle", pool.deadlines.idle);
  time("surplus", pool.deadlines.surplus);
  time("max_job_time", pool.deadlines.max_job_time);
  time("stop_grace", config.process.stop_grace);
  time("keep_logs", config.process.keep_logs);
  row("max_redrives", std::to_string(config.deployment.max_redrives));
  time("redrive_interval", config.redrive_interval);
  time("interval", config.deployment.sweep_interval);
  time("orphan_grace", config.deployment.orphan_grace);
  time("settle", config.deployment.settle);
  time("check_after", config.deployment.check_after);
  row("checks_per_sweep", std::to_string(config.deployment.checks_per_sweep));
  time("retention", config.deployment.retention);
  time("interval", config.deployment.poll_interval);
  row("batch_size", std::to_string(config.deployment.batch_size));
}

}  // namespace
}  // namespace jitney::app
