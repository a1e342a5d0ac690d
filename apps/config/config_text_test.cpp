// SPDX-License-Identifier: Apache-2.0
#include "apps/config/config_text.hpp"

#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using namespace std::chrono_literals;

TEST(ConfigText, ReadsDurations) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("15m"), 15min);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("14d"), 14 * 24h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (const char* bad : {"", "90", "s", "-1s", "1.5h", "1 h", "9w", "1H", "99999999999999999999s",
                          "9223372036854775807d", "1h-30m", "1e3s", "3651d"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(ConfigText, WritesDurationsAsItReadsThem) {
  for (const core::Duration time : {core::Duration(0), core::Duration(1), core::Duration(90s),
                                    core::Duration(25h), core::Duration(14 * 24h + 1min)}) {
    EXPECT_EQ(parse_duration(write_duration(time)), time) << write_duration(time);
  }
}

TEST(ConfigText, ReadsSizes) {
  EXPECT_EQ(parse_size("0B"), 0);
  EXPECT_EQ(parse_size("512MiB"), 512 << 20);
  EXPECT_EQ(parse_size("2GiB"), std::int64_t{2} << 30);
  EXPECT_EQ(parse_size("2GB"), 2'000'000'000);
  for (const char* bad : {"", "2", "2G", "GiB", "-1MiB", "2GiB2GiB", "2 GiB", "9999999999TiB"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(ConfigText, ReadsListenAddresses) {
  EXPECT_EQ(parse_listen("0.0.0.0:80")->port, 80);
  EXPECT_EQ(parse_listen("[::1]:0")->address, "::1");
  EXPECT_EQ(parse_listen("localhost:9")->address, "127.0.0.1");
  for (const char* bad : {"", ":80", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80",
                          "example.com:80", "127.0.0.1:-1", "127.0.0.1:8x", "[::1]"}) {
    EXPECT_FALSE(parse_listen(bad)) << bad;
  }
}

TEST(ConfigText, TakesOnlyNumericAddressesOfThisMachineForLoopback) {
  for (const char* here : {"127.0.0.1", "127.8.9.10", "::1", "0:0:0:0:0:0:0:1", "localhost"}) {
    EXPECT_TRUE(is_loopback(here)) << here;
  }
  for (const char* elsewhere : {"127.example.com", "127.0.0.1.example.com", "128.0.0.1",
                                "::", "0.0.0.0", "", "localhost.example.com"}) {
    EXPECT_FALSE(is_loopback(elsewhere)) << elsewhere;
  }
}

TEST(ConfigText, SendsNoCredentialsInClearToANameThatLooksLikeLoopback) {
  EXPECT_TRUE(parse_github_url("http://127.0.0.1:9000/acme"));
  EXPECT_FALSE(parse_github_url("http://127.example.com/acme"));
}

TEST(ConfigText, ProposesTheScopeOfAPageButNoSecret) {
  const auto told = [](const std::string& url) {
    const auto scope = parse_github_url(url);
    return scope ? "taken" : scope.error().what;
  };
  const std::string page = "is a page's or a clone's address; write ";
  EXPECT_EQ(told("https://GitHub.com/Orgs/acme/"), page + "https://github.com/acme");
  EXPECT_EQ(told("https://api.github.com/orgs/acme"), page + "https://github.com/acme");
  EXPECT_EQ(told("https://tenant.ghe.com/a/b.git/"), page + "https://tenant.ghe.com/a/b");
  for (const char* none : {"https://github.com/orgs//acme", "https://github.com/.git",
                           "https://github.com/orgs/ghp_MARKED"}) {
    EXPECT_EQ(told(none), page + "the scope's own, like https://github.com/ORG") << none;
  }
  for (const char* own : {"https://github.com/orgs-of-acme", "https://github.com/acme/orgs",
                          "https://github.com/enterprises/orgs", "https://ghes.example/acme/git",
                          "https://www.ghes.example/acme"}) {
    EXPECT_EQ(told(own), "taken") << own;
  }
}

TEST(ConfigText, RefusesNamesThatGitHubDoesNotGive) {
  for (const char* bad : {"https://github.com/ac.me", "https://github.com/acme/..",
                          "https://github.com/acme/.", "https://github.com/enterprises/b.ig"}) {
    EXPECT_FALSE(parse_github_url(bad)) << bad;
  }
  EXPECT_EQ(parse_github_url("https://github.com/acme/shop.js")->repository, "shop.js");
}

TEST(ConfigText, SuggestsWhatWasLikelyMeant) {
  const std::vector<std::string> words = {"webhook_secret", "max", "warm", "labels"};
  EXPECT_EQ(did_you_mean("webhok_secret", words), "webhook_secret");
  EXPECT_EQ(did_you_mean("Max", words), "max");
  EXPECT_EQ(did_you_mean("label", words), "labels");
  EXPECT_EQ(did_you_mean("colour", words), std::nullopt);
  // What is longer or shorter by a whole word was meant as well, but not for two letters.
  EXPECT_EQ(did_you_mean("maximum", words), "max");
  EXPECT_EQ(did_you_mean("webhook", words), "webhook_secret");
  EXPECT_EQ(did_you_mean("wa", std::vector<std::string>{"warm_for_all"}), std::nullopt);
}

TEST(ConfigText, KnowsASecretByItsLook) {
  EXPECT_TRUE(looks_secret("ghp_abc"));
  EXPECT_TRUE(looks_secret("Bearer ghp_abc"));
  EXPECT_TRUE(looks_secret("github_pat_abc"));
  EXPECT_TRUE(looks_secret("-----BEGIN RSA PRIVATE KEY-----"));
  EXPECT_FALSE(looks_secret("GITHUB_TOKEN"));
}

}  // namespace
}  // namespace jitney::app
