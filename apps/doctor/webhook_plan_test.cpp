// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/webhook_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using Act = WebhookPlan::Act;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

GithubScope acme() {
  GithubScope scope;
  scope.name = scope.owner = "acme";
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

WebhookPlan plan(const std::vector<github::Hook>& hooks, WebhookRequest request = {}) {
  request.url = "https://ci.example/webhook";
  const auto made = plan_webhook(acme(), hooks, request);
  EXPECT_TRUE(made) << made.error().what;
  return made.value_or(WebhookPlan{});
}

TEST(WebhookPlan, NothingIsDoneToAHookAsItShouldBe) {
  EXPECT_EQ(plan({good_hook()}).act, Act::nothing);
  github::Hook all = good_hook();
  all.events = {"*"};
  EXPECT_EQ(plan({all}).act, Act::nothing);
}

TEST(WebhookPlan, OneIsMadeWhereThereIsNone) {
  github::Hook other = good_hook();
  other.url = "https://other.example/hook";
  const WebhookPlan made = plan({other});
  EXPECT_EQ(made.act, Act::create);
  EXPECT_THAT(made.events, ElementsAre("workflow_job", "workflow_run"));
}

TEST(WebhookPlan, OnlyWhatIsWrongIsChangedAndOtherEventsStay) {
  github::Hook hook = good_hook();
  hook.content_type = "form";
  hook.active = false;
  hook.events = {"push"};
  const WebhookPlan changed = plan({hook});
  EXPECT_EQ(changed.act, Act::change);
  EXPECT_EQ(changed.hook, 7);
  EXPECT_THAT(changed.changes, ElementsAre("content type: form -> json", "active: no -> yes",
                                           "events: + workflow_job", "events: + workflow_run"));
  EXPECT_THAT(changed.events, ElementsAre("push", "workflow_job", "workflow_run"));
}

TEST(WebhookPlan, ASecretIsSentWhereItIsMissingRefusedOrAskedFor) {
  github::Hook without = good_hook();
  without.has_secret = false;
  EXPECT_THAT(plan({without}).changes, ElementsAre(HasSubstr("secret: none")));
  EXPECT_THAT(plan({good_hook()}, {.secret_refused = true}).changes,
              ElementsAre(HasSubstr("which is refused")));
  EXPECT_THAT(plan({good_hook()}, {.send_secret = true}).changes, ElementsAre(HasSubstr("secret")));
}

TEST(WebhookPlan, ANamedHookIsMovedToOurUrl) {
  github::Hook old = good_hook();
  old.id = 8;
  old.url = "https://old.example/webhook";
  EXPECT_THAT(plan({good_hook(), old}, {.hook = 8}).changes,
              ElementsAre("URL: https://old.example/webhook -> https://ci.example/webhook"));
  const auto none = plan_webhook(acme(), {old}, {.url = "https://ci.example/webhook", .hook = 9});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().fault, core::Fault::not_found);
  EXPECT_THAT(none.error().what, HasSubstr("8 (https://old.example/webhook)"));
}

TEST(WebhookPlan, OfAnAppAPersonIsToldWhatOnlyAPersonCanDo) {
  github::Hook hook = good_hook();
  hook.id = github::kAppHook;
  hook.url = "https://old.example/webhook";
  hook.events = {"workflow_job"};
  const WebhookPlan changed = plan({hook}, {.app = true});
  EXPECT_EQ(changed.act, Act::change);
  EXPECT_THAT(changed.changes, ElementsAre(HasSubstr("URL: ")));
  EXPECT_THAT(changed.by_hand, ElementsAre(HasSubstr("Workflow run")));
  EXPECT_THAT(plan({}, {.app = true}).by_hand, Contains(HasSubstr("Active")));
}

TEST(WebhookAddress, IsOneThatJitneyAnswers) {
  const auto address = [](const std::string& text) {
    return webhook_address(acme(), text).value_or("refused");
  };
  for (const char* good :
       {"https://ci.example/webhook", "https://ci.example:8443/webhook/acme",
        "https://ci.example/behind/a/proxy/webhook", "http://127.0.0.1:8080/webhook"}) {
    EXPECT_EQ(address(good), good);
  }
  EXPECT_EQ(address("https://ci.example/webhook/"), "https://ci.example/webhook");
}

TEST(WebhookAddress, AnyOtherIsRefusedAndSaysWhatToWrite) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "--url https://HOST/webhook"},
      {"foo", "no web address"},
      {"https://", "no web address"},
      {"https://user:hush@ci.example/webhook", "no web address"},
      {"ftp://ci.example/webhook", "no web address"},
      {"http://ci.example/webhook", "https"},
      {"https://ci.example", "answers 404 there"},
      {"https://ci.example/hook", "answers 404 there"},
      {"https://ci.example/mywebhook", "answers 404 there"},
      {"https://ci.example/webhook/other", "/webhook/acme"}};
  for (const auto& [text, why] : rows) {
    const auto refused = webhook_address(acme(), text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().fault, core::Fault::invalid) << text;
    EXPECT_THAT(refused.error().what, HasSubstr(why)) << text;
    EXPECT_THAT(refused.error().what, Not(HasSubstr("hush")));
  }
}

}  // namespace
}  // namespace jitney::app
