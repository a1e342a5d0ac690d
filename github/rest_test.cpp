// SPDX-License-Identifier: Apache-2.0
#include "github/rest.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "github/scripted_test.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::github {
namespace {

using core::Duration;
using core::Fault;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::string_view kToken = "ghp_MARKEDSECRET0123456789";

class RestTest : public ::testing::Test {
 protected:
  RestTest() { make({}); }

  void make(RestOptions options) {
    options.api = github_.api();
    if (options.write_spacing == kWriteSpacing) options.write_spacing = Duration(0);
    rest_ = std::make_unique<Rest>(std::move(options), clock_);
  }
  core::Result<net::Response> get(const std::string& path = "/orgs/acme") {
    return rest_->send({.route = "/orgs/{org}", .path = path}, authorization_);
  }
  core::Result<net::Response> post(Lane lane = Lane::core) {
    return rest_->send({.method = "POST", .route = "/x", .path = "/x", .body = "{}", .lane = lane},
                       authorization_);
  }
  core::Error refusal(core::Result<net::Response> outcome) {
    EXPECT_FALSE(outcome);
    core::Error error = outcome ? core::Error{} : outcome.error();
    EXPECT_EQ(error.what.find("MARKEDSECRET"), std::string::npos) << error.what;
    return error;
  }

  ScriptedGithub github_;
  fakes::FakeClock clock_;
  core::Secret authorization_{"Bearer " + std::string(kToken)};
  std::unique_ptr<Rest> rest_;
};

TEST_F(RestTest, SendsWhatGitHubWantsToSee) {
  github_.then(answer(200));
  ASSERT_TRUE(get());
  github_.then(answer(201));
  ASSERT_TRUE(post());
  const auto asked = github_.asked();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].headers.get("accept"), "application/vnd.github+json");
  EXPECT_EQ(asked[0].headers.get("x-github-api-version"), "2022-11-28");
  EXPECT_TRUE(asked[0].headers.get("user-agent")->starts_with("jitney/"));
  EXPECT_EQ(asked[0].headers.get("authorization"), authorization_.reveal());
  EXPECT_FALSE(asked[0].headers.get("content-type"));
  EXPECT_EQ(asked[1].headers.get("content-type"), "application/json");
  EXPECT_EQ(asked[1].body, "{}");
}

TEST_F(RestTest, AnErrorTellsAllThatIsNeededAndNoToken) {
  github_.then(answer(422, R"({"message":"Validation Failed for )" + std::string(kToken) + "\"}"));
  const auto error = refusal(post());
  EXPECT_EQ(error.fault, Fault::invalid);
  EXPECT_EQ(error.what, "POST /x: 422 Validation Failed for *** (request id 8A2C:1F)");
}

TEST_F(RestTest, ARefusalThatIsWelcomeHoldsNoTokenEither) {
  github_.then(answer(401, R"({"message":"P)" + std::string(kToken) + "\"}"));
  const auto response =
      rest_->send({.route = "/x", .path = "/x", .welcome = {401}}, authorization_);
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->body, R"({"message":"P***"})");
}

TEST_F(RestTest, AReadIsRepeatedTwiceAndAWriteNever) {
  for (int i = 0; i < 2; ++i) github_.then(answer(502, "<html>"));
  github_.then(answer(200, "third"));
  const auto third = get();
  ASSERT_TRUE(third) << third.error().what;
  EXPECT_EQ(third->body, "third");

  github_.otherwise([](const net::Request&) { return answer(503); });
  EXPECT_EQ(refusal(get()).fault, Fault::transient);
  EXPECT_EQ(github_.calls(), 6U);
  EXPECT_EQ(refusal(post()).fault, Fault::transient);
  EXPECT_EQ(github_.calls(), 7U);
}

TEST_F(RestTest, WhatIsNoPassingFaultIsNotRepeated) {
  for (const int status : {400, 401, 403, 404, 409, 410, 422, 451}) {
    const auto before = github_.calls();
    github_.then(answer(status));
    refusal(get());
    EXPECT_EQ(github_.calls(), before + 1) << status;
  }
}

TEST_F(RestTest, NoCallAtAllWhileGitHubAsksForPatience) {
  github_.then(answer(403, R"({"message":"You have exceeded a secondary rate limit."})",
                      {{"Retry-After", "30"}}));
  EXPECT_EQ(refusal(get()).retry_after, Duration(30s));
  github_.otherwise([](const net::Request&) { return answer(200); });
  clock_.advance(10s);
  for (const Lane lane : {Lane::core, Lane::registration, Lane::app}) {
    const auto error = refusal(post(lane));
    EXPECT_EQ(error.fault, Fault::throttled);
    EXPECT_EQ(error.retry_after, Duration(20s));
  }
  EXPECT_EQ(github_.calls(), 1U);
  clock_.advance(20s);
  EXPECT_TRUE(get());
  EXPECT_EQ(github_.calls(), 2U);
}

TEST_F(RestTest, APrimaryLimitStopsItsOwnKindOfCallUntilTheReset) {
  const auto reset = std::chrono::floor<std::chrono::seconds>(clock_.now() + 5min);
  github_.then(answer(403, R"({"message":"API rate limit exceeded for installation ID 1."})",
                      {{"X-RateLimit-Remaining", "0"},
                       {"X-RateLimit-Limit", "5000"},
                       {"X-RateLimit-Reset", std::to_string(reset.time_since_epoch().count())}}));
  EXPECT_EQ(refusal(get()).fault, Fault::throttled);
  github_.otherwise([](const net::Request&) { return answer(200); });
  EXPECT_EQ(refusal(get()).retry_after, Duration(5min));
  EXPECT_TRUE(post(Lane::registration));
  ASSERT_TRUE(rest_->budget());
  EXPECT_EQ(rest_->budget()->limit, 5000);
  EXPECT_EQ(rest_->budget()->remaining, 0);
  EXPECT_EQ(rest_->budget()->resets_at, reset);
  clock_.advance(5min);
  EXPECT_TRUE(get());
}

TEST_F(RestTest, TheLastCallOfTheHourIsNoticedBeforeTheFirstRefusal) {
  const auto reset = std::chrono::floor<std::chrono::seconds>(clock_.now() + 2min);
  github_.then(answer(200, "{}",
                      {{"X-RateLimit-Remaining", "0"},
                       {"X-RateLimit-Limit", "5000"},
                       {"X-RateLimit-Reset", std::to_string(reset.time_since_epoch().count())}}));
  EXPECT_TRUE(get());
  EXPECT_EQ(refusal(get()).fault, Fault::throttled);
  EXPECT_EQ(github_.calls(), 1U);
}

TEST_F(RestTest, AClockThatIsSetBackDoesNotMakeAWaitLast) {
  github_.then(answer(429, "{}", {{"Retry-After", "30"}}));
  refusal(get());
  clock_.advance(-24h);
  github_.then(answer(200));
  EXPECT_TRUE(get());
}

TEST_F(RestTest, TheBudgetIsThatOfOrdinaryCalls) {
  EXPECT_FALSE(rest_->budget());
  const net::Headers left{{"X-RateLimit-Remaining", "4711"},
                          {"X-RateLimit-Limit", "5000"},
                          {"X-RateLimit-Reset", "1800003600"}};
  github_.then(answer(200, "{}", left));
  EXPECT_TRUE(post(Lane::app));
  EXPECT_FALSE(rest_->budget());
  github_.then(answer(404, "{}", left));
  refusal(get());
  ASSERT_TRUE(rest_->budget());
  EXPECT_EQ(rest_->budget()->remaining, 4711);
}

TEST_F(RestTest, WritesKeepTheirDistanceAndReadsDoNot) {
  make({.write_spacing = 60ms});
  github_.otherwise([](const net::Request&) { return answer(200); });
  const auto from = steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([this] { EXPECT_TRUE(post()); });
  }
  EXPECT_GE(steady_clock::now() - from, 180ms);
  EXPECT_EQ(github_.calls(), 4U);
}

TEST_F(RestTest, AWriteWhoseTurnComesTooLateIsNotSent) {
  make({.write_spacing = 1h, .call_time = 5s});
  github_.otherwise([](const net::Request&) { return answer(200); });
  EXPECT_TRUE(post());
  const auto error = refusal(post());
  EXPECT_EQ(error.fault, Fault::throttled);
  EXPECT_GT(error.retry_after, Duration(59min));
  EXPECT_EQ(github_.calls(), 1U);
  EXPECT_TRUE(get());
}

// Takes every request and never answers.
class SilentGithub {
 public:
  SilentGithub() {
    auto made = net::HttpServer::listen({}, [this](const net::Request&, net::Responder respond) {
      const std::lock_guard lock(mutex_);
      unanswered_.push_back(std::move(respond));
    });
    if (!made) throw std::runtime_error(made.error().what);
    server_ = *std::move(made);
  }
  [[nodiscard]] net::Url api() const {
    net::Url url = *net::parse_url("http://127.0.0.1:" + std::to_string(server_->port()));
    url.path.clear();
    return url;
  }
  std::size_t calls() {
    const std::lock_guard lock(mutex_);
    return unanswered_.size();
  }

 private:
  std::mutex mutex_;
  std::vector<net::Responder> unanswered_;
  std::unique_ptr<net::HttpServer> server_;  // last: its threads use the above
};

TEST_F(RestTest, ASilentGitHubIsDownAndLeftAfterTheTimeOfACall) {
  SilentGithub silent;
  RestOptions options;
  options.api = silent.api();
  options.call_time = 100ms;
  Rest rest(std::move(options), clock_);
  const auto from = steady_clock::now();
  const auto error = refusal(rest.send({.route = "/x", .path = "/x"}, authorization_));
  EXPECT_EQ(error.fault, Fault::transient);
  EXPECT_TRUE(error.what.starts_with("GET /x: "));
  EXPECT_LT(steady_clock::now() - from, 5s);
}

TEST_F(RestTest, NoCallOutlastsTheLastMomentOfItsHost) {
  SilentGithub silent;
  RestOptions options;
  options.api = silent.api();
  options.call_time = 1h;
  auto last = steady_clock::now() + 100ms;
  options.last_moment = [&last] { return last; };
  Rest rest(std::move(options), clock_);
  for (const char* method : {"GET", "POST"}) {
    last = steady_clock::now() + 500ms;
    const auto error =
        refusal(rest.send({.method = method, .route = "/x", .path = "/x"}, authorization_));
    EXPECT_EQ(error.fault, Fault::cancelled);
    EXPECT_LT(steady_clock::now() - last, 5s);
  }
  while (silent.calls() < 2) std::this_thread::yield();
  const auto late = refusal(rest.send({.route = "/x", .path = "/x"}, authorization_));
  EXPECT_EQ(late.fault, Fault::cancelled);
  EXPECT_TRUE(late.what.starts_with("GET /x: "));
  EXPECT_EQ(silent.calls(), 2U) << "nothing is begun after it";
}

TEST_F(RestTest, ARepeatDoesNotWaitPastTheLastMoment) {
  // The first pause lasts 100 ms at least.
  make({.last_moment = [] { return steady_clock::now() + 60ms; }});
  github_.otherwise([](const net::Request&) { return answer(503); });
  // On a busy machine none may come through in time.
  while (github_.calls() == 0) refusal(get());
  EXPECT_EQ(github_.calls(), 1U);
}

TEST_F(RestTest, FollowsARenameOfAReadOnceAndOnlyHere) {
  github_.then(answer(301, "{}", {{"Location", github_.url() + "/repositories/7"}}));
  github_.then(answer(200, "moved"));
  const auto moved = get();
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(moved->body, "moved");
  EXPECT_EQ(github_.lines().back(), "GET /repositories/7");

  const auto before = github_.calls();
  github_.then(answer(301, "{}", {{"Location", "http://127.0.0.1:1/steal"}}));
  EXPECT_EQ(refusal(get()).fault, Fault::not_found);
  github_.then(answer(307, "{}", {{"Location", github_.url() + "/repositories/7"}}));
  EXPECT_EQ(refusal(post()).fault, Fault::not_found);
  EXPECT_EQ(github_.calls(), before + 2);
}

TEST_F(RestTest, LinksLeadToTheNextPageAndNeverToAnotherHost) {
  const auto next = [&](const std::string& link) {
    return rest_->next_page(answer(200, "[]", {{"Link", link}}));
  };
  const std::string here = github_.url();
  EXPECT_EQ(*next("<" + here + "/a?page=2>; rel=\"next\", <" + here + "/a?page=9>; rel=\"last\""),
            "/a?page=2");
  EXPECT_EQ(*next("<" + here + "/a?page=1>; rel=\"prev\", <" + here + "/a?page=3>; rel=\"next\""),
            "/a?page=3");
  EXPECT_EQ(*next("<" + here + "/a?page=1>; rel=\"prev\""), "");
  EXPECT_EQ(*next("nonsense"), "");
  EXPECT_EQ(*next("<unclosed"), "");
  EXPECT_EQ(*rest_->next_page(answer(200)), "");
  EXPECT_FALSE(next("<https://evil.example/a?page=2>; rel=\"next\""));
  EXPECT_FALSE(next("<http://127.0.0.1:1/a?page=2>; rel=\"next\""));
  EXPECT_FALSE(next("<not an address>; rel=\"next\""));
}

TEST_F(RestTest, TellsItsObserverEveryExchangeByRouteAndNotByName) {
  std::vector<std::string> seen;
  RestOptions options;
  options.observer = [&](std::string_view method, std::string_view route, int status, Duration) {
    seen.push_back(std::string(method) + " " + std::string(route) + " " + std::to_string(status));
  };
  make(std::move(options));
  github_.then(answer(500));
  github_.then(answer(200));
  EXPECT_TRUE(get());
  EXPECT_EQ(seen, (std::vector<std::string>{"GET /orgs/{org} 500", "GET /orgs/{org} 200"}));
}

}  // namespace
}  // namespace jitney::github
