// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "apps/serve/wiring.hpp"
#include "local/account.hpp"

namespace jitney::app {

namespace {

// GitHub's webhooks stay below 25 MB; nothing sent to the admin listener has a body worth the name.
constexpr std::size_t kAdminBody = 64u << 10;
// With webhooks, questions only look for what got lost: a small part of what polling may spend.
constexpr int kAuditShare = 5;

// Jobs share the machine's loopback, and the admin listener has no password. Where jobs run as the
// server's own user nothing tells them from it.
std::vector<uid_t> job_users(const Config& config) {
  std::vector<uid_t> users;
  for (const auto& [name, pool] : config.process_pools) {
    // A user who does not exist is complained about where runners are to be started.
    const auto account = local::find_account(pool.runner_user);
    if (account && account->other) users.push_back(account->uid);
  }
  return users;
}

}  // namespace

ServeOptions serve_options(const Config& config) {
  ServeOptions options;
  options.deployment = config.deployment;
  options.webhook_listener = config.ingress == IngressKind::webhook;
  options.webhook.address = config.server.webhook.address;
  options.webhook.port = config.server.webhook.port;
  options.admin.address = config.server.admin.address;
  options.admin.port = config.server.admin.port;
  options.admin.limits.body_bytes = kAdminBody;
  options.admin.limits.connections = 256;
  options.admin.refused_users = job_users(config);
  options.own_hosts = config.server.admin_hosts;
  options.own_hosts.push_back(config.server.admin.address);
  options.drain_deadline = config.server.drain;
  options.workers.threads = config.server.workers;
  options.workers.function_time = config.server.function_time;
  options.poller.sweep_interval = config.deployment.sweep_interval;
  options.poller.move_interval = config.redrive_interval;
  options.poller.function_time = config.server.function_time;
  options.poller.ask_interval = std::clamp<core::Duration>(
      config.deployment.poll_interval, std::chrono::milliseconds(50), std::chrono::seconds(5));
  for (const GithubScope& scope : config.github) {
    options.scopes.push_back(scope.name);
    // core::poll spends one sum over all scopes, so the smallest budget is the one that none
    // exceeds.
    int& calls = options.poller.calls_per_minute;
    calls = calls == 0 ? scope.calls_per_minute : std::min(calls, scope.calls_per_minute);
  }
  if (options.webhook_listener) {
    options.poller.calls_per_minute = std::max(1, options.poller.calls_per_minute / kAuditShare);
  }
  return options;
}

}  // namespace jitney::app
