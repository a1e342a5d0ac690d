// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/webhook_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const core::Time kNow{core::Duration{1'800'000'000'000}};

GithubScope acme() {
  GithubScope scope;
  scope.name = "acme";
  scope.owner = "acme";
  scope.url = "https://github.com/acme";
  scope.webhook_url = "https://ci.example/webhook";
  return scope;
}

github::Hook good_hook() {
  return {.id = 7,
          .url = "https://ci.example/webhook",
          .content_type = "json",
          .verifies_tls = true,
          .has_secret = true,
          .active = true,
          .events = {"workflow_job", "workflow_run"}};
}

std::vector<Finding> check(const github::Hook& hook, bool app = false) {
  return check_hook(acme(), app, {.hooks = std::vector{hook}, .deliveries = std::nullopt});
}

github::HookDelivery delivery(core::Duration age, int answer, const std::string& status = "") {
  return {.id = 1,
          .at = kNow - age,
          .event = "workflow_job.queued",
          .answer = answer,
          .status = status};
}

Finding judged(const std::vector<github::HookDelivery>& deliveries) {
  return check_deliveries({.hooks = std::vector{good_hook()}, .deliveries = deliveries}, kNow);
}

TEST(WebhookChecks, AHookAsItShouldBeIsFine) {
  for (const Finding& finding : check(good_hook())) EXPECT_EQ(finding.verdict, Verdict::ok);
  github::Hook all = good_hook();
  all.events = {"*"};
  EXPECT_EQ(check(all).back().verdict, Verdict::ok);
}

TEST(WebhookChecks, EveryFaultOfAHookIsToldAndHowItIsMended) {
  github::Hook hook = good_hook();
  hook.content_type = "form";
  hook.has_secret = false;
  hook.active = false;
  const Finding finding = check(hook).front();
  EXPECT_EQ(finding.verdict, Verdict::failed);
  for (const char* part : {"form, not json", "no secret", "not active"}) {
    EXPECT_THAT(finding.seen, HasSubstr(part));
  }
  EXPECT_EQ(finding.todo, "jitney webhook install --github acme");
}

TEST(WebhookChecks, AMissingNeededEventFailsAndAMissingUsefulOneWarns) {
  github::Hook hook = good_hook();
  hook.events = {"workflow_job"};
  EXPECT_EQ(check(hook).back().verdict, Verdict::warning);
  hook.events = {"push"};
  EXPECT_EQ(check(hook).back().verdict, Verdict::failed);
  // What of an App only a person can set is not offered to be installed.
  EXPECT_THAT(check(hook, true).back().todo, Not(HasSubstr("jitney webhook")));
}

TEST(WebhookChecks, AHookElsewhereIsNotOursAndIsNamed) {
  github::Hook other = good_hook();
  other.url = "https://old.example/webhook";
  const Finding finding = check(other).front();
  EXPECT_EQ(finding.verdict, Verdict::failed);
  EXPECT_THAT(finding.seen, HasSubstr("https://old.example/webhook (hook 7)"));
  GithubScope any = acme();
  any.webhook_url.clear();
  EXPECT_EQ(our_hook(any, {other})->id, 7);
}

TEST(WebhookChecks, HooksThatATokenMayNotSeeAreAWarning) {
  const SeenHooks hidden{.hooks = core::fail(core::Fault::not_found, "GET /orgs/acme/hooks: 404"),
                         .deliveries = std::nullopt};
  const Finding finding = check_hook(acme(), false, hidden).front();
  EXPECT_EQ(finding.verdict, Verdict::warning);
  EXPECT_THAT(finding.todo, HasSubstr("admin:org_hook"));
}

TEST(WebhookChecks, DeliveriesThatWereTakenAreFine) {
  const Finding finding = judged({delivery(1min, 202), delivery(2h, 200)});
  EXPECT_EQ(finding.verdict, Verdict::ok);
  EXPECT_THAT(finding.seen, HasSubstr("none failed of 2 in a day"));
  EXPECT_EQ(judged({}).verdict, Verdict::warning);
}

TEST(WebhookChecks, AFailureThatLastsFailsAndOneThatPassedWarns) {
  EXPECT_EQ(judged({delivery(1min, 401), delivery(2min, 202)}).verdict, Verdict::failed);
  const Finding passed = judged({delivery(1min, 202), delivery(2min, 503), delivery(3min, 503)});
  EXPECT_EQ(passed.verdict, Verdict::warning);
  EXPECT_THAT(passed.seen, HasSubstr("2 of 3 failed in a day (2 × 503)"));
  EXPECT_EQ(judged({delivery(1min, 202), delivery(48h, 503)}).verdict, Verdict::ok);
  EXPECT_EQ(judged({delivery(48h, 503)}).verdict, Verdict::failed);
  github::HookDelivery ping = delivery(2min, 502);
  ping.event = "ping";
  EXPECT_EQ(judged({delivery(1min, 202), ping}).verdict, Verdict::ok) << "before the server ran";
}

TEST(WebhookChecks, APingThatFoundNoServerIsAWarningUntilItIsSentAgain) {
  github::HookDelivery ping = delivery(2min, 502);
  ping.event = "ping";
  for (const int nobody : {0, 502, 503, 504}) {
    ping.answer = nobody;
    const Finding finding = judged({ping});
    EXPECT_EQ(finding.verdict, Verdict::warning) << nobody;
    EXPECT_THAT(finding.todo, HasSubstr("jitney webhook install")) << nobody;
    EXPECT_THAT(finding.todo, HasSubstr("Redeliver")) << nobody;
  }
  ping.answer = 502;
  EXPECT_THAT(judged({ping}).todo, HasSubstr("the proxy found no Jitney"));
  EXPECT_EQ(judged({ping, delivery(3min, 202)}).verdict, Verdict::warning);
  EXPECT_EQ(judged({ping, delivery(3min, 502)}).verdict, Verdict::failed) << "a job's, too";
  // Whoever gave these answers gives them to jobs as well.
  for (const int refusal : {401, 404}) {
    ping.answer = refusal;
    EXPECT_EQ(judged({ping}).verdict, Verdict::failed) << refusal;
  }
}

TEST(WebhookChecks, EveryAnswerHasAMeaningOfItsOwn) {
  EXPECT_THAT(judged({delivery(1min, 401)}).todo, HasSubstr("secret"));
  EXPECT_THAT(judged({delivery(1min, 503)}).todo, HasSubstr("log"));
  EXPECT_THAT(judged({delivery(1min, 0, "timed out")}).todo, HasSubstr("timed out"));
  EXPECT_THAT(judged({delivery(1min, 404)}).todo, HasSubstr("path"));
  EXPECT_THAT(judged({delivery(1min, 502)}).todo, HasSubstr("proxy"));
  EXPECT_THAT(judged({delivery(1min, 403)}).todo, HasSubstr("another server"));
}

class Missed : public testing::Test {
 protected:
  Missed() { config_.github = {acme()}; }
  Config config_;
};

TEST_F(Missed, TheBoundFollowsFromTheSweepAndTheQuestionsAMinute) {
  config_.github[0].calls_per_minute = 30;
  EXPECT_EQ(check_missed_webhooks(config_, true, 60).seen,
            "a failed delivery is asked for again within 2m, one that left no trace within about "
            "10m");
  EXPECT_EQ(check_missed_webhooks(config_, true, 60).verdict, Verdict::ok);
}

TEST_F(Missed, WithoutSightOfHooksOnlyAskingIsLeft) {
  const Finding finding = check_missed_webhooks(config_, false, 1);
  EXPECT_EQ(finding.verdict, Verdict::warning);
  EXPECT_THAT(finding.seen, HasSubstr("within about 1m"));
}

TEST_F(Missed, PollingHasNoneToMiss) {
  config_.ingress = IngressKind::poll;
  EXPECT_THAT(check_missed_webhooks(config_, true, 60).seen, HasSubstr("within about 2m"));
}

}  // namespace
}  // namespace jitney::app
