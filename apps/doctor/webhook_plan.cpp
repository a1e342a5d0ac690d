// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/webhook_plan.hpp"

#include <algorithm>

#include "apps/config/config_text.hpp"
#include "apps/doctor/finding.hpp"
#include "apps/doctor/webhook_checks.hpp"
#include "net/http_client.hpp"

namespace jitney::app {

namespace {

core::Result<const github::Hook*> target_of(const std::vector<github::Hook>& hooks,
                                            const WebhookRequest& request) {
  const auto found = std::ranges::find_if(hooks, [&](const github::Hook& hook) {
    if (request.app) return true;
    if (request.hook) return hook.id == *request.hook;
    return github::same_address(hook.url, request.url);
  });
  if (found != hooks.end()) return &*found;
  if (!request.hook || request.app) return nullptr;
  std::vector<std::string> there;
  for (const github::Hook& hook : hooks) {
    there.push_back(std::to_string(hook.id) + " (" + hook.url + ")");
  }
  return core::fail(core::Fault::not_found,
                    "there is no webhook " + std::to_string(*request.hook) +
                        "; there are: " + (there.empty() ? "none" : some_of(there, 10)));
}

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

// Events and "active" of an App are set on its page only.
void plan_events(const github::Hook* hook, WebhookPlan& plan) {
  if (hook == nullptr) {
    plan.events = {std::string(kNeededEvent), std::string(kUsefulEvent)};
    plan.changes.push_back("events: " + some_of(plan.events));
    return;
  }
  plan.events = hook->events;
  const bool all = std::ranges::find(plan.events, "*") != plan.events.end();
  for (const std::string_view event : {kNeededEvent, kUsefulEvent}) {
    if (all || std::ranges::find(plan.events, event) != plan.events.end()) continue;
    plan.events.emplace_back(event);
    plan.changes.push_back("events: + " + std::string(event));
  }
}

void plan_config(const github::Hook& hook, const WebhookRequest& request, WebhookPlan& plan) {
  const auto change = [&](const std::string& what, const std::string& from, const std::string& to) {
    plan.changes.push_back(what + ": " + from + " -> " + to);
  };
  if (!github::same_address(hook.url, request.url)) change("URL", or_none(hook.url), request.url);
  if (hook.content_type != "json") change("content type", or_none(hook.content_type), "json");
  if (!hook.verifies_tls) change("our certificate", "not verified", "verified");
  if (!hook.has_secret) {
    change("secret", "none", "the configured one");
  } else if (request.secret_refused) {
    change("secret", "another, which is refused", "the configured one");
  } else if (request.send_secret) {
    change("secret", "not to be seen", "the configured one");
  }
}

void plan_app_page(const GithubScope& scope, const github::Hook* hook, WebhookPlan& plan) {
  const std::string page = "on the App's page (" + scope.owner + ", Developer settings): ";
  if (hook == nullptr) plan.by_hand.push_back(page + "switch the webhook's Active on");
  for (const std::string_view event : {kNeededEvent, kUsefulEvent}) {
    if (hook == nullptr || brings(*hook, event)) continue;
    plan.by_hand.push_back(page + "under Permissions & events, tick " +
                           (event == kNeededEvent ? "Workflow job" : "Workflow run"));
  }
}

}  // namespace

core::Result<std::string> webhook_address(const GithubScope& scope, std::string text) {
  const auto bad = [](const std::string& why) { return core::fail(core::Fault::invalid, why); };
  if (text.empty()) {
    return bad(
        "say where GitHub reaches this server: --url https://HOST/webhook, or webhook_url in the "
        "configuration");
  }
  while (text.ends_with('/')) text.pop_back();
  const auto url = net::parse_url(text);
  if (!url || text.find('@') != std::string::npos) {
    return bad(
        "the webhook's URL is no web address without user and password; write "
        "https://HOST/webhook");
  }
  if (url->scheme != "https" && !is_loopback(url->host)) {
    return bad("the webhook's URL would send jobs over http in clear; write https://HOST/webhook");
  }
  // A proxy in front may take a prefix away.
  const std::string path = url->path.substr(0, url->path.find('?'));
  if (!path.ends_with("/webhook") && !path.ends_with("/webhook/" + scope.name)) {
    return bad("the webhook's URL ends in neither /webhook nor /webhook/" + scope.name +
               ", and Jitney answers 404 there; write https://HOST/webhook");
  }
  return text;
}

core::Result<WebhookPlan> plan_webhook(const GithubScope& scope,
                                       const std::vector<github::Hook>& hooks,
                                       const WebhookRequest& request) {
  const auto target = target_of(hooks, request);
  if (!target) return std::unexpected(target.error());
  const github::Hook* hook = *target;
  WebhookPlan plan;
  plan.act = hook == nullptr ? WebhookPlan::Act::create : WebhookPlan::Act::change;
  if (hook == nullptr) {
    plan.changes = {"URL: " + request.url, "content type: json", "secret: the configured one"};
  } else {
    plan.hook = hook->id;
    plan_config(*hook, request, plan);
    if (!request.app && !hook->active) plan.changes.emplace_back("active: no -> yes");
  }
  if (request.app) {
    plan_app_page(scope, hook, plan);
  } else {
    plan_events(hook, plan);
  }
  if (plan.changes.empty()) plan.act = WebhookPlan::Act::nothing;
  return plan;
}

}  // namespace jitney::app
