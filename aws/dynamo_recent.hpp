// SPDX-License-Identifier: Apache-2.0
// Live runners' rows as this process wrote them last, or read them by name. Another process may
// have changed them since, so they are only good for a write on condition that nobody has: it saves
// the read before it. Rows of a snapshot are not kept: rivals go through the same snapshot, and a
// refused write costs more than the read. Thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "aws/dynamo_rows.hpp"

namespace jitney::aws {

class RecentRunners {
 public:
  // A warm Lambda process lives for hours: when there are more, all are forgotten.
  static constexpr std::size_t kMost = 1000;

  // Rows of live runners; others are passed over.
  void remember(std::span<const Item> rows);
  // For one attempt: whoever is outrun reads. nullopt: not seen.
  std::optional<Item> take(const Key& live_runner_key);

 private:
  std::mutex mutex_;
  std::map<Key, Item> rows_;
};

}  // namespace jitney::aws
