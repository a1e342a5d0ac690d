// SPDX-License-Identifier: Apache-2.0
#include "github/webhook.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cctype>

#include "github/job_body.hpp"
#include "net/crypto.hpp"
#include "net/http.hpp"
#include "net/rfc3339.hpp"

namespace jitney::github {
namespace {

using core::Fault;
using core::JobEvent;
using core::JobStatus;
using core::Secret;

constexpr std::string_view kJson = "application/json";

std::string sign(std::string_view secret, std::string_view body) {
  return "sha256=" + net::hex(net::hmac_sha256(Secret(std::string(secret)), body));
}

core::Result<WebhookEvent> parse_as(std::string_view event, std::string_view body,
                                    std::string_view type = kJson) {
  return parse({event, "72d3162e-cc78-11e3-81ab-4c9367dc0958", type}, body);
}

std::string job_text(std::string_view action, std::string_view fields) {
  return R"({"action":")" + std::string(action) + R"(","workflow_job":{)" + std::string(fields) +
         R"(},"repository":{"full_name":"acme/shop"}})";
}

// What is wrong with it; empty when nothing is.
std::string wrong(std::string_view event, std::string_view body, std::string_view type = kJson) {
  const auto parsed = parse_as(event, body, type);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().fault, Fault::invalid);
  return parsed.error().what;
}

// GitHub's own example: docs "Validating webhook deliveries".
TEST(Webhook, VerifiesGitHubsOwnExample) {
  const std::array secrets{Secret("It's a Secret to Everybody")};
  EXPECT_TRUE(verify(secrets, "Hello, World!",
                     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"));
}

TEST(Webhook, RefusesEverySignatureButTheExactOne) {
  const std::array secrets{Secret("hush")};
  const std::string good = sign("hush", "{}");
  ASSERT_TRUE(verify(secrets, "{}", good));
  std::string upper = good;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string one_digit_off = good;
  one_digit_off.back() = one_digit_off.back() == '0' ? '1' : '0';
  for (const std::string& bad :
       {std::string(), std::string("sha256="), good.substr(7), "sha1=" + good.substr(7), good + "0",
        good.substr(0, good.size() - 1), upper, one_digit_off, " " + good, good + " ",
        sign("hush", "{} "), sign("other", "{}")}) {
    const auto status = verify(secrets, "{}", bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().fault, Fault::unauthorized);
    EXPECT_EQ(status.error().what.find(good.substr(7)), std::string::npos);
  }
}

TEST(Webhook, AnyOfSeveralSecretsVerifiesAndAnEmptyOneNever) {
  const std::array secrets{Secret("old"), Secret(""), Secret("new")};
  EXPECT_TRUE(verify(secrets, "x", sign("old", "x")));
  EXPECT_TRUE(verify(secrets, "x", sign("new", "x")));
  EXPECT_FALSE(verify(secrets, "x", sign("", "x")));
  EXPECT_FALSE(verify({}, "x", sign("", "x")));
}

TEST(Webhook, ReadsAllOfAJob) {
  const auto parsed = parse_as("workflow_job", job_text("completed", R"json(
    "id":54000000001,"run_id":19000000001,"run_attempt":2,"name":"build (a, b)",
    "workflow_name":"CI","labels":["self-hosted","Template_CPU"],"status":"completed",
    "runner_name":"prod-cpu-7","runner_id":21,"conclusion":"failure",
    "created_at":"2026-01-02T03:04:05Z","started_at":"2026-01-02T03:05:05Z",
    "completed_at":"2026-01-02T03:06:05.5Z")json"));
  ASSERT_TRUE(parsed) << parsed.error().what;
  const auto& job = std::get<JobEvent>(*parsed);
  EXPECT_EQ(job.id, 54000000001);
  EXPECT_EQ(job.run_id, 19000000001);
  EXPECT_EQ(job.run_attempt, 2);
  EXPECT_EQ(job.status, JobStatus::completed);
  EXPECT_EQ(job.repository, "acme/shop");
  EXPECT_EQ(job.name, "build (a, b)");
  EXPECT_EQ(job.workflow, "CI");
  EXPECT_EQ(job.labels, (std::vector<std::string>{"self-hosted", "Template_CPU"}));
  EXPECT_EQ(job.runner_name, "prod-cpu-7");
  EXPECT_EQ(job.runner_id, 21);
  EXPECT_EQ(job.conclusion, "failure");
  EXPECT_EQ(job.created_at, net::parse_rfc3339("2026-01-02T03:04:05Z"));
  EXPECT_EQ(job.started_at, net::parse_rfc3339("2026-01-02T03:05:05Z"));
  EXPECT_EQ(job.completed_at, net::parse_rfc3339("2026-01-02T03:06:05.5Z"));
  EXPECT_EQ(job.source, "webhook 72d3162e-cc78-11e3-81ab-4c9367dc0958");
  EXPECT_EQ(job.scope, "");
}

TEST(Webhook, WhatIsOptionalMayBeNullOrAbsent) {
  for (const std::string_view rest :
       {R"("id":1,"run_id":2,"labels":[])",
        R"("id":1,"run_id":2,"labels":[],"runner_name":null,"runner_id":null,"workflow_name":null,
           "conclusion":null,"completed_at":null,"run_attempt":null,"created_at":null)"}) {
    const auto parsed = parse_as("workflow_job", job_text("queued", rest));
    ASSERT_TRUE(parsed) << parsed.error().what;
    const auto& job = std::get<JobEvent>(*parsed);
    EXPECT_EQ(job.status, JobStatus::queued);
    EXPECT_EQ(job.runner_name, "");
    EXPECT_EQ(job.run_attempt, 1);
    EXPECT_EQ(job.started_at, core::Time{});
  }
}

TEST(Webhook, AJobThatWaitsHasNotStartedWhateverItsPayloadSays) {
  const auto parsed = parse_as(
      "workflow_job", job_text("queued", R"("id":1,"run_id":2,"labels":["a"],"status":"waiting",
                                            "started_at":"2026-01-02T03:04:05Z")"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<JobEvent>(*parsed).status, JobStatus::queued);
  EXPECT_EQ(std::get<JobEvent>(*parsed).started_at, core::Time{});
}

TEST(Webhook, EveryActionIsItsStatus) {
  const std::string job = R"("id":1,"run_id":2,"labels":["a"])";
  for (const auto& [action, status] :
       {std::pair{"waiting", JobStatus::waiting}, std::pair{"queued", JobStatus::queued},
        std::pair{"in_progress", JobStatus::in_progress},
        std::pair{"completed", JobStatus::completed}}) {
    const auto parsed = parse_as("workflow_job", job_text(action, job));
    ASSERT_TRUE(parsed) << action;
    EXPECT_EQ(std::get<JobEvent>(*parsed).status, status);
  }
}

TEST(Webhook, ReadsRunsAndPings) {
  const auto run = parse_as("workflow_run",
                            R"({"action":"completed","workflow_run":{"id":7,"status":"completed"},
                                "repository":{"full_name":"acme/shop"}})");
  ASSERT_TRUE(run) << run.error().what;
  EXPECT_EQ(std::get<RunEvent>(*run).repository, "acme/shop");
  EXPECT_EQ(std::get<RunEvent>(*run).run_id, 7);
  EXPECT_EQ(std::get<RunEvent>(*run).action, "completed");
  EXPECT_EQ(std::get<RunEvent>(*run).status, "completed");
  const auto ping = parse_as("ping", R"({"zen":"Design for failure.","hook_id":12})");
  ASSERT_TRUE(ping);
  EXPECT_EQ(std::get<Ping>(*ping).hook_id, 12);
}

TEST(Webhook, WhatIsNothingToUsIsIgnored) {
  const auto push = parse_as("push", "not even JSON");
  ASSERT_TRUE(push);
  EXPECT_EQ(std::get<Ignored>(*push).event, "push");
  const auto job = parse_as("workflow_job", R"({"action":"pondered"})");
  ASSERT_TRUE(job);
  EXPECT_EQ(std::get<Ignored>(*job).action, "pondered");
  const auto run = parse_as("workflow_run", R"({"action":"pondered"})");
  ASSERT_TRUE(run);
  EXPECT_TRUE(std::holds_alternative<Ignored>(*run));
}

TEST(Webhook, ReadsFormsToo) {
  const std::string job = job_text("queued", R"("id":1,"run_id":2,"labels":["a b+c&d"])");
  const std::string body = "x=1&payload=" + net::percent_encode(job) + "&y=2";
  const auto parsed = parse_as("workflow_job", body, "application/x-www-form-urlencoded");
  ASSERT_TRUE(parsed) << parsed.error().what;
  EXPECT_EQ(std::get<JobEvent>(*parsed).labels, std::vector<std::string>{"a b+c&d"});
  constexpr std::string_view kForm = "Application/X-WWW-Form-Urlencoded; charset=utf-8";
  EXPECT_NE(wrong("workflow_job", "payloads=1", kForm).find("payload"), std::string::npos);
  EXPECT_NE(wrong("workflow_job", "", kForm).find("payload"), std::string::npos);
  EXPECT_NE(wrong("workflow_job", "payload=%zz", kForm).find("percent"), std::string::npos);
}

TEST(Webhook, SaysWhatIsMalformed) {
  const auto says = [](const std::string& body, std::string_view word) {
    const std::string what = wrong("workflow_job", body);
    EXPECT_NE(what.find(word), std::string::npos) << body << ": " << what;
  };
  says("", "JSON");
  says("{", "JSON");
  says("[]", "object");
  says("{} x", "JSON");
  says(std::string(200, '['), "JSON");
  says("{}", "action");
  says(R"({"action":7})", "action");
  says(R"({"action":"queued"})", "workflow_job");
  says(R"({"action":"queued","workflow_job":{}})", "full_name");
  says(job_text("queued", ""), "\"id\"");
  says(job_text("queued", R"("id":0)"), "\"id\"");
  says(job_text("queued", R"("id":-4)"), "\"id\"");
  says(job_text("queued", R"("id":"4")"), "\"id\"");
  says(job_text("queued", R"("id":1.5)"), "\"id\"");
  says(job_text("queued", R"("id":18446744073709551615)"), "\"id\"");
  says(job_text("queued", R"("id":1)"), "run_id");
  says(job_text("queued", R"("id":1,"run_id":2)"), "labels");
  says(job_text("queued", R"("id":1,"run_id":2,"labels":"a")"), "labels");
  says(job_text("queued", R"("id":1,"run_id":2,"labels":[1])"), "label");
  says(job_text("queued", R"("id":1,"run_id":2,"labels":[""])"), "label");
  says(job_text("queued", R"("id":1,"run_id":2,"labels":[")" + std::string(257, 'x') + "\"]"),
       "257");
  std::string many = "\"a\"";
  for (int i = 0; i < 100; ++i) many += ",\"a\"";
  says(job_text("queued", R"("id":1,"run_id":2,"labels":[)" + many + "]"), "101");
  EXPECT_NE(wrong("workflow_job", "{}", "text/plain").find("Content-Type"), std::string::npos);
  EXPECT_NE(wrong("", "{}").find("X-GitHub-Event"), std::string::npos);
  EXPECT_NE(wrong("workflow_run", R"({"action":"requested","workflow_run":{"id":0},
                                      "repository":{"full_name":"a/b"}})")
                .find("\"id\""),
            std::string::npos);
}

TEST(Webhook, NamesOfRepositoriesCannotBePaths) {
  for (const std::string_view good : {"acme/shop", "a_b-c/.github", "A/b.c-d_e"}) {
    EXPECT_TRUE(is_repository(good)) << good;
  }
  for (const std::string_view bad : {"", "acme", "acme/", "/shop", "a/b/c", "a/..", "a/.", "a b/c",
                                     "a/b?c", "a/b#c", "a/b%2f", "../b", "a/b\n", ".hidden/b"}) {
    EXPECT_FALSE(is_repository(bad)) << bad;
  }
  EXPECT_FALSE(is_repository("a/" + std::string(101, 'x')));
}

TEST(Webhook, LongNamesAreCutBetweenCharacters) {
  std::string name(1023, 'x');
  name += "\u00e4\u00e4";
  const auto parsed =
      parse_as("workflow_job",
               job_text("queued", R"("id":1,"run_id":2,"labels":["a"],"name":")" + name + '"'));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<JobEvent>(*parsed).name, std::string(1023, 'x'));
}

TEST(Webhook, DeliveryIdsAreMadeFitForLogs) {
  const auto parsed =
      parse({"workflow_job", std::string("a\n\x1b[31m") + std::string(500, 'b'), kJson},
            job_text("queued", R"("id":1,"run_id":2,"labels":["a"])"));
  ASSERT_TRUE(parsed);
  const std::string& source = std::get<JobEvent>(*parsed).source;
  EXPECT_EQ(source.find('\n'), std::string::npos);
  EXPECT_EQ(source.find('\x1b'), std::string::npos);
  EXPECT_LE(source.size(), 110U);
}

}  // namespace
}  // namespace jitney::github
