// SPDX-License-Identifier: Apache-2.0
// The REST API as a client sees it: over HTTP.
#include <gtest/gtest.h>

#include "net/crypto.hpp"
#include "sim/github/github.hpp"
#include "sim/github/jit.hpp"
#include "sim/github/sim_client_test.hpp"

namespace jitney::sim {
namespace {

using std::chrono::seconds;

class RestTest : public testing::Test {
 protected:
  static const RsaParams& app_key() {
    static const RsaParams kKey = *generate_rsa();
    return kKey;
  }

  RestTest() {
    SimOptions options;
    options.repositories = {"acme/shop", "acme/bank", "other/thing"};
    options.enterprises = {{"conglomerate", "acme"}};
    options.tokens = {{.token = "ghp_all", .owners = {}},
                      {.token = "ghp_acme", .owners = {"acme"}}};
    options.apps = {{.id = 77,
                     .slug = "jitney",
                     .client_id = "Iv23",
                     .public_pem = *public_pem(app_key()),
                     .owner = "acme"}};
    options.installations = {{.id = 5, .app_id = 77, .account = "acme", .repositories = {}},
                             {.id = 6, .app_id = 77, .account = "other", .repositories = {}}};
    auto started = SimGithub::start(std::move(options));
    EXPECT_TRUE(started);
    sim = std::move(*started);
    caller = std::make_unique<Caller>(sim->url(), "ghp_acme");
  }

  static std::string jwt(const std::string& issuer, std::int64_t iat, std::int64_t exp,
                         const RsaParams& key = app_key()) {
    const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
    const std::int64_t base = now.time_since_epoch().count();
    const std::string text = net::base64url(R"({"alg":"RS256","typ":"JWT"})") + "." +
                             net::base64url(json::serialize(json::object{
                                 {"iss", issuer}, {"iat", base + iat}, {"exp", base + exp}}));
    return text + "." + net::base64url(*net::rs256(*private_pem(key), text));
  }

  static json::object wish(const std::string& name) {
    return {{"name", name}, {"runner_group_id", 1}, {"labels", json::array{"Self-Hosted", "GPU"}}};
  }

  std::unique_ptr<SimGithub> sim;
  std::unique_ptr<Caller> caller;
};

TEST_F(RestTest, ErrorsHaveGitHubsBody) {
  const json::value body = caller->expect(404, "GET", "/repos/acme/nothing");
  EXPECT_EQ(body.at("message").as_string(), "Not Found");
  EXPECT_EQ(body.at("status").as_string(), "404");
  EXPECT_TRUE(body.as_object().contains("documentation_url"));
  caller->expect(404, "GET", "/no/such/route");
}

TEST_F(RestTest, CredentialsAreChecked) {
  caller->use_token("");
  EXPECT_EQ(caller->expect(401, "GET", "/repos/acme/shop").at("message").as_string(),
            "Requires authentication");
  caller->use_token("ghp_wrong");
  EXPECT_EQ(caller->expect(401, "GET", "/repos/acme/shop").at("message").as_string(),
            "Bad credentials");
  caller->use_token("ghp_acme");
  caller->expect(200, "GET", "/repos/acme/shop");
  caller->expect(404, "GET", "/repos/other/thing");
  caller->expect(403, "GET", "/orgs/other/actions/runners");
  caller->use_token("ghp_all");
  caller->expect(200, "GET", "/orgs/other/actions/runners");
}

TEST_F(RestTest, AnAppSignsInAndGetsATokenForItsInstallation) {
  caller->use_token(jwt("77", -60, 540));
  EXPECT_EQ(caller->expect(200, "GET", "/app").at("slug").as_string(), "jitney");
  EXPECT_EQ(caller->expect(200, "GET", "/app/installations").as_array().size(), 2u);
  EXPECT_EQ(caller->expect(200, "GET", "/orgs/acme/installation").at("id").as_int64(), 5);
  EXPECT_EQ(caller->expect(200, "GET", "/repos/other/thing/installation").at("id").as_int64(), 6);
  const json::value token = caller->expect(201, "POST", "/app/installations/5/access_tokens");
  caller->expect(404, "POST", "/app/installations/9/access_tokens");
  caller->use_token(std::string(token.at("token").as_string()));
  const json::value visible = caller->expect(200, "GET", "/installation/repositories");
  EXPECT_EQ(visible.at("total_count").as_int64(), 2);
  caller->expect(200, "GET", "/orgs/acme/actions/runners");
  caller->expect(403, "GET", "/orgs/other/actions/runners");
  caller->expect(404, "GET", "/repos/other/thing");
  caller->expect(401, "GET", "/app");
  sim->with([](State& state, Time) { state.accounts.revoke_all(); });
  caller->expect(401, "GET", "/installation/repositories");
}

TEST_F(RestTest, BadJwtsAreRefusedForTheirReason) {
  const auto refused = [&](const std::string& token, int status) {
    caller->use_token(token);
    return std::string(caller->expect(status, "GET", "/app").at("message").as_string());
  };
  EXPECT_NE(refused(jwt("77", -60, 700), 401).find("too far in the future"), std::string::npos);
  EXPECT_NE(refused(jwt("77", 120, 500), 401).find("'iat'"), std::string::npos);
  EXPECT_NE(refused(jwt("77", -900, -300), 401).find("'exp'"), std::string::npos);
  EXPECT_EQ(refused(jwt("1", -60, 500), 404), "Integration not found");
  EXPECT_NE(refused(jwt("77", -60, 500, *generate_rsa()), 401).find("decoded"), std::string::npos);
  EXPECT_NE(refused("a.b.c", 401).find("decoded"), std::string::npos);
  caller->use_token(jwt("Iv23", -60, 500));
  caller->expect(200, "GET", "/app");
}

TEST_F(RestTest, GenerateJitConfigAnswersARealConfiguration) {
  const json::value made =
      caller->expect(201, "POST", "/orgs/acme/actions/runners/generate-jitconfig", wish("r1"));
  const json::value& runner = made.at("runner");
  EXPECT_EQ(runner.at("labels").at(0).at("name").as_string(), "self-hosted") << "lower-cased";
  EXPECT_EQ(runner.at("status").as_string(), "offline");
  const auto jit = decode_jit(made.at("encoded_jit_config").as_string());
  ASSERT_TRUE(jit) << jit.error().what;
  EXPECT_EQ(jit->configuration.agent_id, runner.at("id").as_int64());
  EXPECT_EQ(jit->configuration.agent_name, "r1");
  caller->expect(409, "POST", "/orgs/acme/actions/runners/generate-jitconfig", wish("r1"));
  caller->expect(201, "POST", "/repos/acme/shop/actions/runners/generate-jitconfig", wish("r1"));
  caller->use_token("ghp_all");
  caller->expect(201, "POST", "/enterprises/conglomerate/actions/runners/generate-jitconfig",
                 wish("r1"));
}

TEST_F(RestTest, GenerateJitConfigValidates) {
  const std::string path = "/orgs/acme/actions/runners/generate-jitconfig";
  const auto without = [&](const char* key) {
    json::object body = wish("r1");
    body.erase(key);
    return body;
  };
  const auto with = [&](const char* key, const json::value& value) {
    json::object body = wish("r1");
    body[key] = value;
    return body;
  };
  for (const json::object& bad :
       {without("name"), without("runner_group_id"), without("labels"), with("name", ""),
        with("name", json::string(65, 'x')), with("labels", json::array()),
        with("labels", json::array{1}), with("runner_group_id", "1"), with("work_folder", 3)}) {
    caller->expect(422, "POST", path, bad);
  }
  caller->expect(403, "POST", path, with("runner_group_id", 2));
  caller->expect(404, "POST", path, with("runner_group_id", 99));
  sim->with([](State& state, Time) { state.world.rules().group_size = 0; });
  const json::value full = caller->expect(422, "POST", path, wish("r1"));
  EXPECT_NE(full.at("message").as_string().find("max limit"), json::string::npos);
}

TEST_F(RestTest, RunnersArePagedFoundAndDeleted) {
  for (int i = 0; i < 5; ++i) {
    caller->expect(201, "POST", "/orgs/acme/actions/runners/generate-jitconfig",
                   wish("r" + std::to_string(i)));
  }
  const net::Response page = caller->call("GET", "/orgs/acme/actions/runners?per_page=2&page=2");
  EXPECT_EQ(Caller::parse(page).at("total_count").as_int64(), 5);
  EXPECT_EQ(Caller::parse(page).at("runners").as_array().size(), 2u);
  const std::string link(page.headers.get("link").value_or(""));
  EXPECT_NE(link.find("per_page=2&page=3>; rel=\"next\""), std::string::npos) << link;
  EXPECT_NE(link.find("rel=\"prev\""), std::string::npos);
  EXPECT_NE(link.find("rel=\"last\""), std::string::npos);
  const json::value one = caller->expect(200, "GET", "/orgs/acme/actions/runners?name=r3");
  ASSERT_EQ(one.at("runners").as_array().size(), 1u);
  const std::string path =
      "/orgs/acme/actions/runners/" + std::to_string(one.at("runners").at(0).at("id").as_int64());
  caller->expect(200, "GET", path);
  caller->expect(404, "GET", "/repos/acme/shop" + path.substr(10));
  EXPECT_EQ(caller->call("DELETE", path).status, 204);
  caller->expect(404, "DELETE", path);
}

TEST_F(RestTest, ABusyRunnerRefusesDeletion) {
  std::int64_t id = 0;
  sim->with([&](State& state, Time now) {
    Registering wish{.scope = {.kind = ScopeKind::organization, .name = "acme"},
                     .name = "busy",
                     .labels = {"cpu"}};
    id = state.world.add_foreign(wish, seconds(3600), now).id;
  });
  ASSERT_TRUE(sim->queue(
      WorkflowSpec{.repository = "acme/shop",
                   .jobs = {JobSpec{.name = "long", .labels = {"cpu"}, .steps = {}, .env = {}}}}));
  const json::value refused =
      caller->expect(422, "DELETE", "/orgs/acme/actions/runners/" + std::to_string(id));
  EXPECT_NE(refused.at("message").as_string().find("still running a job"), json::string::npos);
}

TEST_F(RestTest, RunsAndJobsAreListed) {
  const auto run = sim->queue(
      WorkflowSpec{.repository = "acme/shop",
                   .jobs = {JobSpec{.name = "a", .labels = {"cpu"}, .steps = {"true"}, .env = {}},
                            JobSpec{.name = "b", .labels = {"GPU"}, .steps = {}, .env = {}}}});
  ASSERT_TRUE(run);
  const std::string path = "/repos/acme/shop/actions/runs/" + std::to_string(*run);
  EXPECT_EQ(caller->expect(200, "GET", "/repos/acme/shop/actions/runs?status=queued")
                .at("total_count")
                .as_int64(),
            1);
  EXPECT_EQ(caller->expect(200, "GET", "/repos/acme/shop/actions/runs?status=in_progress")
                .at("total_count")
                .as_int64(),
            0);
  EXPECT_EQ(caller->expect(200, "GET", path).at("status").as_string(), "queued");
  caller->expect(404, "GET", "/repos/acme/bank/actions/runs/" + std::to_string(*run));
  const json::value jobs = caller->expect(200, "GET", path + "/jobs");
  ASSERT_EQ(jobs.at("total_count").as_int64(), 2);
  const json::value& first = jobs.at("jobs").at(0);
  const json::value job = caller->expect(
      200, "GET", "/repos/acme/shop/actions/jobs/" + std::to_string(first.at("id").as_int64()));
  EXPECT_EQ(job.at("run_id").as_int64(), *run);
  EXPECT_EQ(job.at("labels").at(0).as_string(), "cpu");
  EXPECT_TRUE(job.at("conclusion").is_null());
  caller->expect(202, "POST", path + "/cancel");
  caller->expect(409, "POST", path + "/cancel");
  caller->expect(201, "POST", path + "/rerun");
  EXPECT_EQ(caller->expect(200, "GET", path + "/jobs").at("total_count").as_int64(), 2);
  EXPECT_EQ(caller->expect(200, "GET", path + "/jobs?filter=all").at("total_count").as_int64(), 4);
  EXPECT_EQ(caller->expect(200, "GET", path + "/attempts/1/jobs").at("total_count").as_int64(), 2);
  caller->expect(404, "GET", path + "/attempts/3/jobs");
}

TEST_F(RestTest, TheRateLimitIsToldAndKept) {
  sim->with([](State& state, Time) { state.accounts.rate_limit = 3; });
  const net::Response first = caller->call("GET", "/repos/acme/shop");
  EXPECT_EQ(first.headers.get("x-ratelimit-limit"), "3");
  EXPECT_EQ(first.headers.get("x-ratelimit-remaining"), "2");
  EXPECT_TRUE(first.headers.get("x-github-request-id"));
  caller->expect(200, "GET", "/repos/acme/shop");
  caller->expect(200, "GET", "/repos/acme/shop");
  const net::Response last = caller->call("GET", "/repos/acme/shop");
  EXPECT_EQ(last.status, 403);
  EXPECT_EQ(last.headers.get("x-ratelimit-remaining"), "0");
  EXPECT_NE(last.body.find("API rate limit exceeded"), std::string::npos);
  caller->expect(200, "GET", "/rate_limit");
}

TEST_F(RestTest, GhesPathsWorkTheSame) {
  const net::Response answer = caller->call("GET", "/api/v3/repos/acme/shop");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.headers.get("x-github-enterprise-version"));
  caller->expect(201, "POST", "/api/v3/orgs/acme/actions/runners/generate-jitconfig", wish("r1"));
}

TEST_F(RestTest, CallsAreRefusedAsTheKnobsSay) {
  Caller control(sim->control_url(), "");
  const auto refuse = [&](json::object fault) {
    control.expect(201, "POST", "/_sim/faults/calls", std::move(fault));
  };
  refuse({{"status", 502}, {"next", 1}, {"path", "/repos/*"}});
  caller->expect(200, "GET", "/rate_limit");
  caller->expect(502, "GET", "/repos/acme/shop");
  caller->expect(200, "GET", "/repos/acme/shop");
  refuse({{"kind", "secondary"}, {"retry_after_ms", 7000}, {"next", 1}});
  const net::Response secondary = caller->call("GET", "/repos/acme/shop");
  EXPECT_EQ(secondary.status, 403);
  EXPECT_EQ(secondary.headers.get("retry-after"), "7");
  refuse({{"kind", "primary"}, {"retry_after_ms", 60000}, {"next", 1}});
  EXPECT_EQ(caller->call("GET", "/repos/acme/shop").headers.get("x-ratelimit-remaining"), "0");
  refuse({{"kind", "lost"}, {"next", 1}, {"method", "POST"}});
  caller->expect(502, "POST", "/orgs/acme/actions/runners/generate-jitconfig", wish("twice"));
  caller->expect(409, "POST", "/orgs/acme/actions/runners/generate-jitconfig", wish("twice"));
  refuse({{"kind", "slow"}, {"delay_ms", 300}, {"next", 1}});
  const auto begun = std::chrono::steady_clock::now();
  caller->expect(200, "GET", "/repos/acme/shop");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(300));
  refuse({{"status", 404}});
  caller->expect(404, "GET", "/repos/acme/shop");
  caller->expect(404, "GET", "/repos/acme/shop");
  EXPECT_EQ(control.call("DELETE", "/_sim/faults").status, 204);
  caller->expect(200, "GET", "/repos/acme/shop");
  control.expect(400, "POST", "/_sim/faults/calls", json::object{{"kind", "nonsense"}});
}

TEST_F(RestTest, OutagesRefuseOrAnswer503AndEnd) {
  Caller control(sim->control_url(), "");
  control.expect(200, "POST", "/_sim/outage", json::object{{"kind", "unavailable"}});
  EXPECT_EQ(caller->call("GET", "/repos/acme/shop").status, 503);
  control.expect(200, "POST", "/_sim/outage", json::object{{"kind", "refused"}});
  const auto eventually = [&](int status) {
    const auto until = std::chrono::steady_clock::now() + seconds(10);
    while (std::chrono::steady_clock::now() < until) {
      if (caller->call("GET", "/repos/acme/shop").status == status) return true;
    }
    return false;
  };
  EXPECT_TRUE(eventually(0)) << "nobody listens";
  control.expect(200, "GET", "/_sim/summary");
  control.expect(200, "POST", "/_sim/outage", json::object{{"kind", "none"}});
  EXPECT_TRUE(eventually(200)) << "on the same port";
}

TEST_F(RestTest, EveryCallIsCountedAndKeptWithoutCredentials) {
  caller->expect(201, "POST", "/orgs/acme/actions/runners/generate-jitconfig", wish("r1"));
  caller->expect(404, "GET", "/repos/acme/none");
  Caller control(sim->control_url(), "");
  const json::value state = control.expect(200, "GET", "/_sim/state");
  EXPECT_EQ(state.at("calls")
                .at("POST /orgs/{org}/actions/runners/generate-jitconfig")
                .at("201")
                .as_int64(),
            1);
  EXPECT_EQ(state.at("calls").at("GET /repos/{owner}/{repo}").at("404").as_int64(), 1);
  const net::Response calls = control.call("GET", "/_sim/calls");
  EXPECT_EQ(Caller::parse(calls).as_array().size(), 2u);
  EXPECT_EQ(calls.body.find("ghp_acme"), std::string::npos);
  control.expect(404, "GET", "/repos/acme/shop");
}

TEST_F(RestTest, MalformedJsonIsRefused) {
  net::Request request;
  request.headers.set("Authorization", "Bearer ghp_acme");
  net::HttpClient client;
  const auto url = net::parse_url(sim->url());
  const auto until = std::chrono::steady_clock::now() + seconds(10);
  request.method = "POST";
  request.target = "/orgs/acme/actions/runners/generate-jitconfig";
  request.headers.set("User-Agent", "test");
  request.body = "{";
  EXPECT_EQ(client.send(*url, request, until)->status, 400);
}

}  // namespace
}  // namespace jitney::sim
