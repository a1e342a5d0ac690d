// SPDX-License-Identifier: Apache-2.0
// Pools, a line each: "name|scope|label,label|glob,glob". After an empty line the job: its scope,
// its repository, then its labels, a line each.
#include <algorithm>
#include <set>

#include "core/pool.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

using core::Pool;

constexpr std::size_t kMostPools = 8;
constexpr std::size_t kLongestText = 48;  // the slow matcher's work grows with the product

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(at));
    if (!part.empty()) parts.emplace_back(part.substr(0, kLongestText));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return parts;
}

// As the configuration makes it: labels lower, sorted, each once, with the name.
Pool read_pool(std::string_view line) {
  Pool pool;
  std::vector<std::string> cells;
  for (int i = 0; i < 4; ++i) {
    const std::string_view cell = line.substr(0, line.find('|'));
    cells.emplace_back(cell);
    line.remove_prefix(std::min(line.size(), cell.size() + 1));
  }
  pool.name = core::lower(cells[0]);
  pool.scope = cells[1];
  std::set<std::string> labels = {pool.name};
  for (const std::string& label : split(cells[2], ',')) labels.insert(core::lower(label));
  pool.labels.assign(labels.begin(), labels.end());
  pool.repositories = split(cells[3], ',');
  return pool;
}

char low(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Tries every way to share out the text among the stars, by a table.
bool slow_glob(std::string_view pattern, std::string_view text) {
  std::vector<std::vector<bool>> fits(pattern.size() + 1, std::vector<bool>(text.size() + 1));
  fits[0][0] = true;
  for (std::size_t p = 1; p <= pattern.size(); ++p) {
    for (std::size_t t = 0; t <= text.size(); ++t) {
      if (pattern[p - 1] == '*') {
        fits[p][t] = fits[p - 1][t] || (t > 0 && fits[p][t - 1]);
      } else {
        fits[p][t] = t > 0 && fits[p - 1][t - 1] && low(pattern[p - 1]) == low(text[t - 1]);
      }
    }
  }
  return fits[pattern.size()][text.size()];
}

bool slowly_serves(const Pool& pool, std::string_view repository) {
  return pool.repositories.empty() ||
         std::ranges::any_of(pool.repositories,
                             [&](const std::string& glob) { return slow_glob(glob, repository); });
}

bool slowly_covers(const Pool& pool, const std::vector<std::string>& labels) {
  const std::set<std::string> have(pool.labels.begin(), pool.labels.end());
  return std::ranges::all_of(
      labels, [&](const std::string& label) { return have.contains(core::lower(label)); });
}

void expect_overlaps_are_known(const std::vector<Pool>& pools, std::string_view repository) {
  const auto found = core::overlaps(pools);
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (std::size_t j = i + 1; j < pools.size(); ++j) {
      const Pool& a = pools[i];
      const Pool& b = pools[j];
      const bool both = a.scope == b.scope && slowly_serves(a, repository) &&
                        slowly_serves(b, repository) &&
                        (slowly_covers(a, b.labels) || slowly_covers(b, a.labels));
      const bool told = std::ranges::any_of(found, [&](const core::Overlap& overlap) {
        return overlap.first == a.name && overlap.second == b.name;
      });
      if (both) expect(told, "two pools that could take the same job are reported");
    }
  }
}

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  std::vector<Pool> pools;
  for (auto line = lines.take(); !line.empty() && pools.size() < kMostPools; line = lines.take()) {
    pools.push_back(read_pool(line));
  }
  const std::string scope(lines.take());
  const std::string repository(lines.take().substr(0, kLongestText));
  std::vector<std::string> labels;
  while (!lines.done() && labels.size() < 16) labels.emplace_back(lines.take());

  const Pool* slow = nullptr;
  for (const Pool& pool : pools) {
    const bool serves = slowly_serves(pool, repository);
    expect(core::serves(pool, repository) == serves, "globs fit as the slow matcher says");
    if (slow == nullptr && !labels.empty() && pool.scope == scope && serves &&
        slowly_covers(pool, labels)) {
      slow = &pool;
    }
  }
  const core::Match match = core::match(pools, scope, repository, labels);
  expect(match.pool == slow, "a job goes to the first pool that serves and covers it");
  expect((match.pool == nullptr) == !match.why_not.empty(),
         "there is a reason exactly without a pool");
  expect_overlaps_are_known(pools, repository);
}

}  // namespace jitney::fuzz
