// SPDX-License-Identifier: Apache-2.0
// A queue in memory that keeps the whole contract of core/queue.hpp and passes its suite.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/queue.hpp"

namespace jitney::fakes {

class FakeQueue final : public core::Queue {
 public:
  // The next `times` calls answer with this fault and change nothing.
  void fail_next(core::Fault fault, int times = 1);

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
    core::Time due{};
    int receives = 0;
    bool leased = false;
  };
  using DeadKey = std::pair<core::MessageKind, std::string>;

  core::Status refuse();
  Row* find(const core::Delivery& delivery);

  std::mutex mutex_;
  core::Fault fault_ = core::Fault::transient;
  int faults_left_ = 0;
  std::int64_t next_ = 1;
  std::map<std::int64_t, Row> rows_;
  std::map<DeadKey, core::DeadLetter> dead_;
};

}  // namespace jitney::fakes
