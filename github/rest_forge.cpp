// SPDX-License-Identifier: Apache-2.0
#include "github/rest_forge.hpp"

#include "net/url.hpp"

namespace jitney::github {

core::Result<std::unique_ptr<Session>> open_session(const ForgeOptions& options,
                                                    core::Clock& clock) {
  auto endpoint = parse_endpoint(options.url, options.api_url);
  if (!endpoint) return std::unexpected(std::move(endpoint.error()));
  // The client reads it with the first call: too late for a mistake in the configuration.
  if (const auto proxy = net::parse_proxy(options.proxy.reveal()); !proxy) {
    return std::unexpected(proxy.error());
  }
  RestOptions rest;
  rest.api = endpoint->api;
  rest.client.ca_file = options.ca_file;
  rest.client.proxy = std::string(options.proxy.reveal());
  rest.client.no_proxy = options.no_proxy;
  rest.write_spacing = options.write_spacing;
  rest.call_time = options.call_time;
  rest.last_moment = options.last_moment;
  rest.observer = options.observer;
  return Session::open(std::move(rest), *std::move(endpoint), options.credentials, clock);
}

core::Result<std::unique_ptr<core::Forge>> make_forge(ForgeOptions options, core::Clock& clock) {
  if (options.deployment.empty()) {
    return core::fail(core::Fault::invalid, "a forge needs the name of its deployment");
  }
  auto session = open_session(options, clock);
  if (!session) return std::unexpected(std::move(session.error()));
  return std::make_unique<RestForge>(std::move(options), *std::move(session), clock);
}

RestForge::RestForge(ForgeOptions options, std::unique_ptr<Session> session, core::Clock& clock)
    : options_(std::move(options)), session_(std::move(session)), clock_(clock) {}

std::string RestForge::scope_path(std::string_view rest) const {
  return session_->endpoint().scope_path() + std::string(rest);
}

std::string RestForge::scope_route(std::string_view rest) const {
  switch (session_->endpoint().kind) {
    case ScopeKind::repository:
      return "/repos/{owner}/{repo}" + std::string(rest);
    case ScopeKind::organization:
      return "/orgs/{org}" + std::string(rest);
    case ScopeKind::enterprise:
      return "/enterprises/{enterprise}" + std::string(rest);
  }
  return std::string(rest);
}

}  // namespace jitney::github
