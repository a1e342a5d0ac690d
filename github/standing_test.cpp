// SPDX-License-Identifier: Apache-2.0
#include "github/standing.hpp"

#include <gtest/gtest.h>

#include <map>

#include "github/scripted_test.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::github {
namespace {

// Answers by path, without the query; all else is 404.
struct World {
  ScriptedGithub github;
  fakes::FakeClock clock;
  std::map<std::string, net::Response> answers;

  World() {
    github.otherwise([this](const net::Request& request) {
      const auto found = answers.find(std::string(request.path()));
      return found == answers.end() ? answer(404, R"({"message":"Not Found"})") : found->second;
    });
  }

  std::unique_ptr<Session> session(ScopeKind kind = ScopeKind::organization) {
    RestOptions rest;
    rest.api = github.api();
    return *Session::open(std::move(rest),
                          Endpoint{.kind = kind,
                                   .owner = "acme",
                                   .repository = kind == ScopeKind::repository ? "shop" : "",
                                   .api = github.api()},
                          TokenKey{.token = core::Secret("ghp_x")}, clock);
  }
  bool asked(const std::string& path) {
    for (const auto& request : github.asked()) {
      if (request.path() == path) return true;
    }
    return false;
  }
};

TEST(Standing, OfATokenHasScopesVersionsAndWhatItMayRead) {
  World world;
  world.answers["/orgs/acme/actions/runners"] = answer(
      200, R"({"total_count":1,"runners":[{"id":1,"name":"r1","version":"2.330.0"},{"id":2}]})",
      {{"X-OAuth-Scopes", "admin:org, repo"}});
  world.answers["/orgs/acme/actions/runners/downloads"] = answer(
      200,
      R"([{"os":"osx","architecture":"x64","filename":"actions-runner-osx-x64-2.335.0.tar.gz"},
          {"os":"linux","architecture":"x64","filename":"actions-runner-linux-x64-2.336.1.tar.gz"}])");
  world.answers["/orgs/acme/repos"] =
      answer(200, R"([{"full_name":"acme/old","archived":true},{"full_name":"acme/shop"}])");
  world.answers["/repos/acme/shop/actions/runs"] = answer(403, R"({"message":"no actions"})");
  const Standing standing = look_at_standing(*world.session(), world.clock);
  EXPECT_FALSE(standing.app);
  EXPECT_TRUE(standing.runners.succeeded());
  EXPECT_EQ(standing.scopes, (std::vector<std::string>{"admin:org", "repo"}));
  ASSERT_EQ(standing.versions.size(), 1U);
  EXPECT_EQ(standing.versions[0].version, "2.330.0");
  EXPECT_EQ(standing.newest_runner, "2.336.1");
  EXPECT_EQ(standing.tried, "acme/shop");
  EXPECT_EQ(standing.runs.status, 403);
  EXPECT_EQ(standing.runs.fault, core::Fault::unauthorized);
  EXPECT_NE(standing.runs.message.find("no actions"), std::string::npos);
}

TEST(Standing, AFineGrainedTokenTellsNoScopes) {
  World world;
  world.answers["/orgs/acme/actions/runners"] = answer(200, R"({"runners":[]})");
  EXPECT_FALSE(look_at_standing(*world.session(), world.clock).scopes);
}

TEST(Standing, NothingMoreIsAskedWithATokenThatGitHubDoesNotTake) {
  World world;
  world.answers["/orgs/acme/actions/runners"] = answer(401, R"({"message":"Bad credentials"})");
  const Standing standing = look_at_standing(*world.session(), world.clock);
  EXPECT_EQ(standing.runners.status, 401);
  EXPECT_EQ(world.github.calls(), 1U);
}

TEST(Standing, TheClockIsComparedWithGitHubsEvenWhenItRefuses) {
  World world;
  // The server of these tests tells the time of this machine.
  const auto wall = std::chrono::system_clock::now() + std::chrono::minutes(10);
  world.clock.set(std::chrono::time_point_cast<core::Duration>(wall));
  world.answers["/orgs/acme/actions/runners"] = answer(401, R"({"message":"Bad credentials"})");
  const Standing standing = look_at_standing(*world.session(), world.clock);
  ASSERT_TRUE(standing.skew);
  EXPECT_GT(*standing.skew, std::chrono::minutes(8));
  EXPECT_LT(*standing.skew, std::chrono::minutes(11));
}

TEST(Standing, OfARepositoryAsksForThatOneAlone) {
  World world;
  world.answers["/repos/acme/shop/actions/runners"] = answer(200, R"({"runners":[]})");
  world.answers["/repos/acme/shop"] = answer(200, R"({"full_name":"acme/shop"})");
  world.answers["/repos/acme/shop/actions/runs"] = answer(200, R"({"workflow_runs":[]})");
  const Standing standing = look_at_standing(*world.session(ScopeKind::repository), world.clock);
  EXPECT_TRUE(standing.repositories.succeeded());
  EXPECT_TRUE(standing.runs.succeeded());
  EXPECT_EQ(standing.visible_count, 1);
}

TEST(Standing, AGroupForSelectedRepositoriesIsReadWithThem) {
  World world;
  world.answers["/orgs/acme/actions/runner-groups/3"] = answer(
      200, R"({"id":3,"name":"gpu","visibility":"selected","allows_public_repositories":true})");
  world.answers["/orgs/acme/actions/runner-groups/3/repositories"] =
      answer(200, R"({"repositories":[{"full_name":"acme/shop"}]})");
  const RunnerGroup group = look_at_group(*world.session(), 3);
  EXPECT_EQ(group.name, "gpu");
  EXPECT_TRUE(group.allows_public);
  EXPECT_EQ(group.repositories, std::vector<std::string>{"acme/shop"});
  EXPECT_EQ(look_at_group(*world.session(), 4).shown.status, 404);
}

TEST(Standing, AGroupForAllIsOneCall) {
  World world;
  world.answers["/orgs/acme/actions/runner-groups/1"] =
      answer(200, R"({"id":1,"name":"Default","visibility":"all"})");
  EXPECT_FALSE(look_at_group(*world.session(), 1).repositories);
  EXPECT_FALSE(world.asked("/orgs/acme/actions/runner-groups/1/repositories"));
}

}  // namespace
}  // namespace jitney::github
