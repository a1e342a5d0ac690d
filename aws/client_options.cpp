// SPDX-License-Identifier: Apache-2.0
// client_options of client.hpp.
#include "aws/client.hpp"
#include "aws/profile.hpp"

namespace jitney::aws {
namespace {

std::string region_of(const Environment& environment) {
  for (const auto* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (auto region = environment(name)) return *std::move(region);
  }
  // A file that cannot be read is told by whoever needs credentials from it.
  if (const auto profile = read_profile(environment); profile && *profile) {
    if (const auto found = (*profile)->find("region"); found != (*profile)->end()) {
      return found->second;
    }
  }
  return {};
}

}  // namespace

ClientOptions client_options(const Environment& environment) {
  ClientOptions options{.region = region_of(environment)};
  if (environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != "true") {
    if (auto all = environment("AWS_ENDPOINT_URL")) options.endpoints["*"] = *std::move(all);
    for (const Service service : kServices) {
      const ServiceNames names = names_of(service);
      if (auto url = environment("AWS_ENDPOINT_URL_" + std::string(names.setting))) {
        options.endpoints[std::string(names.name)] = *std::move(url);
      }
    }
  }
  options.http.ca_file = environment("AWS_CA_BUNDLE").value_or("");
  const auto either = [&](std::string_view upper, std::string_view lower) {
    auto value = environment(upper);
    return value ? *std::move(value) : environment(lower).value_or("");
  };
  options.http.proxy = either("HTTPS_PROXY", "https_proxy");
  options.http.no_proxy = either("NO_PROXY", "no_proxy");
  // HTTPS_PROXY is for https: an emulator on http is near.
  for (const auto& [service, text] : options.endpoints) {
    const auto url = net::parse_url(text);
    if (url && url->scheme == "http") options.http.no_proxy += "," + url->host;
  }
  return options;
}

}  // namespace jitney::aws
