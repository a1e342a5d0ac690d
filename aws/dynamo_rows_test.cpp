// SPDX-License-Identifier: Apache-2.0
#include "aws/dynamo_rows.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace jitney::aws {
namespace {

constexpr core::Time kNow{core::Duration{1'800'000'000'000}};

TEST(DynamoRows, ARunnersPlaceFollowsFromItsName) {
  const auto place = place_of("ci", "ci-template_cpu-12");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->pool, "template_cpu");
  EXPECT_EQ(place->number, 12);
  EXPECT_EQ(place_of("ci-a", "ci-a-b-c-7")->pool, "b-c");
}

TEST(DynamoRows, WhatIsNotNamedLikeOursHasNoPlace) {
  for (const char* name : {"", "ci", "ci-", "ci-linux", "ci-linux-", "ci-linux-0", "ci-linux-07",
                           "ci-linux-7x", "ci-linux--1", "ci--7", "cx-linux-7", "GitHub Actions 17",
                           "ci-linux-99999999999999999999"}) {
    const auto place = place_of("ci", name);
    // "ci-linux--1" is runner 1 of a pool "linux-"; the configuration allows such a name.
    EXPECT_EQ(place.has_value(), std::string_view(name) == "ci-linux--1") << name;
  }
}

TEST(DynamoRows, APoolComesBackFromItsKey) {
  EXPECT_EQ(pool_of(pool_key("a-b")), "a-b");
  EXPECT_EQ(pool_of({"pools", ""}), "") << "what somebody wrote by hand harms nobody";
}

TEST(DynamoRows, ANameComesBackFromAGoneRunnersKey) {
  EXPECT_EQ(gone_runner_name(gone_runner_key("a-b", 100), "ci"), "ci-a-b-100");
  EXPECT_EQ(gone_runner_name({"", ""}, "ci"), "ci--") << "what somebody wrote by hand harms nobody";
}

TEST(DynamoRows, ARowThatIsNotWhatItShouldBeIsReadWithoutHarm) {
  Item item;
  EXPECT_EQ(read_note(item).key, "");
  item["sk"] = string_value("no");
  EXPECT_EQ(read_note(item).key, "");
  item["v"] = number_value(std::numeric_limits<std::int64_t>::min());
  EXPECT_LT(read_batch(item).version, 0);
}

TEST(DynamoRows, KeysSortAsTheirNumbersDo) {
  EXPECT_LT(live_runner_key("p", 9).sk, live_runner_key("p", 10).sk);
  EXPECT_LT(open_job_key("p", 999).sk, open_job_key("p", 9'007'199'254'740'993).sk);
  EXPECT_LT(list_time(kNow), list_time(kNow + core::Duration{1}));
}

TEST(DynamoRows, WhatExpiresSaysSoInSecondsAndWhatIsOpenDoesNot) {
  core::Job job;
  job.id = 1;
  job.status = core::JobStatus::completed;
  EXPECT_EQ(number_of(job_item(job, kNow, kNow), "ttl"), 1'800'000'000);
  EXPECT_FALSE(job_item(job, kNow, core::Time{}).contains("ttl"));
}

TEST(DynamoRows, EachJobIsInTheListOfItsState) {
  core::Job job;
  job.id = 7;
  job.pool = "linux";
  job.status = core::JobStatus::queued;
  const auto list = [&] { return text_of(job_item(job, kNow, {}), "list"); };
  EXPECT_EQ(list(), "job/open");
  job.dead = core::Death{.cause = "gave up", .at = kNow};
  EXPECT_EQ(list(), "job/dead");
  job.dead.reset();
  job.pool.clear();
  EXPECT_EQ(list(), "job/ignored");
  job.status = core::JobStatus::completed;
  EXPECT_EQ(list(), "job/over");
}

TEST(DynamoRows, PlacesOfLinesRiseWhoeverAsks) {
  std::vector<std::vector<std::string>> places(4);
  {
    std::vector<std::jthread> writers;
    for (auto& mine : places) {
      writers.emplace_back([&mine] {
        for (int i = 0; i < 500; ++i) mine.push_back(new_line_place());
      });
    }
  }
  std::set<std::string> all;
  for (const auto& mine : places) {
    EXPECT_TRUE(std::ranges::is_sorted(mine));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), 2000U) << "no two alike";
}

}  // namespace
}  // namespace jitney::aws
