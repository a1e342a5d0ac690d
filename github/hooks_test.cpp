// SPDX-License-Identifier: Apache-2.0
#include "github/hooks.hpp"

#include <gtest/gtest.h>

#include "github/scripted_test.hpp"
#include "net/json.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::github {
namespace {

using core::Fault;

struct World {
  ScriptedGithub github;
  fakes::FakeClock clock;

  std::unique_ptr<Session> session(ScopeKind kind = ScopeKind::organization) {
    Endpoint endpoint{.kind = kind, .owner = "acme", .repository = "", .api = github.api()};
    if (kind == ScopeKind::repository) endpoint.repository = "shop";
    RestOptions rest;
    rest.api = github.api();
    rest.write_spacing = core::Duration(0);
    return *Session::open(std::move(rest), std::move(endpoint),
                          TokenKey{.token = core::Secret("ghp_x")}, clock);
  }
};

HookWish wish() {
  return {.url = "https://ci.example/webhook",
          .secret = core::Secret("hush"),
          .events = {"workflow_job", "workflow_run"}};
}

constexpr const char* kList = R"([
  {"id":7,"active":true,"events":["workflow_job"],
   "config":{"url":"https://a/webhook","content_type":"json","insecure_ssl":"0","secret":"********"}},
  {"id":8,"active":false,"events":["*"],
   "config":{"url":"https://b","content_type":"form","insecure_ssl":1}}])";

TEST(Hooks, AreReadAsTheyStand) {
  World world;
  world.github.then(answer(200, kList));
  const auto hooks = list_hooks(*world.session());
  ASSERT_TRUE(hooks) << hooks.error().what;
  ASSERT_EQ(hooks->size(), 2U);
  const Hook& good = hooks->front();
  EXPECT_EQ(good.id, 7);
  EXPECT_EQ(good.url, "https://a/webhook");
  EXPECT_TRUE(good.has_secret && good.active && good.verifies_tls);
  EXPECT_EQ(good.events, std::vector<std::string>{"workflow_job"});
  const Hook& bad = hooks->back();
  EXPECT_EQ(bad.content_type, "form");
  EXPECT_FALSE(bad.has_secret || bad.active || bad.verifies_tls);
  EXPECT_EQ(world.github.lines(), std::vector<std::string>{"GET /orgs/acme/hooks?per_page=100"});
}

TEST(Hooks, OfAnEnterpriseAreForPeopleAndNothingIsAsked) {
  World world;
  const auto session = world.session(ScopeKind::enterprise);
  EXPECT_EQ(list_hooks(*session).error().fault, Fault::invalid);
  EXPECT_EQ(last_deliveries(*session, 7).error().fault, Fault::invalid);
  EXPECT_EQ(change_hook(*session, 7, wish()).error().fault, Fault::invalid);
  EXPECT_EQ(create_hook(*session, wish()).error().fault, Fault::invalid);
  EXPECT_EQ(world.github.calls(), 0U);
}

TEST(Hooks, DeliveriesAreReadNewestFirstWithOneCall) {
  World world;
  world.github.then(answer(
      200,
      R"([{"id":2,"delivered_at":"2026-11-28T12:00:00Z","event":"workflow_job","action":"queued",
           "status":"OK","status_code":202},
          {"id":1,"delivered_at":"2026-11-28T11:00:00Z","event":"ping","action":null,
           "status":"timed out","status_code":0},
          {"id":0,"delivered_at":"never"}])"));
  const auto seen = last_deliveries(*world.session(ScopeKind::repository), 7);
  ASSERT_TRUE(seen) << seen.error().what;
  ASSERT_EQ(seen->size(), 2U);
  EXPECT_EQ(seen->front().event, "workflow_job.queued");
  EXPECT_EQ(seen->front().answer, 202);
  EXPECT_EQ(seen->back().event, "ping");
  EXPECT_EQ(seen->back().status, "timed out");
  EXPECT_EQ(world.github.lines(),
            std::vector<std::string>{"GET /repos/acme/shop/hooks/7/deliveries?per_page=100"});
}

TEST(Hooks, AreMadeAndMendedWithAllThatIsWished) {
  World world;
  world.github.then(answer(201, R"({"id":9})"));
  world.github.then(answer(200, R"({"id":9})"));
  const auto session = world.session();
  EXPECT_EQ(create_hook(*session, wish()), 9);
  ASSERT_TRUE(change_hook(*session, 9, wish()));
  EXPECT_EQ(world.github.lines(),
            (std::vector<std::string>{"POST /orgs/acme/hooks", "PATCH /orgs/acme/hooks/9"}));
  for (const auto& request : world.github.asked()) {
    const auto body = net::parse_json(request.body);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->at("active"), true);
    EXPECT_EQ(body->at("events").as_array().size(), 2U);
    EXPECT_EQ(body->at("config").at("url"), "https://ci.example/webhook");
    EXPECT_EQ(body->at("config").at("content_type"), "json");
    EXPECT_EQ(body->at("config").at("secret"), "hush");
    EXPECT_EQ(body->as_object().contains("name"), request.method == "POST");
  }
}

TEST(Hooks, ARefusalNamesTheCallAndNoSecret) {
  World world;
  world.github.then(answer(404, R"({"message":"Not Found hush"})"));
  const auto made = create_hook(*world.session(), wish());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, Fault::not_found);
  EXPECT_NE(made.error().what.find("POST /orgs/acme/hooks"), std::string::npos);
  EXPECT_EQ(made.error().what.find("ghp_x"), std::string::npos);
}

TEST(Hooks, AddressesAreTheSameButForASlashAtTheEnd) {
  EXPECT_TRUE(same_address("https://a/webhook", "https://a/webhook/"));
  EXPECT_FALSE(same_address("https://a/webhook", "https://a/webhooks"));
}

}  // namespace
}  // namespace jitney::github
