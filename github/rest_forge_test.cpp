// SPDX-License-Identifier: Apache-2.0
// What a well-behaved GitHub does not show: tests/contract/forge_contract.cpp has the rest.
#include "github/rest_forge.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <functional>

#include "github/scripted_test.hpp"
#include "net/rfc3339.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::github {
namespace {

using core::Fault;
using core::Secret;
using namespace std::chrono_literals;

const std::vector<std::string> kLabels{"cpu"};

Secret new_key() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return Secret(std::string(data, static_cast<std::size_t>(size)));
}

class RestForgeTest : public ::testing::Test {
 protected:
  RestForgeTest() { make({}); }

  void make(ForgeOptions options) {
    options.scope = "acme";
    if (options.url.empty()) options.url = "https://github.com/acme";
    options.api_url = github_.url();
    options.credentials = TokenKey{Secret("ghp_MARKEDTOKEN")};
    options.deployment = "prod";
    options.write_spacing = core::Duration(0);
    auto made = make_forge(std::move(options), clock_);
    ASSERT_TRUE(made) << made.error().what;
    forge_ = *std::move(made);
  }
  template <class T>
  core::Error error_of(const core::Result<T>& outcome) {
    EXPECT_FALSE(outcome);
    core::Error error = outcome ? core::Error{} : outcome.error();
    EXPECT_EQ(error.what.find("MARKED"), std::string::npos) << error.what;
    return error;
  }
  net::Response page(std::string body, const std::string& next) {
    return answer(200, std::move(body), {{"Link", "<" + github_.url() + next + ">; rel=\"next\""}});
  }
  // A delivery record, `ago` before now.
  std::string record(std::int64_t id, const std::string& guid, int status, core::Duration ago,
                     const std::string& event = "workflow_job") {
    return R"({"id":)" + std::to_string(id) + R"(,"guid":")" + guid + R"(","delivered_at":")" +
           net::format_rfc3339(clock_.now() - ago) + R"(","event":")" + event +
           R"(","status_code":)" + std::to_string(status) + "}";
  }

  ScriptedGithub github_;
  fakes::FakeClock clock_;
  std::unique_ptr<core::Forge> forge_;
};

TEST_F(RestForgeTest, AsksAsGitHubDescribesIt) {
  github_.then(answer(201, R"({"runner":{"id":7},"encoded_jit_config":"e30="})"));
  const auto minted = forge_->mint("prod-cpu-1", kLabels, 3);
  ASSERT_TRUE(minted) << minted.error().what;
  EXPECT_EQ(minted->id, 7);
  EXPECT_EQ(minted->jit.reveal(), "e30=");
  const auto asked = github_.asked().back();
  EXPECT_EQ(asked.method + " " + asked.target,
            "POST /orgs/acme/actions/runners/generate-jitconfig");
  EXPECT_EQ(asked.body,
            R"({"name":"prod-cpu-1","runner_group_id":3,"labels":["cpu"],"work_folder":"_work"})");
}

TEST_F(RestForgeTest, AMintThatGitHubRefusesNamesTheRunnerAndTheReason) {
  github_.then(answer(422, R"({"message":"Runner group 1 has reached max limit"})"));
  const auto full = error_of(forge_->mint("prod-cpu-1", kLabels, 1));
  EXPECT_EQ(full.fault, Fault::no_capacity);
  EXPECT_NE(full.what.find("prod-cpu-1"), std::string::npos);
  EXPECT_NE(full.what.find("max limit"), std::string::npos);
  EXPECT_NE(full.what.find("8A2C:1F"), std::string::npos);
  github_.then(answer(422, R"({"message":"Already exists - a runner with this name"})"));
  EXPECT_EQ(error_of(forge_->mint("prod-cpu-1", kLabels, 1)).fault, Fault::conflict);
}

TEST_F(RestForgeTest, AHalfAnswerToAMintIsAPassingFaultWithoutASecretInItsText) {
  for (const std::string body :
       {R"({"encoded_jit_config":"MARKED"})", R"({"runner":{"id":7},"encoded_jit_config":""})",
        R"({"runner":{"id":7},"encoded_jit_config":["MARKED"]})",
        R"({"runner":{"id":7},"encoded_jit_config":"MARKED)"}) {
    github_.then(answer(201, body));
    EXPECT_EQ(error_of(forge_->mint("prod-cpu-1", kLabels, 1)).fault, Fault::transient) << body;
  }
}

TEST_F(RestForgeTest, FindReadsOnWhereTheServerDoesNotFilter) {
  github_.then(page(R"({"runners":[{"id":1,"name":"prod-cpu-10"}]})", "/orgs/acme/p2"));
  github_.then(answer(200, R"({"runners":[{"id":2,"name":"prod-cpu-1","status":"online"}]})"));
  const auto found = forge_->find("prod-cpu-1");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, 2);
  EXPECT_TRUE((*found)->online);
  EXPECT_EQ(github_.lines()[0], "GET /orgs/acme/actions/runners?per_page=100&name=prod-cpu-1");
}

// A busy runner would be stopped if "I may not see it" passed for "it is gone".
TEST_F(RestForgeTest, ARunnerIsAbsentOnlyWhileItsScopeIsVisible) {
  github_.otherwise([](const net::Request&) { return answer(404, R"({"message":"Not Found"})"); });
  EXPECT_EQ(error_of(forge_->remove(7)).fault, Fault::unauthorized);

  github_.then(answer(404));
  github_.then(answer(200, R"({"total_count":0,"runners":[]})"));
  EXPECT_EQ(forge_->remove(7).value(), core::Removal::absent);
  // Known for a minute.
  const auto before = github_.calls();
  EXPECT_EQ(forge_->remove(8).value(), core::Removal::absent);
  EXPECT_EQ(github_.calls(), before + 1);
  clock_.advance(2min);
  EXPECT_EQ(error_of(forge_->remove(8)).fault, Fault::unauthorized);
}

TEST_F(RestForgeTest, EveryUnprocessableRemovalIsABusyRunner) {
  github_.then(answer(422, R"({"message":"Bad request - Runner \"a\" is still running a job"})"));
  EXPECT_EQ(forge_->remove(7).value(), core::Removal::busy);
}

TEST_F(RestForgeTest, AListThatDoesNotEndIsAnErrorAndNotAList) {
  github_.otherwise([this](const net::Request&) {
    return page(R"({"workflow_runs":[{"id":1}]})", "/repos/acme/shop/actions/runs?page=2");
  });
  const auto cut = error_of(forge_->open_jobs("acme/shop"));
  EXPECT_EQ(cut.fault, Fault::transient);
  EXPECT_NE(cut.what.find("more than 10 pages"), std::string::npos) << cut.what;
  EXPECT_EQ(github_.calls(), 10U);
}

TEST_F(RestForgeTest, ALinkElsewhereIsNotFollowed) {
  github_.then(answer(200, R"({"runners":[]})",
                      {{"Link", "<https://evil.example/steal?page=2>; rel=\"next\""}}));
  const auto error = error_of(forge_->runners());
  EXPECT_EQ(error.fault, Fault::invalid);
  EXPECT_NE(error.what.find("evil.example"), std::string::npos);
}

TEST_F(RestForgeTest, AJobThatCannotBeReadIsNoVerdictAndDoesNotHideOthers) {
  github_.then(answer(200, R"({"id":0})"));
  EXPECT_EQ(error_of(forge_->job("acme/shop", 5)).fault, Fault::transient);
  github_.then(answer(200, "<html>"));
  EXPECT_EQ(error_of(forge_->job("acme/shop", 5)).fault, Fault::transient);
  github_.then(answer(200, R"({"jobs":[{"id":0},{"id":6,"run_id":1,"labels":["cpu"],
                                                 "status":"queued"}]})"));
  const auto jobs = forge_->run_jobs("acme/shop", 1);
  ASSERT_TRUE(jobs) << jobs.error().what;
  ASSERT_EQ(jobs->size(), 1U);
  EXPECT_EQ(jobs->front().id, 6);
  EXPECT_EQ(github_.lines().back(),
            "GET /repos/acme/shop/actions/runs/1/jobs?filter=latest&per_page=100");
}

TEST_F(RestForgeTest, ARunThatIsDeletedMeanwhileDoesNotStopThePoll) {
  github_.then(answer(200, R"({"workflow_runs":[{"id":1},{"id":2}]})"));
  github_.then(answer(200, R"({"workflow_runs":[{"id":2}]})"));
  github_.then(answer(200, R"({"workflow_runs":[]})"));
  github_.then(answer(404));
  github_.then(answer(200, R"({"jobs":[{"id":6,"run_id":2,"labels":["cpu"],"status":"queued"}]})"));
  const auto open = forge_->open_jobs("acme/shop");
  ASSERT_TRUE(open) << open.error().what;
  ASSERT_EQ(open->size(), 1U);
  EXPECT_EQ(open->front().source, "poll");
  EXPECT_EQ(github_.calls(), 5U);
}

TEST_F(RestForgeTest, ArchivedRepositoriesAreLeftOut) {
  github_.then(answer(200, R"([{"full_name":"acme/shop"},{"full_name":"acme/old","archived":true},
                               {"full_name":"../etc"}])"));
  EXPECT_EQ(forge_->repositories().value(), std::vector<std::string>{"acme/shop"});
}

TEST_F(RestForgeTest, OnlyOurHooksFailuresWithoutALaterSuccessAreTold) {
  make({.webhook_url = "https://ci.example/webhook"});
  github_.then(answer(200, R"([
    {"id":1,"events":["workflow_job"],"config":{"url":"https://ci.example/webhook/"}},
    {"id":2,"events":["workflow_job"],"config":{"url":"https://else.example/webhook"}},
    {"id":3,"events":["push"],"config":{"url":"https://ci.example/webhook"}}])"));
  github_.then(page("[" + record(109, "a", 200, 1min) + "," + record(108, "b", 503, 2min) + "," +
                        record(107, "c", 0, 3min, "push") + "]",
                    "/orgs/acme/hooks/1/deliveries?cursor=x"));
  github_.then(answer(200, "[" + record(106, "a", 502, 4min) + "," + record(105, "b", 502, 5min) +
                               "," + record(104, "d", 504, 59min) + "," +
                               record(103, "e", 504, 61min) + "," + record(102, "f", 504, 62min) +
                               "]"));
  const auto told = forge_->failed_deliveries(clock_.now() - 1h);
  ASSERT_TRUE(told) << told.error().what;
  ASSERT_EQ(told->failed.size(), 2U);
  EXPECT_EQ(told->failed[0].guid, "b");
  EXPECT_EQ(told->failed[0].id, 108);  // the newest attempt
  EXPECT_EQ(told->failed[1].guid, "d");
  EXPECT_EQ(told->seen_until, clock_.now() - 2min);  // a minute is looked at again
  EXPECT_EQ(github_.calls(), 3U);

  github_.then(answer(202));
  EXPECT_TRUE(forge_->redeliver(108));
  EXPECT_EQ(github_.lines().back(), "POST /orgs/acme/hooks/1/deliveries/108/attempts");
}

// Two organisations, one App, one hook: each scope looks after its own deliveries.
TEST_F(RestForgeTest, AnAppsScopeTellsTheDeliveriesOfItsOwnInstallation) {
  ForgeOptions options;
  options.url = "https://github.com/acme";
  options.api_url = github_.url();
  options.credentials = AppKey{"Iv23", 7, new_key()};
  options.deployment = "prod";
  options.write_spacing = core::Duration(0);
  const auto forge = make_forge(std::move(options), clock_);
  ASSERT_TRUE(forge) << forge.error().what;
  const auto of = [this](std::int64_t id, const std::string& guid, const std::string& whose) {
    std::string text = record(id, guid, 502, 1min);
    return text.replace(text.size() - 1, 1, R"(,"installation_id":)" + whose + "}");
  };
  github_.otherwise([&](const net::Request& request) {
    if (request.method == "POST") return answer(201, R"({"token":"ghs_1"})");
    return answer(200,
                  "[" + of(3, "a", "7") + "," + of(2, "b", "8") + "," + of(1, "c", "null") + "]");
  });
  const auto told = (*forge)->failed_deliveries(clock_.now() - 1h);
  ASSERT_TRUE(told) << told.error().what;
  ASSERT_EQ(told->failed.size(), 2U);
  EXPECT_EQ(told->failed[0].id, 3);
  EXPECT_EQ(told->failed[1].id, 1);  // GitHub does not say whose: better twice than never
  github_.otherwise([](const net::Request&) { return answer(202); });
  EXPECT_TRUE((*forge)->redeliver(3));
  EXPECT_EQ(github_.lines().back(), "POST /app/hook/deliveries/3/attempts");
}

TEST_F(RestForgeTest, AfterARestartTheHookOfADeliveryIsSearchedFor) {
  github_.then(answer(200, R"([{"id":1,"events":["*"],"config":{}},
                               {"id":2,"events":["workflow_job"],"config":{}}])"));
  github_.then(answer(404));
  github_.then(answer(202));
  EXPECT_TRUE(forge_->redeliver(5));
  EXPECT_EQ(github_.lines().back(), "POST /orgs/acme/hooks/2/deliveries/5/attempts");
}

TEST_F(RestForgeTest, TooManyDeliveriesAreReadAsFailuresAlone) {
  github_.otherwise([this](const net::Request& request) {
    if (request.path() == "/orgs/acme/hooks") {
      return answer(200, R"([{"id":1,"events":["*"],"config":{}}])");
    }
    if (request.query("status") == "failure") {
      return answer(200, "[" + record(7, "b", 503, 30min) + "]");
    }
    return page("[" + record(9, "a", 200, 1min) + "]", "/orgs/acme/hooks/1/deliveries?cursor=x");
  });
  const auto told = forge_->failed_deliveries(clock_.now() - 1h);
  ASSERT_TRUE(told) << told.error().what;
  ASSERT_EQ(told->failed.size(), 1U);
  EXPECT_EQ(told->failed[0].id, 7);
}

TEST_F(RestForgeTest, HooksThatWeMayNotSeeAreNoFailureAndABadTokenIs) {
  for (const int status : {403, 404}) {
    github_.otherwise([status](const net::Request&) { return answer(status); });
    const auto told = forge_->failed_deliveries(clock_.now() - 1h);
    ASSERT_TRUE(told) << told.error().what;
    EXPECT_TRUE(told->failed.empty());
    EXPECT_EQ(told->seen_until, clock_.now() - 1h);
  }
  github_.otherwise([](const net::Request&) { return answer(401); });
  EXPECT_EQ(error_of(forge_->failed_deliveries(clock_.now() - 1h)).fault, Fault::unauthorized);
  github_.otherwise([](const net::Request&) {
    return answer(403, R"({"message":"You have exceeded a secondary rate limit"})");
  });
  EXPECT_EQ(error_of(forge_->failed_deliveries(clock_.now() - 1h)).fault, Fault::throttled);
}

TEST_F(RestForgeTest, TheServersPathOfAnEnterpriseServerIsKept) {
  ForgeOptions options;
  options.scope = "acme";
  options.url = "http://127.0.0.1:" + std::to_string(github_.api().port) + "/acme/shop";
  options.credentials = TokenKey{Secret("ghp_MARKEDTOKEN")};
  options.deployment = "prod";
  const auto forge = make_forge(std::move(options), clock_);
  ASSERT_TRUE(forge);
  github_.then(page(R"({"runners":[]})", "/api/v3/repos/acme/shop/actions/runners?page=2"));
  github_.then(answer(200, R"({"runners":[]})"));
  EXPECT_TRUE((*forge)->runners());
  EXPECT_EQ(github_.lines(),
            (std::vector<std::string>{"GET /api/v3/repos/acme/shop/actions/runners?per_page=100",
                                      "GET /api/v3/repos/acme/shop/actions/runners?page=2"}));
}

TEST_F(RestForgeTest, MistakesOfTheConfigurationAreToldBeforeTheFirstCallAndQuoteNoSecret) {
  const auto refused = [&](const std::function<void(ForgeOptions&)>& spoil) {
    ForgeOptions options;
    options.url = "https://github.com/acme";
    options.credentials = TokenKey{Secret("ghp_MARKEDTOKEN")};
    options.deployment = "prod";
    spoil(options);
    EXPECT_EQ(error_of(make_forge(std::move(options), clock_)).fault, Fault::invalid);
  };
  refused([](ForgeOptions& o) { o.url = "https://MARKED@github.com/"; });
  refused([](ForgeOptions& o) { o.api_url = "MARKED"; });
  refused([](ForgeOptions& o) { o.deployment = ""; });
  refused([](ForgeOptions& o) { o.credentials = TokenKey{}; });
  refused([](ForgeOptions& o) { o.proxy = Secret("ftp://me:MARKED@proxy:1"); });
  EXPECT_EQ(github_.calls(), 0U);
}

}  // namespace
}  // namespace jitney::github
