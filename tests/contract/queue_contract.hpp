// SPDX-License-Identifier: Apache-2.0
// What core/queue.hpp promises, for every adapter: INSTANTIATE_TEST_SUITE_P(Name, QueueContract,
// factory).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "core/queue.hpp"

namespace jitney::contract {

struct QueueWorld {
  virtual ~QueueWorld() = default;
  virtual core::Queue& queue() = 0;
};
using QueueFactory = std::function<std::unique_ptr<QueueWorld>()>;

class QueueContract : public testing::TestWithParam<QueueFactory> {
 protected:
  static constexpr core::Time kNow{core::Duration{1'800'000'000'000}};
  static constexpr core::Duration kLease{std::chrono::seconds(30)};

  core::Queue& queue() { return world_->queue(); }
  std::vector<core::Delivery> take(core::Time at, int max = 10) {
    return queue().take(max, kLease, at).value();
  }
  static core::Message wake(std::string pool) {
    return {core::MessageKind::create_runner, std::move(pool), "why"};
  }

  const std::unique_ptr<QueueWorld> world_ = GetParam()();
};

}  // namespace jitney::contract
