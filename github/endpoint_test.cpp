// SPDX-License-Identifier: Apache-2.0
#include "github/endpoint.hpp"

#include <gtest/gtest.h>

namespace jitney::github {
namespace {

std::string api_of(const Endpoint& endpoint) {
  return endpoint.api.scheme + "://" + endpoint.api.host + ":" + std::to_string(endpoint.api.port) +
         endpoint.api.path;
}

TEST(Endpoint, KnowsTheThreeScopes) {
  struct Row {
    std::string url;
    ScopeKind kind;
    std::string path;
  };
  for (const Row& row :
       {Row{"https://github.com/acme", ScopeKind::organization, "/orgs/acme"},
        Row{"https://github.com/acme/", ScopeKind::organization, "/orgs/acme"},
        Row{"https://github.com/acme/shop", ScopeKind::repository, "/repos/acme/shop"},
        Row{"https://github.com/enterprises/big", ScopeKind::enterprise, "/enterprises/big"},
        Row{"https://github.com/Enterprises/big", ScopeKind::enterprise, "/enterprises/big"}}) {
    const auto endpoint = parse_endpoint(row.url);
    ASSERT_TRUE(endpoint) << row.url << ": " << endpoint.error().what;
    EXPECT_EQ(endpoint->kind, row.kind) << row.url;
    EXPECT_EQ(endpoint->scope_path(), row.path);
  }
}

TEST(Endpoint, FindsTheApiOfEveryKindOfHost) {
  struct Row {
    std::string url;
    std::string api;
  };
  for (const Row& row :
       {Row{"https://github.com/acme", "https://api.github.com:443"},
        Row{"https://www.github.com/acme", "https://api.github.com:443"},
        Row{"https://GitHub.com/acme", "https://api.github.com:443"},
        Row{"https://tenant.ghe.com/acme", "https://api.tenant.ghe.com:443"},
        Row{"https://git.example.org/acme", "https://git.example.org:443/api/v3"},
        Row{"https://notghe.com/acme", "https://notghe.com:443/api/v3"},
        Row{"https://git.example.org:8443/acme", "https://git.example.org:8443/api/v3"}}) {
    const auto endpoint = parse_endpoint(row.url);
    ASSERT_TRUE(endpoint) << row.url << ": " << endpoint.error().what;
    EXPECT_EQ(api_of(*endpoint), row.api);
  }
}

TEST(Endpoint, AnApiAddressOfItsOwnIsTakenAsItIs) {
  const auto plain = parse_endpoint("https://github.com/acme", "http://127.0.0.1:8123");
  ASSERT_TRUE(plain);
  EXPECT_EQ(api_of(*plain), "http://127.0.0.1:8123");
  const auto deep = parse_endpoint("https://github.com/acme", "http://127.0.0.1:8123/api/v3/");
  ASSERT_TRUE(deep);
  EXPECT_EQ(api_of(*deep), "http://127.0.0.1:8123/api/v3");
}

TEST(Endpoint, RefusesWhatIsNoScopeAndNeverQuotesIt) {
  for (const std::string url :
       {"", "acme", "ftp://github.com/acme", "https://github.com", "https://github.com/",
        "https://github.com/a/b/c", "https://github.com/enterprises", "https://github.com/a%2fb",
        "https://github.com/a/..", "https://github.com/a b"}) {
    const auto endpoint = parse_endpoint(url);
    if (url == "https://github.com/enterprises") {
      // An organisation may bear that name.
      ASSERT_TRUE(endpoint);
      continue;
    }
    ASSERT_FALSE(endpoint) << url;
    EXPECT_EQ(endpoint.error().fault, core::Fault::invalid);
    EXPECT_NE(endpoint.error().what.find("write https://"), std::string::npos);
  }
  const auto secret = parse_endpoint("https://me:hunter2@github.com/a/b/c");
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().what.find("hunter2"), std::string::npos);
  EXPECT_FALSE(parse_endpoint("https://github.com/acme", "nowhere"));
  EXPECT_FALSE(parse_endpoint("https://github.com/acme", "https://a.example/x?y=1"));
}

}  // namespace
}  // namespace jitney::github
