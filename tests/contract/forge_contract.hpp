// SPDX-License-Identifier: Apache-2.0
// What core/forge.hpp promises, as tests. An adapter joins by INSTANTIATE_TEST_SUITE_P with a
// function that makes a GitHub with the repository acme/shop, a forge for it of the deployment
// "prod", and by building forge_contract.cpp into its executable.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/forge.hpp"

namespace jitney::contract {

inline constexpr const char* kRepository = "acme/shop";

// One GitHub with one forge; made anew for each test. All but forge() is what happens on GitHub
// without our doing; each has happened on return.
class ForgeHome {
 public:
  virtual ~ForgeHome() = default;
  virtual core::Forge& forge() = 0;
  virtual core::Time now() = 0;  // GitHub's

  // A run with a job for each list of labels.
  virtual std::int64_t queue(const std::vector<std::vector<std::string>>& jobs) = 0;
  virtual void connect(core::ForgeId runner) = 0;  // online and idle; takes nothing yet
  virtual void take(core::JobId job, core::ForgeId runner) = 0;  // of a runner that is connected
  virtual void finish(core::JobId job) = 0;
  virtual void cancel(core::JobId job) = 0;  // a queued one
  virtual void fill_group() = 0;             // the runner group takes no more
  virtual void fail_delivery() = 0;          // one webhook does not reach us
  virtual void outage(bool on) = 0;
};

struct ForgeMaker {
  const char* name;
  std::unique_ptr<ForgeHome> (*make)();
};
inline std::ostream& operator<<(std::ostream& out, const ForgeMaker& maker) {
  return out << maker.name;
}

class ForgeContract : public ::testing::TestWithParam<ForgeMaker> {
 protected:
  ForgeContract() : home_(GetParam().make()), forge_(home_->forge()) {}

  core::ForgeId mint(const core::RunnerName& name) {
    const std::vector<std::string> labels{"cpu"};
    const auto minted = forge_.mint(name, labels, 1);
    EXPECT_TRUE(minted) << minted.error().what;
    return minted ? minted->id : 0;
  }
  std::vector<core::JobEvent> jobs_of(std::int64_t run) {
    auto jobs = forge_.run_jobs(kRepository, run);
    EXPECT_TRUE(jobs) << jobs.error().what;
    return jobs.value_or(std::vector<core::JobEvent>{});
  }
  // The only job of a new run.
  core::JobEvent queue_one() {
    const auto jobs = jobs_of(home_->queue({{"cpu"}}));
    EXPECT_EQ(jobs.size(), 1U);
    return jobs.empty() ? core::JobEvent{} : jobs.front();
  }

  std::unique_ptr<ForgeHome> home_;
  core::Forge& forge_;
};

}  // namespace jitney::contract
