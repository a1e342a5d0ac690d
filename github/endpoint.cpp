// SPDX-License-Identifier: Apache-2.0
#include "github/endpoint.hpp"

#include <algorithm>
#include <vector>

#include "github/job_body.hpp"

namespace jitney::github {
namespace {

using core::Fault;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> out;
  path = path.substr(0, path.find_first_of("?#"));
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) out.push_back(path.substr(0, end));
    path.remove_prefix(std::min(path.size(), end + 1));
  }
  return out;
}

// Only what it is, never the text: an address may hold a password.
std::unexpected<core::Error> refuse(std::string_view why) {
  return core::fail(Fault::invalid, "GitHub address: " + std::string(why) +
                                        "; write https://HOST/ORGANISATION, "
                                        "https://HOST/OWNER/REPOSITORY or "
                                        "https://HOST/enterprises/NAME");
}

bool is_hosted(const std::string& host) {
  return host == "github.com" || host == "www.github.com" || host == "github.localhost" ||
         host.ends_with(".ghe.com");
}

core::Result<net::Url> api_of(const net::Url& site, std::string_view api_url) {
  if (!api_url.empty()) {
    auto api = net::parse_url(api_url);
    if (!api) return api;
    if (api->path.find_first_of("?#") != std::string::npos) {
      return core::fail(Fault::invalid, "api_url: has a query; write https://HOST/PATH");
    }
    while (api->path.ends_with('/')) api->path.pop_back();
    return api;
  }
  net::Url api = site;
  const std::string host = lower(site.host);
  if (is_hosted(host)) {
    api.host = host == "www.github.com" ? "api.github.com" : "api." + host;
    api.path = "";
  } else {
    api.path = "/api/v3";
  }
  return api;
}

}  // namespace

std::string Endpoint::scope_path() const {
  switch (kind) {
    case ScopeKind::repository:
      return "/repos/" + full_name();
    case ScopeKind::organization:
      return "/orgs/" + owner;
    case ScopeKind::enterprise:
      return "/enterprises/" + owner;
  }
  return {};
}

core::Result<Endpoint> parse_endpoint(std::string_view url, std::string_view api_url) {
  const auto site = net::parse_url(url);
  if (!site) return refuse("it is no http or https address");
  const auto parts = segments(site->path);
  if (parts.empty()) return refuse("it names no owner");
  if (parts.size() > 2) return refuse("it has more than two parts after the host");
  Endpoint endpoint;
  if (parts.size() == 1) {
    endpoint.kind = ScopeKind::organization;
    endpoint.owner = parts[0];
  } else if (lower(parts[0]) == "enterprises") {
    endpoint.kind = ScopeKind::enterprise;
    endpoint.owner = parts[1];
  } else {
    endpoint.kind = ScopeKind::repository;
    endpoint.owner = parts[0];
    endpoint.repository = parts[1];
    if (!is_repository(endpoint.full_name())) return refuse("it names no possible repository");
  }
  if (!is_owner(endpoint.owner)) return refuse("it names no possible owner");
  auto api = api_of(*site, api_url);
  if (!api) return std::unexpected(std::move(api.error()));
  endpoint.api = *std::move(api);
  return endpoint;
}

}  // namespace jitney::github
