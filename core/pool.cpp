// SPDX-License-Identifier: Apache-2.0
#include "core/pool.hpp"

#include <algorithm>
#include <optional>

namespace jitney::core {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

namespace {

// Iterative glob with '*' only: linear in practice, quadratic at worst, never exponential.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, mark = 0;
  std::optional<std::size_t> star;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star) {
      p = *star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Whether some text fits both globs: each star takes what stands opposite, of either kind.
bool globs_meet(std::string_view a, std::string_view b) {
  std::vector<bool> before(b.size() + 1), row(b.size() + 1);
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      const bool star_a = i > 0 && a[i - 1] == '*';
      const bool star_b = j > 0 && b[j - 1] == '*';
      row[j] = (i == 0 && j == 0) || (star_a && before[j]) || (star_b && j > 0 && row[j - 1]) ||
               (star_a && j > 0 && row[j - 1]) || (star_b && i > 0 && before[j]) ||
               (i > 0 && j > 0 && a[i - 1] == b[j - 1] && before[j - 1]);
    }
    before = row;
  }
  return before.back();
}

std::vector<std::string> missing_labels(const Pool& pool, std::span<const std::string> labels) {
  std::vector<std::string> missing;
  for (const std::string& label : labels) {
    if (std::ranges::find(pool.labels, lower(label)) == pool.labels.end()) missing.push_back(label);
  }
  return missing;
}

std::string join(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// True when some repository may be served by both.
bool may_share_repository(const Pool& a, const Pool& b) {
  if (a.repositories.empty() || b.repositories.empty()) return true;
  for (const std::string& x : a.repositories) {
    for (const std::string& y : b.repositories) {
      if (globs_meet(lower(x), lower(y))) return true;
    }
  }
  return false;
}

}  // namespace

bool serves(const Pool& pool, std::string_view repository) {
  if (pool.repositories.empty()) return true;
  const std::string name = lower(repository);
  return std::ranges::any_of(pool.repositories,
                             [&](const std::string& p) { return glob(lower(p), name); });
}

Match match(std::span<const Pool> pools, std::string_view scope, std::string_view repository,
            std::span<const std::string> labels) {
  if (labels.empty()) return {nullptr, "the job asks for no label at all"};
  const Pool* closest = nullptr;
  std::vector<std::string> fewest;
  const Pool* elsewhere = nullptr;  // has the labels, but not for this repository
  for (const Pool& pool : pools) {
    std::vector<std::string> missing = missing_labels(pool, labels);
    if (pool.scope != scope || !serves(pool, repository)) {
      if (missing.empty() && elsewhere == nullptr) elsewhere = &pool;
      continue;
    }
    if (missing.empty()) return {&pool, ""};
    if (closest == nullptr || missing.size() < fewest.size()) {
      closest = &pool;
      fewest = std::move(missing);
    }
  }
  const std::string asked = "no pool covers the labels [" + join(labels) + "]";
  if (elsewhere != nullptr) {
    return {nullptr, asked + " for " + std::string(repository) + ": pool " + elsewhere->name +
                         " has them, but does not serve this repository"};
  }
  if (closest == nullptr) {
    return {nullptr, "no pool serves " + std::string(repository)};
  }
  return {nullptr,
          asked + ": the closest, pool " + closest->name + ", lacks [" + join(fewest) + "]"};
}

std::vector<Overlap> overlaps(std::span<const Pool> pools) {
  std::vector<Overlap> found;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (std::size_t j = i + 1; j < pools.size(); ++j) {
      const Pool& a = pools[i];
      const Pool& b = pools[j];
      if (a.scope != b.scope || !may_share_repository(a, b)) continue;
      if (missing_labels(a, b.labels).empty()) {
        found.push_back({a.name, b.name,
                         "every job that pool " + b.name + " could take goes to pool " + a.name +
                             ", which stands earlier and has all its labels"});
      } else if (missing_labels(b, a.labels).empty()) {
        found.push_back({a.name, b.name,
                         "runners of pool " + b.name + " have all labels of pool " + a.name +
                             ", so GitHub may give them its jobs"});
      }
    }
  }
  return found;
}

}  // namespace jitney::core
