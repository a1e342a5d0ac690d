// SPDX-License-Identifier: Apache-2.0
// What core/ledger.hpp promises, for every adapter: INSTANTIATE_TEST_SUITE_P(Name, LedgerContract,
// factory).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ledger.hpp"

namespace jitney::contract {

// A ledger and whatever it stands on.
struct LedgerWorld {
  virtual ~LedgerWorld() = default;
  virtual core::Ledger& ledger() = 0;
};
using LedgerFactory = std::function<std::unique_ptr<LedgerWorld>()>;

class LedgerContract : public testing::TestWithParam<LedgerFactory> {
 protected:
  static constexpr core::Time kNow{core::Duration{1'800'000'000'000}};

  core::Ledger& ledger() { return world_->ledger(); }
  core::PoolState pool() { return ledger().snapshot("cpu").value().state; }

  static core::JobEvent event(core::JobId id, core::JobStatus status, std::string runner = "");
  core::Recorded record(const core::JobEvent& event);
  core::Recorded queue(core::JobId id) { return record(event(id, core::JobStatus::queued)); }
  // A batch on the pool as it stands.
  core::Batch batch(int count, std::vector<core::JobId> jobs = {});
  core::Batch claimed(int count, std::vector<core::JobId> jobs = {});
  core::Runner advance(const core::RunnerName& name, core::Event event, core::Facts facts = {});
  // Brings the runner as far as `registered`.
  void start(const core::RunnerName& name);

  const std::unique_ptr<LedgerWorld> world_ = GetParam()();
};

}  // namespace jitney::contract
