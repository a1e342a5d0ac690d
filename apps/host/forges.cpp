// SPDX-License-Identifier: Apache-2.0
#include "apps/host/forges.hpp"

#include <algorithm>

#include "github/rest_forge.hpp"

namespace jitney::app {

namespace {

bool serves(const GithubScope& scope, std::string_view repository) {
  switch (scope.kind) {
    case GithubScope::Kind::repository:
      return core::lower(repository) == core::lower(scope.owner + "/" + scope.repository);
    case GithubScope::Kind::organization:
      return core::lower(repository.substr(0, repository.find('/'))) == core::lower(scope.owner);
    case GithubScope::Kind::enterprise:
      return true;  // the payload names organisations only
  }
  return false;
}

core::Result<core::Secret> secret_or_empty(const LoadSecret& load,
                                           const std::optional<SecretRef>& reference) {
  return reference ? load(*reference) : core::Result<core::Secret>(core::Secret());
}

core::Result<github::Key> credentials(const LoadSecret& load, const GithubScope& scope) {
  if (scope.token) {
    auto token = load(*scope.token);
    if (!token) return std::unexpected(token.error());
    return github::TokenKey{.token = std::move(*token)};
  }
  auto key = secret_or_empty(load, scope.private_key);
  if (!key) return std::unexpected(key.error());
  return github::AppKey{.issuer = scope.app_id,
                        .installation_id = scope.installation_id,
                        .private_key = std::move(*key)};
}

core::Result<github::ForgeOptions> options_of(const GithubScope& scope,
                                              const std::string& deployment,
                                              const ForgeSettings& settings) {
  auto key = credentials(settings.load, scope);
  if (!key) return std::unexpected(key.error());
  auto proxy = scope.proxy_secret ? settings.load(*scope.proxy_secret)
                                  : core::Result<core::Secret>(core::Secret(scope.proxy));
  if (!proxy) return std::unexpected(proxy.error());
  github::ForgeOptions options;
  options.scope = scope.name;
  options.url = scope.url;
  options.api_url = scope.api_url;
  options.credentials = std::move(*key);
  options.ca_file = scope.ca_file;
  options.proxy = std::move(*proxy);
  options.no_proxy = scope.no_proxy;
  options.webhook_url = scope.webhook_url;
  options.deployment = deployment;
  options.write_spacing = scope.write_spacing;
  options.last_moment = settings.last_moment;
  options.observer = [observe = settings.observe, name = scope.name](
                         std::string_view method, std::string_view route, int status,
                         core::Duration) { observe(name, method, route, status); };
  return options;
}

std::unexpected<core::Error> of_scope(const GithubScope& scope, const core::Error& error) {
  return core::fail(error.fault, "[[github]] " + scope.name + ": " + error.what);
}

}  // namespace

core::Result<std::unique_ptr<github::Session>> open_session(const Config& config,
                                                            const GithubScope& scope,
                                                            const ForgeSettings& settings,
                                                            core::Clock& clock) {
  const auto options = options_of(scope, config.deployment.name, settings);
  if (!options) return of_scope(scope, options.error());
  auto session = github::open_session(*options, clock);
  if (!session) return of_scope(scope, session.error());
  return session;
}

core::Result<Forges> open_forges(const Config& config, const ForgeSettings& settings,
                                 core::Clock& clock) {
  Forges forges;
  for (const GithubScope& scope : config.github) {
    auto options = options_of(scope, config.deployment.name, settings);
    if (!options) return of_scope(scope, options.error());
    auto forge = github::make_forge(*std::move(options), clock);
    if (!forge) return of_scope(scope, forge.error());
    forges.emplace(scope.name, std::move(*forge));
  }
  return forges;
}

core::Result<std::vector<WebhookScope>> webhook_scopes(const Config& config,
                                                       const LoadSecret& load) {
  std::vector<WebhookScope> scopes;
  if (config.ingress != IngressKind::webhook) return scopes;
  for (const GithubScope& scope : config.github) {
    WebhookScope made;
    made.name = scope.name;
    made.serves = [scope](std::string_view repository) { return serves(scope, repository); };
    made.has_pool = [name = scope.name,
                     pools = config.deployment.pools](std::string_view repository) {
      return std::ranges::any_of(pools, [&](const core::Pool& pool) {
        return pool.scope == name && core::serves(pool, repository);
      });
    };
    for (const SecretRef& reference : scope.webhook_secrets) {
      auto secret = load(reference);
      if (!secret) return std::unexpected(secret.error());
      made.secrets.push_back(std::move(*secret));
    }
    scopes.push_back(std::move(made));
  }
  return scopes;
}

}  // namespace jitney::app
