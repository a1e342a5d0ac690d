// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/github_checks.hpp"

#include <algorithm>

namespace jitney::app {

namespace {

using Kind = GithubScope::Kind;

// GitHub takes an App's token from a minute ahead to ten minutes back; more than half of that is
// no safe distance.
constexpr core::Duration kSkewThatFails = std::chrono::minutes(5);
constexpr core::Duration kSkewToMind = std::chrono::seconds(30);

struct Right {
  const char* permission;  // as the API names it
  const char* words;       // as the App's page shows it
  const char* level;
};

std::vector<Right> rights_of(Kind kind) {
  const Right actions{"actions", "Repository permissions, Actions", "read"};
  if (kind == Kind::repository) {
    return {{"administration", "Repository permissions, Administration", "write"}, actions};
  }
  return {{"organization_self_hosted_runners", "Organization permissions, Self-hosted runners",
           "write"},
          actions};
}

bool grants(const std::map<std::string, std::string>& given, const Right& right) {
  const auto found = given.find(right.permission);
  if (found == given.end()) return false;
  return found->second == "write" || found->second == "admin" || found->second == right.level;
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// What makes runners of this scope with a token of the classic kind.
std::vector<std::string> classic_scopes(Kind kind) {
  switch (kind) {
    case Kind::repository:
      return {"repo"};
    case Kind::organization:
      return {"admin:org", "manage_runners:org"};
    case Kind::enterprise:
      return {"admin:enterprise", "manage_runners:enterprise"};
  }
  return {};
}

std::string fine_grained(Kind kind) {
  return kind == Kind::repository
             ? "Administration: read and write, Actions: read (repository)"
             : "Self-hosted runners: read and write (organization), Actions: read (repository)";
}

std::string to_make_it_reachable(const GithubScope& scope) {
  return "can this machine reach " + (scope.api_url.empty() ? scope.url : scope.api_url) +
         "? See proxy, no_proxy and ca_file of [[github]] " + scope.name;
}

Finding refused_app(const GithubScope& scope, const github::AppStanding& app) {
  const github::Trial& trial = app.app.succeeded() ? app.installation : app.app;
  if (trial.status == 0) {
    return failed("credentials", trial.message, to_make_it_reachable(scope));
  }
  if (!app.app.succeeded()) {
    return failed("credentials", "GitHub does not take the App's key: " + trial.message,
                  "does private_key belong to client_id \"" + scope.app_id +
                      "\"? Make a new key on the App's page. Is this machine's clock right?");
  }
  return failed("credentials",
                "App " + app.name + " has no installation " +
                    std::to_string(scope.installation_id) + ": " + trial.message,
                "install the App for " + scope.owner +
                    " and write the number at the end of that page's address as installation_id");
}

Finding refused_token(const GithubScope& scope, const github::Trial& trial) {
  if (trial.status == 0) {
    return failed("credentials", trial.message, to_make_it_reachable(scope));
  }
  if (trial.status == 401) {
    return failed("credentials", "GitHub does not take the token: " + trial.message,
                  "it has expired or was revoked: make another with " + fine_grained(scope.kind) +
                      ", and put it where token of [[github]] " + scope.name + " points");
  }
  return failed(
      "credentials", "the token may not see the runners of " + scope.url + ": " + trial.message,
      "give it " + fine_grained(scope.kind) + "; a classic one " +
          some_of(classic_scopes(scope.kind), 1) + ". Is it authorised for single sign-on?");
}

std::string in_words(const std::vector<std::string>& scopes) {
  return scopes.empty() ? "none" : some_of(scopes, 20);
}

}  // namespace

bool usable(const github::Standing& standing) {
  return standing.runners.succeeded() && !(standing.app && standing.app->suspended);
}

Finding check_credentials(const GithubScope& scope, const github::Standing& standing) {
  if (!standing.app) {
    if (!standing.runners.succeeded()) return refused_token(scope, standing.runners);
    return ok("credentials", standing.scopes ? "a classic token, which GitHub takes"
                                             : "a token, which GitHub takes");
  }
  const github::AppStanding& app = *standing.app;
  if (!app.app.succeeded() || !app.installation.succeeded()) return refused_app(scope, app);
  const std::string who = "App " + app.name + ", installed for " + app.account;
  if (app.suspended) {
    return failed("credentials", who + ", but suspended",
                  "an owner of " + app.account + " lifts the suspension on the App's page there");
  }
  if (!standing.runners.succeeded()) {
    return failed(
        "credentials",
        who + ", may not see the runners of " + scope.url + ": " + standing.runners.message,
        "is it installed for " + scope.owner + ", and was " + rights_of(scope.kind).front().words +
            ": read and write accepted there?");
  }
  return ok("credentials",
            who + (app.all_repositories ? ", all repositories" : ", for selected repositories"));
}

Finding check_permissions(const GithubScope& scope, const github::Standing& standing) {
  if (standing.app) {
    std::vector<std::string> missing;
    for (const Right& right : rights_of(scope.kind)) {
      if (grants(standing.app->permissions, right)) continue;
      missing.push_back(std::string(right.words) + ": " +
                        (std::string_view(right.level) == "write" ? "read and write" : "read"));
    }
    if (!missing.empty()) {
      return failed("permissions", "the installation lacks " + some_of(missing),
                    "add it on the App's page, Permissions & events; then an owner of " +
                        standing.app->account + " accepts it");
    }
    return ok("permissions", "to make runners and to read jobs");
  }
  if (!standing.scopes) {
    return ok("permissions",
              "a fine-grained token: it lists runners; that it may make them is seen with the "
              "first job");
  }
  const std::vector<std::string> wanted = classic_scopes(scope.kind);
  if (std::ranges::none_of(wanted, [&](const auto& one) { return holds(*standing.scopes, one); })) {
    return failed("permissions", "the token's scopes are " + in_words(*standing.scopes),
                  "make a token that has " + wanted.front());
  }
  return ok("permissions", "scopes " + in_words(*standing.scopes));
}

Finding check_jobs_readable(const github::Standing& standing) {
  constexpr const char* kCheck = "reading jobs";
  if (standing.repositories.status == 0 && standing.tried.empty()) {
    return skipped(kCheck, standing.repositories.message.empty()
                               ? "an enterprise has no list of repositories"
                               : standing.repositories.message);
  }
  if (!standing.repositories.succeeded()) {
    return failed(kCheck, standing.repositories.message,
                  "without it lost webhooks are not found: give the credentials Metadata: read "
                  "and Actions: read");
  }
  if (standing.tried.empty()) {
    return warning(kCheck, "no repository shows itself",
                   "install the App for repositories, or give the token access to some");
  }
  if (!standing.runs.succeeded()) {
    return failed(kCheck, standing.runs.message,
                  "give the credentials Actions: read (a classic token: repo), or lost webhooks "
                  "are not found");
  }
  if (standing.visible_count == 1) return ok(kCheck, "runs of " + standing.tried);
  return ok(kCheck, std::to_string(standing.visible_count) + " repositories visible, runs of " +
                        standing.tried + " readable");
}

Finding check_clock(const github::Standing& standing) {
  if (!standing.skew) return skipped("clock", "GitHub's answer had no date");
  const core::Duration off = std::chrono::abs(*standing.skew);
  const std::string seen = "this machine's is " + core::describe(off) +
                           (*standing.skew > core::Duration::zero() ? " ahead of" : " behind") +
                           " GitHub's";
  const std::string todo = "keep it by NTP: systemctl enable --now systemd-timesyncd, or chrony";
  if (off >= kSkewThatFails) return failed("clock", seen, todo);
  if (off >= kSkewToMind) return warning("clock", seen, todo);
  return ok("clock", "agrees with GitHub's");
}

Finding check_budget(const github::Standing& standing) {
  if (!standing.budget) return skipped("calls", "GitHub tells no limit");
  const auto& budget = *standing.budget;
  const std::string seen = std::to_string(budget.remaining) + " of " +
                           std::to_string(budget.limit) + " calls left this hour";
  if (budget.remaining * 10 >= budget.limit) return ok("calls", seen);
  return warning("calls", seen,
                 "who else uses these credentials? Give Jitney an App of its own, or lower "
                 "calls_per_minute");
}

Finding check_group(std::int64_t group, const std::vector<const core::Pool*>& pools,
                    const github::RunnerGroup& seen) {
  const std::string check = "runner group";
  std::vector<std::string> names;
  for (const core::Pool* pool : pools) names.push_back(pool->name);
  const std::string of = " (" + counted(names.size(), "pool") + ": " + some_of(names) + ")";
  const std::string id = std::to_string(group);
  if (seen.shown.status == 404) {
    return failed(check, "there is no group " + id + of,
                  "write the number at the end of the group's address on GitHub as runner_group");
  }
  if (!seen.shown.succeeded()) {
    return skipped(check, "group " + id + " does not show itself: " + seen.shown.message);
  }
  const std::string group_name = seen.name + " (" + id + ")";
  if (seen.repositories && seen.repositories->empty()) {
    return failed(check, group_name + " serves no repository" + of,
                  "add repositories to the group, or let it serve all");
  }
  if (seen.limited_to_workflows) {
    return warning(check, group_name + " serves selected workflows only",
                   "jobs of others wait for ever: is this as it should be?");
  }
  if (seen.repositories) {
    std::vector<std::string> shut;
    for (const core::Pool* pool : pools) {
      for (const std::string& repository : pool->repositories) {
        const bool plain = repository.find('*') == std::string::npos;
        const bool in = std::ranges::any_of(*seen.repositories, [&](const std::string& one) {
          return core::lower(one) == core::lower(repository);
        });
        if (plain && !in) shut.push_back(repository);
      }
    }
    if (!shut.empty()) {
      return failed(check, group_name + " does not serve " + some_of(shut) + of,
                    "add them to the group, or take them out of repositories");
    }
  }
  if (seen.allows_public) {
    return warning(check, group_name + " serves public repositories, too",
                   "anyone who may open a pull request there runs code on your machines "
                   "(docs/security.md): switch it off in the group's settings");
  }
  const std::string serves =
      !seen.repositories ? seen.visibility + " repositories"
                         : std::to_string(seen.repositories->size()) + " selected repositories";
  return ok(check, group_name + ", " + serves);
}

Finding check_repositories(const github::Standing& standing,
                           const std::map<std::string, github::Trial>& trials) {
  std::vector<std::string> hidden;
  for (const auto& [name, trial] : trials) {
    if (!trial.succeeded()) hidden.push_back(name);
  }
  if (hidden.empty()) {
    return ok("repositories", "all that pools name show themselves");
  }
  return failed("repositories", some_of(hidden) + ": not there for these credentials",
                standing.app ? "correct repositories of [[pool]], or add them to the App's "
                               "installation"
                             : "correct repositories of [[pool]], or give the token access");
}

}  // namespace jitney::app
