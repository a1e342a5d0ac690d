// SPDX-License-Identifier: Apache-2.0
// Where runners register: from the address that a person sees in the browser to scope and API base.
// Pure functions; immutable values.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/http_client.hpp"

namespace jitney::github {

enum class ScopeKind { repository, organization, enterprise };

struct Endpoint {
  ScopeKind kind = ScopeKind::organization;
  std::string owner;       // organisation, user or enterprise
  std::string repository;  // without the owner; empty unless kind is repository
  net::Url api;            // `path` is the prefix of every call: "" or "/api/v3"

  // "/orgs/acme", "/repos/acme/shop", "/enterprises/acme": what runner calls begin with.
  [[nodiscard]] std::string scope_path() const;
  [[nodiscard]] std::string full_name() const { return owner + "/" + repository; }
};

// https://HOST/ORG, https://HOST/OWNER/REPO or https://HOST/enterprises/NAME. github.com and
// *.ghe.com have their API on a host of its own, GitHub Enterprise Server under /api/v3;
// `api_url`, if not empty, is taken as it is. `invalid`: the text says what to write instead.
core::Result<Endpoint> parse_endpoint(std::string_view url, std::string_view api_url = {});

}  // namespace jitney::github
