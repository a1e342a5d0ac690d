// SPDX-License-Identifier: Apache-2.0
// What core/queue.hpp promises, as tests. An adapter joins by INSTANTIATE_TEST_SUITE_P with a
// function that makes an empty queue, and by building queue_contract.cpp into its executable.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/queue.hpp"

namespace jitney::contract {

// Owns one queue and what it stands on; made anew for each test.
class QueueHome {
 public:
  virtual ~QueueHome() = default;
  virtual core::Queue& queue() = 0;
  // Whether a delivery is known to be another's, or given back, from the moment on that it is. SQS
  // knows of none of it: it goes by the lease, and answers `ok` to the end of what has ended.
  [[nodiscard]] virtual bool knows_who_has_it() const { return true; }
};

struct QueueMaker {
  const char* name;
  std::unique_ptr<QueueHome> (*make)();
};
inline std::ostream& operator<<(std::ostream& out, const QueueMaker& maker) {
  return out << maker.name;
}

class QueueContract : public ::testing::TestWithParam<QueueMaker> {
 protected:
  static constexpr core::Time kStart{core::Duration{1'800'000'000'000}};

  QueueContract() : home_(GetParam().make()), queue_(home_->queue()) {}

  void push(const core::Message& message, core::Duration delay = {}, core::Time now = kStart) {
    const auto pushed = queue_.push(message, delay, now);
    EXPECT_TRUE(pushed.has_value()) << pushed.error().what;
  }
  std::vector<core::Delivery> take(core::Time now = kStart, int max = 10) {
    auto taken = queue_.take(max, std::chrono::minutes(2), now);
    EXPECT_TRUE(taken.has_value()) << taken.error().what;
    return taken ? *taken : std::vector<core::Delivery>{};
  }
  core::Delivery take_one(core::Time now = kStart) {
    const auto taken = take(now, 1);
    EXPECT_EQ(taken.size(), 1U);
    return taken.empty() ? core::Delivery{} : taken.front();
  }
  std::size_t depth() {
    const auto depth = queue_.depth();
    EXPECT_TRUE(depth.has_value());
    return depth.value_or(999'999);
  }

  std::unique_ptr<QueueHome> home_;
  core::Queue& queue_;
};

}  // namespace jitney::contract
