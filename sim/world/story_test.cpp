// SPDX-License-Identifier: Apache-2.0
#include "sim/world/story.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/fake_ledger.hpp"

namespace jitney::sim {
namespace {

constexpr core::Time kStart{core::Duration{1'800'000'000'000}};

class StoryTest : public testing::Test {
 protected:
  StoryTest() {
    core::JobEvent queued;
    queued.id = 42;
    queued.pool = "cpu";
    queued.seen_at = kStart;
    EXPECT_TRUE(ledger.record({&queued, 1}));
    core::Batch batch;
    batch.id = "ci-cpu-1";
    batch.pool = "cpu";
    batch.runners = {"ci-cpu-1"};
    batch.numbers = {1};
    batch.jobs = {42};
    batch.created_at = kStart;
    EXPECT_EQ(ledger.claim(batch, ledger.snapshot("cpu")->state.version, 5), core::Claimed::ok);
  }
  static bool tells(const std::vector<std::string>& story, const std::string& part) {
    return std::ranges::any_of(story, [&](const std::string& line) { return line.contains(part); });
  }
  fakes::FakeLedger ledger;
};

TEST_F(StoryTest, ARunnerBringsItsJobBatchAndPool) {
  const auto story = tell_story(ledger, {"runner:ci-cpu-1"});
  for (const char* part :
       {"runner:ci-cpu-1", "job:42", "batch:ci-cpu-1", "pool:cpu", "planned in batch ci-cpu-1",
        "runner ci-cpu-1 claimed for it", "42 queued", "ci-cpu-1 planned; counted 1"}) {
    EXPECT_TRUE(tells(story, part)) << part;
  }
}

TEST_F(StoryTest, ABatchBringsItsRunnersAndNobodyIsToldTwice) {
  const auto story = tell_story(ledger, {"batch:ci-cpu-1", "runner:ci-cpu-1"});
  EXPECT_EQ(std::ranges::count(story, "runner:ci-cpu-1"), 1);
  EXPECT_EQ(std::ranges::count(story, "pool:cpu"), 1);
}

TEST_F(StoryTest, TellsTheEndOfALongTimeline) {
  for (int i = 0; i < 200; ++i) {
    const core::TimelineEntry entry{.at = kStart, .subject = "job:42", .text = std::to_string(i)};
    ASSERT_TRUE(ledger.append({&entry, 1}));
  }
  const auto story = tell_story(ledger, {"job:42"});
  EXPECT_LT(story.size(), 60u);
  EXPECT_TRUE(story.back().ends_with(" 199"));
}

}  // namespace
}  // namespace jitney::sim
