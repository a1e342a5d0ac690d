// SPDX-License-Identifier: Apache-2.0
// Asks GitHub about one scope. What the answers mean is for github_checks.hpp and
// webhook_checks.hpp.
#include <algorithm>
#include <set>

#include "apps/doctor/doctor.hpp"
#include "apps/doctor/github_checks.hpp"
#include "apps/doctor/runner_version.hpp"
#include "apps/doctor/webhook_checks.hpp"
#include "apps/host/forges.hpp"

namespace jitney::app {

namespace {

constexpr std::size_t kMostRepositories = 20;  // that pools name and that are asked for one by one

using Pools = std::vector<const core::Pool*>;

// Secrets that systemd hands to the service alone lie in its directory while it runs.
std::string secret_todo(const std::string& seen) {
  if (seen.find("systemd credential") != std::string::npos) {
    return "as root, while the service runs: "
           "CREDENTIALS_DIRECTORY=/run/credentials/jitney.service jitney doctor";
  }
  return "put the secret there, or run this as the user that runs the server";
}

Pools pools_of(const Config& config, const GithubScope& scope) {
  Pools pools;
  for (const core::Pool& pool : config.deployment.pools) {
    if (pool.scope == scope.name) pools.push_back(&pool);
  }
  return pools;
}

void look_at_groups(github::Session& session, const GithubScope& scope, const Pools& pools,
                    std::vector<Finding>& findings) {
  std::map<std::int64_t, Pools> groups;
  for (const core::Pool* pool : pools) groups[pool->runner_group].push_back(pool);
  for (const auto& [group, its_pools] : groups) {
    if (scope.kind != GithubScope::Kind::repository) {
      findings.push_back(check_group(group, its_pools, github::look_at_group(session, group)));
    } else if (group != 1) {
      findings.push_back(failed("runner group",
                                "a repository has no group but 1, not " + std::to_string(group),
                                "leave runner_group out"));
    }
  }
}

void look_at_repositories(github::Session& session, const github::Standing& standing,
                          const Pools& pools, std::vector<Finding>& findings) {
  std::map<std::string, github::Trial> trials;
  for (const core::Pool* pool : pools) {
    for (const std::string& name : pool->repositories) {
      if (name.find('*') != std::string::npos || trials.size() >= kMostRepositories) continue;
      if (!trials.contains(name)) trials[name] = github::look_at_repository(session, name);
    }
  }
  if (!trials.empty()) findings.push_back(check_repositories(standing, trials));
}

// true: hooks could be seen.
bool look_at_hooks(github::Session& session, const GithubScope& scope, core::Clock& clock,
                   std::vector<Finding>& findings) {
  SeenHooks seen{.hooks = github::list_hooks(session), .deliveries = std::nullopt};
  if (seen.hooks) {
    if (const github::Hook* ours = our_hook(scope, *seen.hooks)) {
      seen.deliveries = github::last_deliveries(session, ours->id);
    }
  }
  for (Finding& finding : check_hook(scope, session.is_app(), seen)) {
    findings.push_back(std::move(finding));
  }
  if (seen.deliveries) findings.push_back(check_deliveries(seen, clock.now()));
  return seen.hooks.has_value();
}

// The oldest of ours that live: a package that is too old shows itself there first.
Finding runners_version(const Config& config, const github::Standing& standing) {
  std::optional<RunnerVersionNumber> oldest;
  std::string text;
  for (const github::RunnerVersion& one : standing.versions) {
    const auto version = parse_runner_version(one.version);
    if (!config.deployment.names(one.runner) || !version || (oldest && *oldest <= *version))
      continue;
    oldest = version;
    text = one.version;
  }
  if (!oldest) {
    return skipped("runner version", "no runner of ours lives now to tell its version" +
                                         (standing.newest_runner.empty()
                                              ? std::string()
                                              : "; GitHub offers " + standing.newest_runner));
  }
  return check_runner_version("runners that live", text, standing.newest_runner);
}

void look_at_versions(const Config& config, const github::Standing& standing, const Pools& pools,
                      std::vector<Finding>& findings) {
  if (config.fleet == FleetKind::ec2) {
    findings.push_back(runners_version(config, standing));
    return;
  }
  std::set<std::string> dirs;
  for (const core::Pool* pool : pools) dirs.insert(config.process_pools.at(pool->name).runner_dir);
  for (const std::string& dir : dirs) {
    findings.push_back(
        check_runner_version(dir, package_version(dir).value_or(""), standing.newest_runner));
  }
}

}  // namespace

std::vector<Area> look_at_github(const Config& config, const GithubScope& scope,
                                 const LoadSecret& load, core::Clock& clock) {
  Area area{"GitHub " + scope.name + " (" + scope.url + ")", {}};
  std::vector<Finding>& findings = area.findings;
  ForgeSettings settings;
  settings.load = load;
  const auto session = open_session(config, scope, settings, clock);
  if (!session) {
    findings.push_back(
        failed("credentials", session.error().what, secret_todo(session.error().what)));
    return {area};
  }
  if (config.ingress == IngressKind::webhook) {
    for (const SecretRef& reference : scope.webhook_secrets) {
      if (const auto secret = load(reference); !secret) {
        findings.push_back(
            failed("webhook secret", secret.error().what, secret_todo(secret.error().what)));
      }
    }
  }
  const github::Standing standing = github::look_at_standing(**session, clock);
  findings.push_back(check_credentials(scope, standing));
  if (standing.skew) findings.push_back(check_clock(standing));
  if (!usable(standing)) {
    findings.push_back(skipped("the rest", "nothing more is told to these credentials"));
    return {area};
  }
  const Pools pools = pools_of(config, scope);
  findings.push_back(check_permissions(scope, standing));
  findings.push_back(check_jobs_readable(standing));
  look_at_repositories(**session, standing, pools, findings);
  look_at_groups(**session, scope, pools, findings);
  bool hooks_visible = true;
  if (config.ingress == IngressKind::webhook) {
    hooks_visible = look_at_hooks(**session, scope, clock, findings);
  }
  findings.push_back(check_missed_webhooks(config, hooks_visible, standing.visible_count));
  look_at_versions(config, standing, pools, findings);
  findings.push_back(check_budget(standing));
  return {area};
}

}  // namespace jitney::app
