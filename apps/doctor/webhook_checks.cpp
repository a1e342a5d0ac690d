// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/webhook_checks.hpp"

#include <algorithm>
#include <map>

namespace jitney::app {

namespace {

using core::Duration;
using core::Fault;

constexpr const char* kDeliveries = "deliveries";
constexpr Duration kRecent = std::chrono::hours(24);
// With webhooks, questions only look for what got lost: the hosts spend that part of
// calls_per_minute.
constexpr int kAuditShare = 5;

bool is_success(int answer) { return answer >= 200 && answer < 400; }

std::string install(const GithubScope& scope, const std::string& more = "") {
  return "jitney webhook install --github " + scope.name + more;
}

// Where a person sets what the API does not let anyone else set.
std::string app_page(const GithubScope& scope) {
  return "the App's page (" + scope.owner + ", Developer settings, GitHub Apps)";
}

Finding hidden_hooks(const GithubScope& scope, bool app, const core::Error& error) {
  if (error.fault == Fault::invalid) return skipped("webhook", error.what);
  if (error.fault == Fault::unauthorized || error.fault == Fault::not_found) {
    if (app) return skipped("webhook", error.what);
    return warning("webhook",
                   "the token may not see webhooks, so none can be checked, and lost deliveries "
                   "are not asked for again",
                   scope.kind == GithubScope::Kind::repository
                       ? "give it Webhooks: read (repository); a classic one admin:repo_hook"
                       : "give it Webhooks: read (organization); a classic one admin:org_hook");
  }
  return failed("webhook", error.what, "try again; is GitHub up? https://www.githubstatus.com");
}

Finding no_hook(const GithubScope& scope, bool app, const std::vector<github::Hook>& hooks) {
  if (app) {
    return failed("webhook", "the App has none",
                  install(scope) + ", then switch Active on at " + app_page(scope));
  }
  std::vector<std::string> others;
  for (const github::Hook& hook : hooks) {
    if (brings(hook, kNeededEvent))
      others.push_back(hook.url + " (hook " + std::to_string(hook.id) + ")");
  }
  if (scope.webhook_url.empty()) {
    return failed("webhook", "there is none that brings workflow_job",
                  install(scope, " --url https://HOST/webhook"));
  }
  return failed("webhook",
                "there is none with the URL " + scope.webhook_url +
                    (others.empty() ? "" : "; jobs are told to " + some_of(others, 3)),
                others.empty()
                    ? install(scope)
                    : install(scope) + ", or correct webhook_url of [[github]] " + scope.name);
}

Finding app_events(const GithubScope& scope, const github::Hook& hook) {
  const std::string page = app_page(scope) + ", Permissions & events: ";
  if (!brings(hook, kNeededEvent)) {
    return failed("events", "the App does not subscribe to workflow_job",
                  page + "tick Workflow job (and Workflow run)");
  }
  if (!brings(hook, kUsefulEvent)) {
    return warning("events", "workflow_job, but not workflow_run", page + "tick Workflow run, too");
  }
  return ok("events", "workflow_job and workflow_run");
}

std::string when(core::Time at, core::Time now) {
  return core::describe(std::max(now - at, Duration::zero())) + " ago";
}

// The last delivery, when it alone failed. A webhook may be made before the server first runs: then
// GitHub's ping found nobody, and cost no job. A refusal is another matter: jobs get it as well.
Finding unanswered(const github::HookDelivery& last, const std::string& seen) {
  const std::string meaning = meaning_of(last.answer, last.status);
  const bool found_nobody = last.answer == 0 || last.answer >= 500;
  if (last.event != "ping" || !found_nobody) return failed(kDeliveries, seen, meaning);
  return warning(kDeliveries, seen,
                 "from before jitney serve ran? Send it again: jitney webhook install, or "
                 "Redeliver on the webhook's page on GitHub. If that fails too: " +
                     meaning);
}

}  // namespace

bool brings(const github::Hook& hook, std::string_view event) {
  return std::ranges::any_of(hook.events,
                             [&](const auto& one) { return one == event || one == "*"; });
}

const github::Hook* our_hook(const GithubScope& scope, const std::vector<github::Hook>& hooks) {
  const auto found = std::ranges::find_if(hooks, [&](const github::Hook& hook) {
    if (hook.id == github::kAppHook) return true;
    if (scope.webhook_url.empty()) return brings(hook, kNeededEvent);
    return github::same_address(hook.url, scope.webhook_url);
  });
  return found == hooks.end() ? nullptr : &*found;
}

std::vector<std::string> faults_of(const github::Hook& hook, const std::string& wanted_url) {
  std::vector<std::string> faults;
  if (!wanted_url.empty() && !github::same_address(hook.url, wanted_url)) {
    faults.push_back("its URL is " + hook.url + ", not " + wanted_url);
  }
  if (hook.content_type != "json") {
    faults.push_back("content type is " + (hook.content_type.empty() ? "form" : hook.content_type) +
                     ", not json");
  }
  if (!hook.has_secret) faults.emplace_back("it has no secret, so every delivery is refused");
  if (!hook.active) faults.emplace_back("it is not active");
  if (!hook.verifies_tls && hook.url.starts_with("https:")) {
    faults.emplace_back("it does not verify our certificate");
  }
  return faults;
}

std::vector<Finding> check_hook(const GithubScope& scope, bool app, const SeenHooks& seen) {
  if (!seen.hooks) return {hidden_hooks(scope, app, seen.hooks.error())};
  const github::Hook* hook = our_hook(scope, *seen.hooks);
  if (hook == nullptr) return {no_hook(scope, app, *seen.hooks)};
  std::vector<Finding> findings;
  const std::vector<std::string> faults = faults_of(*hook, scope.webhook_url);
  if (faults.empty()) {
    findings.push_back(ok("webhook", hook->url));
  } else {
    findings.push_back(failed("webhook", some_of(faults, 9), install(scope)));
  }
  if (app) {
    findings.push_back(app_events(scope, *hook));
  } else if (!brings(*hook, kNeededEvent)) {
    findings.push_back(failed("events", "it brings no workflow_job", install(scope)));
  } else if (!brings(*hook, kUsefulEvent)) {
    findings.push_back(warning("events", "workflow_job, but not workflow_run", install(scope)));
  } else {
    findings.push_back(ok("events", "workflow_job and workflow_run"));
  }
  return findings;
}

std::string meaning_of(int answer, const std::string& status) {
  switch (answer) {
    case 0:
      return "GitHub reached nobody (" + status +
             "): does the URL lead to webhook_listen, through the proxy and every firewall?";
    case 401:
      return "the webhook's secret is not the configured one: jitney webhook install --secret";
    case 404:
      return "the path is wrong: the URL ends in /webhook or /webhook/NAME";
    case 408:
      return "the body came too slowly: look at the proxy in between";
    case 413:
      return "a proxy allows smaller bodies than GitHub sends: allow 25 MB";
    case 429:
      return "too many at once for the API in front";
    case 503:
      return "Jitney could not store it (disk full? database locked? DynamoDB?): its log says why; "
             "the sweep asks for it again";
    default:
      break;
  }
  if (answer == 502 || answer == 504) {
    return "the proxy found no Jitney behind it: is jitney serve running, and on that port?";
  }
  if (answer >= 500) return "the server failed: its log says why";
  return "Jitney gives no such answer: another server listens at that URL";
}

Finding check_deliveries(const SeenHooks& seen, core::Time now) {
  if (!seen.deliveries) return skipped(kDeliveries, "no webhook to look at");
  if (!*seen.deliveries) return skipped(kDeliveries, seen.deliveries->error().what);
  const std::vector<github::HookDelivery>& all = **seen.deliveries;
  if (all.empty()) {
    return warning(kDeliveries, "none yet",
                   "run a workflow; GitHub keeps deliveries for three days");
  }
  std::size_t recent = 0;
  std::map<int, std::size_t> failures;  // by answer
  const github::HookDelivery* last_failure = nullptr;
  for (const github::HookDelivery& one : all) {
    if (now - one.at > kRecent) break;
    ++recent;
    // A ping that found nobody, before the server ran, cost no job.
    if (is_success(one.answer) || one.event == "ping") continue;
    ++failures[one.answer];
    if (last_failure == nullptr) last_failure = &one;
  }
  const github::HookDelivery& last = all.front();
  const std::string newest = "the last (" + last.event + ", " + when(last.at, now) +
                             ") was answered " +
                             (last.answer == 0 ? "by nobody" : std::to_string(last.answer));
  if (last_failure == nullptr && !is_success(last.answer)) return unanswered(last, newest);
  if (last_failure == nullptr) {
    return ok(
        kDeliveries,
        newest + (recent == 0 ? "" : "; none failed of " + std::to_string(recent) + " in a day"));
  }
  std::string counts;
  for (const auto& [answer, times] : failures) {
    counts += (counts.empty() ? "" : ", ") + std::to_string(times) + " × " +
              (answer == 0 ? last_failure->status : std::to_string(answer));
  }
  std::size_t failed_in_all = 0;
  for (const auto& [answer, times] : failures) failed_in_all += times;
  const std::string seen_text = newest + "; " + std::to_string(failed_in_all) + " of " +
                                std::to_string(recent) + " failed in a day (" + counts + ")";
  const std::string todo = meaning_of(last_failure->answer, last_failure->status);
  return is_success(last.answer) ? warning(kDeliveries, seen_text, todo)
                                 : failed(kDeliveries, seen_text, todo);
}

Finding check_missed_webhooks(const Config& config, bool hooks_visible, std::int64_t repositories) {
  constexpr const char* kCheck = "missed webhooks";
  int calls = 0;
  for (const GithubScope& scope : config.github) {
    calls = calls == 0 ? scope.calls_per_minute : std::min(calls, scope.calls_per_minute);
  }
  const bool webhooks = config.ingress == IngressKind::webhook;
  if (webhooks) calls = std::max(1, calls / kAuditShare);
  // One question a repository, and one a run that is open.
  const auto minutes = std::chrono::minutes((std::max<std::int64_t>(repositories, 1) + calls - 1) /
                                            std::max(calls, 1));
  const Duration round = std::max<Duration>(minutes, std::chrono::minutes(1));
  if (!webhooks) {
    return ok(kCheck, "there are none; polling finds a job within about " + core::describe(round));
  }
  const std::string lost = "one that left no trace within about " + core::describe(round);
  const Duration sweep = config.deployment.sweep_interval;
  if (!hooks_visible) {
    return warning(kCheck, "found by asking alone: " + lost,
                   "let the credentials see webhooks: then failed deliveries are asked for again "
                   "within " +
                       core::describe(2 * sweep));
  }
  return ok(kCheck, "a failed delivery is asked for again within " + core::describe(2 * sweep) +
                        ", " + lost);
}

}  // namespace jitney::app
