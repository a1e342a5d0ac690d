// SPDX-License-Identifier: Apache-2.0
#include "aws/dynamo_recent.hpp"

namespace jitney::aws {

void RecentRunners::remember(std::span<const Item> rows) {
  const std::lock_guard lock(mutex_);
  for (const Item& row : rows) {
    Key key = key_of(row);
    if (!key.sk.starts_with(kOpenRunner)) continue;
    if (rows_.size() >= kMost) rows_.clear();
    rows_.insert_or_assign(std::move(key), row);
  }
}

std::optional<Item> RecentRunners::take(const Key& live_runner_key) {
  const std::lock_guard lock(mutex_);
  const auto row = rows_.extract(live_runner_key);
  if (row.empty()) return std::nullopt;
  return std::move(row.mapped());
}

}  // namespace jitney::aws
