// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/admin.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <future>

#include "apps/serve/serve_test_world.hpp"
#include "core/functions.hpp"

namespace jitney::app {
namespace {

using boost::json::value;

class AdminTest : public testing::Test {
 protected:
  AdminTest() { options_.context = world_.new_context(world_.queue); }

  Admin& admin() {
    if (!admin_) admin_.emplace(options_, world_.metrics);
    return *admin_;
  }
  net::Response ask(const std::string& method, const std::string& target,
                    net::Headers headers = {{"Host", "127.0.0.1:8081"}}) {
    return admin().answer(
        {.method = method, .target = target, .headers = std::move(headers), .body = ""});
  }
  net::Response get(const std::string& target) { return ask("GET", target); }
  value json(const std::string& target) {
    const net::Response response = get(target);
    EXPECT_EQ(response.status, 200) << response.body;
    return boost::json::parse(response.body);
  }
  void queue_job(core::JobId id, const std::string& label = "template_cpu") {
    const std::vector<core::JobEvent> events{test_event(id, core::JobStatus::queued, label)};
    ASSERT_TRUE(core::autoscaler(options_.context(std::chrono::seconds(5)), events));
  }
  void kill_job(core::JobId id) {
    const core::Time now = world_.clock.now();
    ASSERT_TRUE(world_.store.bury(id, {.cause = "no such image", .permanent = false, .at = now}));
    ASSERT_TRUE(world_.queue.bury(
        {.kind = core::MessageKind::dead_job, .key = std::to_string(id), .detail = ""},
        "no such image", now));
  }

  TestWorld world_;
  AdminOptions options_;
  std::optional<Admin> admin_;
};

TEST_F(AdminTest, HealthIsOkOnlyWhenTheLedgerTakesWritesAndEveryCheckPasses) {
  const value body = json("/healthz");
  EXPECT_EQ(body.at("ok"), true);
  EXPECT_TRUE(body.at("warnings").as_array().empty());
}

TEST_F(AdminTest, HealthSaysWhyRunnersSeeEachOtherWithoutCallingItIll) {
  options_.no_namespaces = "namespaces: Operation not permitted";
  const value body = json("/healthz");
  EXPECT_EQ(body.at("ok"), true);
  EXPECT_EQ(body.at("no_namespaces"), "namespaces: Operation not permitted");
}

TEST_F(AdminTest, HealthTellsWhatAnotherStartWouldNotMendWithoutCallingItIll) {
  options_.warnings = [] { return std::vector<std::string>{"list runners of acme: 401"}; };
  const value body = json("/healthz");
  EXPECT_EQ(body.at("ok"), true);
  EXPECT_EQ(body.at("warnings").at(0), "list runners of acme: 401");
}

TEST_F(AdminTest, HealthNamesEachReason) {
  options_.checks = {{"workers", [] { return std::optional<std::string>("2 of 4 hang"); }},
                     {"sweep", [] { return std::optional<std::string>(); }}};
  world_.store.fail_next(core::Fault::transient);
  const net::Response response = get("/healthz");
  EXPECT_EQ(response.status, 503);
  const value body = boost::json::parse(response.body);
  EXPECT_EQ(body.at("ok"), false);
  EXPECT_EQ(body.at("reasons").at("workers"), "2 of 4 hang");
  EXPECT_TRUE(body.at("reasons").as_object().contains("ledger"));
  EXPECT_FALSE(body.at("reasons").as_object().contains("sweep"));
}

TEST_F(AdminTest, MetricsShowDemandPerPoolAndNoJobOrRunner) {
  queue_job(4711);
  queue_job(4712, "template_gpu");
  queue_job(4713, "template_gpu");
  options_.add_to_sample = [](Metrics::Sample& sample) { sample.free_disk_bytes = 12345; };
  const net::Response response = get("/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find("jitney_pool_demand{pool=\"template_cpu\"} 1\n"), std::string::npos);
  EXPECT_NE(response.body.find("jitney_pool_demand{pool=\"template_gpu\"} 2\n"), std::string::npos);
  EXPECT_NE(response.body.find("jitney_pool_max{pool=\"template_gpu\"} 2\n"), std::string::npos);
  EXPECT_NE(response.body.find("jitney_free_disk_bytes 12345\n"), std::string::npos);
  EXPECT_NE(response.body.find("jitney_queue_depth 2\n"), std::string::npos) << "one a pool";
  EXPECT_EQ(response.body.find("4711"), std::string::npos);
}

TEST_F(AdminTest, ListsAndShowsJobs) {
  queue_job(1);
  queue_job(2, "template_gpu");
  EXPECT_EQ(json("/api/v1/jobs").at("jobs").as_array().size(), 2U);
  EXPECT_EQ(json("/api/v1/jobs?pool=template_gpu").at("jobs").as_array().size(), 1U);
  EXPECT_EQ(json("/api/v1/jobs?limit=1").at("jobs").as_array().size(), 1U);
  EXPECT_EQ(json("/api/v1/jobs?status=completed").at("jobs").as_array().size(), 0U);
  EXPECT_EQ(json("/api/v1/jobs/2").at("pool"), "template_gpu");
  EXPECT_EQ(json("/api/v1/pools").at("pools").as_array().size(), 2U);
  EXPECT_EQ(json("/api/v1/runners").at("runners").as_array().size(), 0U);
  EXPECT_EQ(json("/api/v1/version").at("deployment"), "test");
}

TEST_F(AdminTest, ExplainsAJobWithItsTimeline) {
  queue_job(1);
  const value body = json("/api/v1/jobs/1/explain");
  EXPECT_FALSE(body.at("explanation").at("sentence").as_string().empty());
  EXPECT_FALSE(body.at("timeline").as_array().empty());
  EXPECT_EQ(body.at("job").at("id"), 1);
}

TEST_F(AdminTest, AnswersMistakesWithJsonAndTheRightStatus) {
  const std::vector<std::pair<std::string, int>> cases{{"/nothing", 404},
                                                       {"/api/v1/", 404},
                                                       {"/api/v1/jobs/5", 404},
                                                       {"/api/v1/jobs/abc", 400},
                                                       {"/api/v1/jobs/1/2/3", 404},
                                                       {"/api/v1/jobs?limit=0", 400},
                                                       {"/api/v1/jobs?status=x", 400},
                                                       {"/api/v1/dead/1/redrive", 405}};
  for (const auto& [target, status] : cases) {
    const net::Response response = get(target);
    EXPECT_EQ(response.status, status) << target;
    EXPECT_EQ(boost::json::parse(response.body).at("error").at("status"), status);
  }
  EXPECT_EQ(ask("POST", "/healthz").status, 405);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs", {{"Host", "localhost"}, {"X-Jitney", "1"}}).status, 405);
}

TEST_F(AdminTest, RedrivesADeadJobAndForgetsItsLetter) {
  queue_job(7);
  kill_job(7);
  EXPECT_EQ(json("/api/v1/dead").at("dead").as_array().size(), 1U);
  const net::Response response =
      ask("POST", "/api/v1/dead/7/redrive", {{"Host", "localhost:8081"}, {"X-Jitney", "1"}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_FALSE((*world_.store.job(7))->dead.has_value());
  EXPECT_EQ(json("/api/v1/dead").at("dead").as_array().size(), 0U);
}

TEST_F(AdminTest, RedrivingAWakeUpQueuesItAgain) {
  ASSERT_TRUE(world_.queue.bury(
      {.kind = core::MessageKind::stop_runner, .key = "test-cpu-1", .detail = "idle"}, "a bug",
      world_.clock.now()));
  const std::string id = (*world_.queue.dead_letters(1))[0].id;
  const net::Response response = ask("POST", "/api/v1/dead/" + net::percent_encode(id) + "/redrive",
                                     {{"Host", "localhost"}, {"X-Jitney", "1"}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(world_.queue.depth().value_or(0), 1U);
  EXPECT_TRUE(world_.queue.dead_letters(1)->empty());
}

TEST_F(AdminTest, RedrivingALivingJobIsAConflict) {
  queue_job(7);
  EXPECT_EQ(
      ask("POST", "/api/v1/dead/7/redrive", {{"Host", "localhost"}, {"X-Jitney", "1"}}).status,
      409);
}

TEST_F(AdminTest, APageFromElsewhereCanNeitherChangeNorRead) {
  queue_job(7);
  kill_job(7);
  EXPECT_EQ(ask("POST", "/api/v1/dead/7/redrive").status, 403) << "no X-Jitney header";
  EXPECT_EQ(
      ask("POST", "/api/v1/dead/7/redrive", {{"Host", "evil.example"}, {"X-Jitney", "1"}}).status,
      403);
  EXPECT_EQ(ask("GET", "/api/v1/jobs", {{"Host", "evil.example:8081"}}).status, 403);
  EXPECT_EQ(ask("GET", "/api/v1/jobs", {}).status, 403);
  EXPECT_TRUE((*world_.store.job(7))->dead.has_value());
}

TEST(OwnHost, KnowsLoopbackAndConfiguredNamesOnly) {
  const std::vector<std::string> own{"ci.example.com"};
  for (const char* host : {"localhost", "localhost:1", "LOCALHOST", "127.0.0.1:8081", "127.9.9.9",
                           "[::1]:8081", "[::1]", "ci.example.com:8081", "CI.example.com"}) {
    EXPECT_TRUE(is_own_host(host, own)) << host;
  }
  for (const char* host : {"", "evil.example", "127.0.0.1.evil.example", "localhost.evil", "[::2]",
                           "[::1", "x.ci.example.com", "10.0.0.1"}) {
    EXPECT_FALSE(is_own_host(host, own)) << host;
  }
}

TEST_F(AdminTest, TooManyWaitersAreRefusedAndDrainingAnswersTheRest) {
  options_.waiting = 1;
  std::promise<void> entered;
  std::promise<void> release;
  auto released = release.get_future().share();
  std::atomic<bool> first = true;
  options_.checks = {{"slow", [&] {
                        if (first.exchange(false)) {
                          entered.set_value();
                          released.wait();
                        }
                        return std::optional<std::string>();
                      }}};
  std::mutex mutex;
  std::map<int, int> answers;
  const auto send = [&] {
    admin().handle({.method = "GET", .target = "/healthz", .headers = {}, .body = ""},
                   [&](const net::Response& response) {
                     const std::lock_guard lock(mutex);
                     ++answers[response.status];
                   });
  };
  send();
  entered.get_future().wait();
  send();  // waits
  send();  // one too many
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(answers[503], 1);
  }
  release.set_value();
  admin().drain();
  EXPECT_EQ(answers[200], 2);
}

}  // namespace
}  // namespace jitney::app
