// SPDX-License-Identifier: Apache-2.0
// webhook install.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "apps/doctor/webhook_checks.hpp"
#include "apps/doctor/webhook_plan.hpp"
#include "apps/host/aws_secrets.hpp"
#include "apps/host/forges.hpp"
#include "apps/jitney/commands.hpp"
#include "local/system_clock.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

namespace json = boost::json;
using core::Fault;

// GitHub waits ten seconds for our answer to a ping.
constexpr int kPingLooks = 15;
constexpr std::chrono::seconds kBetweenLooks{1};

json::array array_of(const std::vector<std::string>& lines) {
  return json::array(lines.begin(), lines.end());
}

std::string_view to_string(WebhookPlan::Act act) {
  switch (act) {
    case WebhookPlan::Act::nothing:
      return "nothing";
    case WebhookPlan::Act::create:
      return "create";
    case WebhookPlan::Act::change:
      return "change";
  }
  return "";
}

bool agreed() {
  std::fputs("Go on? [y/N] ", stderr);
  std::fflush(stderr);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

bool is_good(int answer) { return answer >= 200 && answer < 300; }

// One scope, from the look at its hooks to the change that was agreed to.
class Installation {
 public:
  Installation(const Asked& asked, const WebhookOptions& options, const GithubScope& scope)
      : asked_(asked), options_(options), scope_(scope) {}

  // The exit status; what happened stands in told().
  int run() {
    if (auto opened = open(); !opened) return failed(opened.error());
    if (auto planned = look(); !planned) return failed(planned.error());
    told_["action"] = to_string(plan_.act);
    told_["changes"] = array_of(plan_.changes);
    told_["by_hand"] = array_of(plan_.by_hand);
    told_["done"] = false;
    say_plan();
    if (options_.dry_run) return kOk;
    if (plan_.act == WebhookPlan::Act::nothing) return last_failed_ ? prove() : kOk;
    if (!options_.yes && !agreed()) {
      say("Nothing was changed\n");
      return kFailed;
    }
    if (auto done = change(); !done) return failed(done.error());
    return prove();
  }
  [[nodiscard]] const json::object& told() const { return told_; }

 private:
  core::Status open() {
    told_["github"] = scope_.name;
    auto url = webhook_address(scope_, options_.url.empty() ? scope_.webhook_url : options_.url);
    if (!url) return std::unexpected(url.error());
    wish_.url = *std::move(url);
    told_["url"] = wish_.url;
    ForgeSettings settings;
    settings.load = secret_loader(asked_.config);
    auto session = open_session(asked_.config, scope_, settings, clock_);
    if (!session) return std::unexpected(session.error());
    session_ = *std::move(session);
    if (scope_.webhook_secrets.empty()) {
      return core::fail(Fault::invalid, "there is no webhook_secret in the configuration");
    }
    auto secret = settings.load(scope_.webhook_secrets.front());
    if (!secret) return std::unexpected(secret.error());
    wish_.secret = *std::move(secret);
    return {};
  }

  core::Status look() {
    const auto hooks = github::list_hooks(*session_);
    if (!hooks) return std::unexpected(needs(hooks.error()));
    WebhookRequest request{.url = wish_.url,
                           .app = session_->is_app(),
                           .hook = options_.hook == 0 ? std::nullopt : std::optional(options_.hook),
                           .send_secret = options_.secret,
                           .secret_refused = false};
    auto plan = plan_webhook(scope_, *hooks, request);
    if (!plan) return std::unexpected(plan.error());
    plan_ = *std::move(plan);
    // An App of no hook at all has no deliveries either.
    if (plan_.act == WebhookPlan::Act::create) return {};
    const auto seen = github::last_deliveries(*session_, plan_.hook);
    if (!seen || seen->empty()) return {};
    last_delivery_ = seen->front().id;
    last_failed_ = !is_good(seen->front().answer);
    request.secret_refused = seen->front().answer == 401;
    plan_ = *plan_webhook(scope_, *hooks, request);
    return {};
  }

  core::Status change() {
    wish_.events = plan_.events;
    if (plan_.act == WebhookPlan::Act::create) {
      const auto made = github::create_hook(*session_, wish_);
      if (!made) return std::unexpected(needs(made.error()));
      plan_.hook = *made;
    } else if (auto changed = github::change_hook(*session_, plan_.hook, wish_); !changed) {
      return std::unexpected(needs(changed.error()));
    }
    told_["hook"] = plan_.hook;
    return {};
  }

  // What was installed is only done when GitHub was answered.
  int prove() {
    const bool changed = plan_.act != WebhookPlan::Act::nothing;
    if (session_->is_app()) {
      say("jitney doctor shows how the next deliveries are answered\n");
    } else if (auto answered = ping(); !answered) {
      const std::string is = changed ? "the webhook is in place, but " : "";
      return failed({.fault = answered.error().fault, .what = is + answered.error().what});
    } else {
      say("GitHub's ping was answered with " + std::to_string(*answered) + "\n");
    }
    told_["done"] = changed;
    if (changed) say("Done: GitHub tells of jobs at " + wish_.url + "\n");
    return kOk;
  }

  // The answer to a ping, if it is a good one. A new hook is sent one at once, another when it is
  // asked for.
  core::Result<int> ping() {
    told_["ping"] = nullptr;
    if (plan_.act != WebhookPlan::Act::create) {
      if (auto sent = github::ping_hook(*session_, plan_.hook); !sent) {
        return core::fail(sent.error().fault, "GitHub sends it no ping: " + sent.error().what);
      }
    }
    for (int looks = 0; looks < kPingLooks; ++looks) {
      const auto seen = github::last_deliveries(*session_, plan_.hook);
      if (!seen) {
        return core::fail(seen.error().fault,
                          "GitHub does not show how its ping was answered: " + seen.error().what);
      }
      const auto ping = std::ranges::find_if(*seen, [&](const github::HookDelivery& one) {
        return one.event == "ping" && one.id > last_delivery_;
      });
      if (ping != seen->end()) return judged(*ping);
      std::this_thread::sleep_for(kBetweenLooks);
    }
    return core::fail(Fault::transient,
                      "GitHub's ping is not answered yet: jitney doctor shows it later");
  }

  core::Result<int> judged(const github::HookDelivery& ping) {
    told_["ping"] = ping.answer;
    if (is_good(ping.answer)) return ping.answer;
    return core::fail(Fault::transient,
                      "GitHub's ping was answered " +
                          (ping.answer == 0 ? "by nobody" : "with " + std::to_string(ping.answer)) +
                          ": " + meaning_of(ping.answer, ping.status) +
                          " (After that, the same command again has another ping sent)");
  }

  void say_plan() {
    const std::string whose = printable(scope_.name) + (session_->is_app() ? " (App)" : "");
    if (plan_.act == WebhookPlan::Act::nothing) {
      say(whose + ": the webhook at " + wish_.url + " is as it should be\n");
    } else {
      say(whose +
          (plan_.act == WebhookPlan::Act::create ? ": a webhook is made"
           : session_->is_app()                  ? ": the webhook is changed"
                                : ": webhook " + std::to_string(plan_.hook) + " is changed") +
          (options_.dry_run ? " (not now: --dry-run)\n" : "\n"));
      for (const std::string& line : plan_.changes) say("  " + line + "\n");
    }
    if (!plan_.by_hand.empty()) say("By hand, as GitHub lets nobody else:\n");
    for (const std::string& line : plan_.by_hand) say("  " + line + "\n");
  }

  // Of a refusal: what the credentials need.
  [[nodiscard]] core::Error needs(core::Error error) const {
    if (error.fault != Fault::unauthorized && error.fault != Fault::not_found) return error;
    if (session_->is_app()) {
      error.what += "; is client_id the App's, and private_key its key?";
    } else {
      const bool one = scope_.kind == GithubScope::Kind::repository;
      error.what += std::string("; the token needs Webhooks: read and write (") +
                    (one ? "repository" : "organization") +
                    "), a classic one admin:" + (one ? "repo_hook" : "org_hook");
    }
    return error;
  }

  int failed(const core::Error& error) {
    told_["error"] = error.what;
    complain(kFailed, "[[github]] " + scope_.name + ": " + error.what);
    return error.fault == Fault::invalid ? kUsage : kFailed;
  }
  void say(const std::string& text) const {
    if (!asked_.json) print(printable_lines(text));
  }
  static std::string printable_lines(const std::string& text) {
    return printable(text.substr(0, text.size() - 1)) + "\n";
  }

  const Asked& asked_;
  const WebhookOptions& options_;
  const GithubScope& scope_;
  local::SystemClock clock_;
  std::unique_ptr<github::Session> session_;
  github::HookWish wish_;
  WebhookPlan plan_;
  std::int64_t last_delivery_ = 0;
  bool last_failed_ = false;
  json::object told_;
};

}  // namespace

int install_webhook(const Asked& asked, const WebhookOptions& options) {
  net::set_log_level(net::LogLevel::error);
  if (asked.config.ingress != IngressKind::webhook) {
    return complain(kUsage,
                    "ingress is \"poll\": no webhook is needed; write ingress = "
                    "\"webhook\" to have one");
  }
  if (!options.github.empty() && asked.config.scope(options.github) == nullptr) {
    return complain(kUsage, "there is no [[github]] named " + printable(options.github));
  }
  const bool can_ask = isatty(STDIN_FILENO) == 1 && !asked.json;
  if (!options.yes && !options.dry_run && !can_ask) {
    return complain(kUsage, "nobody can be asked here: say --yes, or --dry-run to only look");
  }
  int status = kOk;
  json::array hooks;
  for (const GithubScope& scope : asked.config.github) {
    if (!options.github.empty() && scope.name != options.github) continue;
    Installation one(asked, options, scope);
    status = std::max(status, one.run());
    hooks.push_back(one.told());
  }
  if (asked.json && !print_json(json::object{{"webhooks", std::move(hooks)}})) {
    return answered(false);
  }
  return status;
}

}  // namespace jitney::app
