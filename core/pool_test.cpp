// SPDX-License-Identifier: Apache-2.0
#include "core/pool.hpp"

#include <gtest/gtest.h>

namespace jitney::core {
namespace {

Pool pool(std::string name, std::vector<std::string> labels,
          std::vector<std::string> repositories = {}) {
  Pool p;
  p.name = std::move(name);
  p.labels = std::move(labels);
  p.scope = "acme";
  p.repositories = std::move(repositories);
  return p;
}

const std::vector<Pool> kPools{
    pool("cpu", {"cpu", "linux", "self-hosted"}, {"acme/*"}),
    pool("gpu", {"gpu", "linux", "self-hosted"}, {"acme/vision", "acme/llm-*"}),
};

Match find(std::vector<std::string> labels, std::string repository = "acme/vision") {
  return match(kPools, "acme", repository, labels);
}

TEST(Match, FirstPoolWithAllLabelsWins) {
  EXPECT_EQ(find({"self-hosted", "linux"}).pool->name, "cpu");
  EXPECT_EQ(find({"gpu"}).pool->name, "gpu");
}

TEST(Match, ComparesWithoutCase) { EXPECT_EQ(find({"Self-Hosted", "GPU"}).pool->name, "gpu"); }

TEST(Match, NamesTheLabelsThatWereMissing) {
  const Match none = find({"gpu", "arm64"});
  EXPECT_EQ(none.pool, nullptr);
  EXPECT_EQ(none.why_not,
            "no pool covers the labels [gpu, arm64]: the closest, pool gpu, lacks [arm64]");
}

TEST(Match, SaysWhenAPoolServesOtherRepositories) {
  const Match none = find({"gpu"}, "acme/website");
  EXPECT_EQ(none.pool, nullptr);
  EXPECT_NE(none.why_not.find("pool gpu has them, but does not serve this repository"),
            std::string::npos)
      << none.why_not;
}

TEST(Match, OtherScopeIsNeverServed) {
  const std::vector<std::string> labels{"cpu"};
  EXPECT_EQ(match(kPools, "other", "acme/vision", labels).pool, nullptr);
}

TEST(Match, JobWithoutLabelsGetsNoRunner) { EXPECT_EQ(find({}).pool, nullptr); }

TEST(Serves, GlobsMatchWholeNames) {
  EXPECT_TRUE(serves(kPools[1], "acme/llm-train"));
  EXPECT_TRUE(serves(kPools[1], "Acme/Vision"));
  EXPECT_FALSE(serves(kPools[1], "acme/vision2"));
  EXPECT_FALSE(serves(kPools[1], "evil-acme/vision"));
  EXPECT_TRUE(serves(pool("all", {"all"}), "any/thing"));
}

TEST(Serves, ManyStarsStayCheap) {
  const Pool stars = pool("s", {"s"}, {"a*a*a*a*a*a*a*a*a*a*b"});
  EXPECT_FALSE(serves(stars, std::string(5'000, 'a')));
}

TEST(Overlaps, ReportsAPoolThatCanNeverBeReached) {
  const std::vector<Pool> pools{pool("big", {"big", "small", "self-hosted"}),
                                pool("small", {"self-hosted", "small"})};
  const auto found = overlaps(pools);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].first, "big");
  EXPECT_NE(found[0].why.find("goes to pool big"), std::string::npos);
}

TEST(Overlaps, ReportsRunnersThatCouldStealJobs) {
  const std::vector<Pool> pools{pool("small", {"self-hosted", "small"}),
                                pool("big", {"big", "small", "self-hosted"})};
  ASSERT_EQ(overlaps(pools).size(), 1u);
}

TEST(Overlaps, ReportsPoolsWhoseGlobsMeetInSomeRepository) {
  const auto found = [](const char* first, const char* second) {
    return overlaps(std::vector<Pool>{pool("a", {"a", "x"}, {first}), pool("b", {"x"}, {second})});
  };
  EXPECT_EQ(found("acme/*", "*/shop").size(), 1u);
  EXPECT_EQ(found("acme/*-api", "Acme/shop-*").size(), 1u);
  EXPECT_EQ(found("*", "acme/shop").size(), 1u);
  EXPECT_TRUE(found("acme/*-api", "acme/*-web").empty());
  EXPECT_TRUE(found("acme/*", "other/*").empty());
}

TEST(Overlaps, IgnoresPoolsThatNeverMeet) {
  EXPECT_TRUE(overlaps(kPools).empty());
  const std::vector<Pool> apart{pool("a", {"x"}, {"acme/a"}), pool("b", {"x"}, {"acme/b"})};
  EXPECT_TRUE(overlaps(apart).empty());
}

}  // namespace
}  // namespace jitney::core
