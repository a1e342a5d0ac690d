// SPDX-License-Identifier: Apache-2.0
// The queue port over SQS as it behaves: nothing is coalesced, order and grouping are chance, a
// message may be received twice at once, what is received too often goes to the dead letters by
// itself. One thread; deterministic.
#pragma once

#include <map>
#include <utility>

#include "core/queue.hpp"
#include "sim/world/mix.hpp"
#include "sim/world/random.hpp"

namespace jitney::sim {

class Sqs final : public core::Queue {
 public:
  Sqs(Random& random, const Mix& mix) : random_(random), mix_(mix) {}

  core::Status push(const core::Message& message, core::Duration delay, core::Time now) override;
  core::Result<std::vector<core::Delivery>> take(int max, core::Duration lease,
                                                 core::Time now) override;
  core::Status done(const core::Delivery& delivery) override;
  core::Status retry(const core::Delivery& delivery, core::Duration after, core::Time now) override;
  core::Status bury(const core::Message& message, const std::string& cause,
                    core::Time now) override;
  core::Result<std::vector<core::DeadLetter>> dead_letters(std::size_t limit) override;
  core::Status forget(core::MessageKind kind, const std::string& key) override;
  core::Result<std::size_t> depth() override;

 private:
  struct Row {
    core::Message message;
    core::Time visible{};
    int receives = 0;
    int handle = 0;  // of the last receive; 0: given back
  };

  Row* held(const core::Delivery& delivery);
  core::Delivery receive(std::int64_t id, Row& row, core::Duration lease, core::Time now);

  Random& random_;
  const Mix& mix_;
  std::int64_t next_ = 1;
  int next_handle_ = 1;
  std::map<std::int64_t, Row> rows_;
  std::map<std::pair<core::MessageKind, std::string>, core::DeadLetter> dead_;
};

}  // namespace jitney::sim
