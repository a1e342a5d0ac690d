// SPDX-License-Identifier: Apache-2.0
#include "net/url.hpp"

#include <gtest/gtest.h>

namespace jitney::net {
namespace {

std::string described(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return "invalid";
  return url->scheme + " " + url->host + " " + std::to_string(url->port) + " " + url->path;
}

TEST(Url, IsTakenApart) {
  EXPECT_EQ(described("https://api.github.com"), "https api.github.com 443 /");
  EXPECT_EQ(described("http://GHES.Example/api/v3"), "http ghes.example 80 /api/v3");
  EXPECT_EQ(described("http://127.0.0.1:8080/a?b=c#d"), "http 127.0.0.1 8080 /a?b=c");
  EXPECT_EQ(described("HTTPS://[::1]:8443?x"), "https ::1 8443 /?x");
  EXPECT_EQ(described("https://a:/"), "https a 443 /");
}

TEST(Url, RefusesWhatItCannotUse) {
  for (const char* bad :
       {"", "a", "ftp://a", "https://", "https:///x", "https://a b/", "https://a/b c",
        "https://a:0/", "https://a:65536/", "https://a:x/", "https://a:1x/", "https://[::1",
        "https://[x]/", "https://[::1]x/", "https://a/\r\nX: y", "https://a\r\n/"}) {
    EXPECT_EQ(described(bad), "invalid") << bad;
  }
}

TEST(Url, RefusesPasswordsWithoutQuotingThem) {
  const auto url = parse_url("https://user:hunter2@a/");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().fault, core::Fault::invalid);
  EXPECT_EQ(url.error().what.find("hunter2"), std::string::npos);
}

TEST(Url, NamesThePortInHostOnlyWhenUnusual) {
  EXPECT_EQ(host_header(*parse_url("https://a")), "a");
  EXPECT_EQ(host_header(*parse_url("http://a:443")), "a:443");
  EXPECT_EQ(host_header(*parse_url("https://[::1]:8443")), "[::1]:8443");
  EXPECT_EQ(host_header(*parse_url("http://[::1]")), "[::1]");
}

TEST(NoProxy, NamesHostsSuffixesAndAll) {
  EXPECT_TRUE(bypasses_proxy("*", "a"));
  EXPECT_TRUE(bypasses_proxy("x, Host.Example ,y", "host.example"));
  EXPECT_TRUE(bypasses_proxy(".example", "host.example"));
  EXPECT_TRUE(bypasses_proxy("example", "host.example"));
  EXPECT_TRUE(bypasses_proxy(".example", "example"));
  EXPECT_FALSE(bypasses_proxy(".example", "myexample"));
  EXPECT_FALSE(bypasses_proxy("example", "myexample"));
  EXPECT_FALSE(bypasses_proxy("", "a"));
  EXPECT_FALSE(bypasses_proxy(",,.", "a."));
}

}  // namespace
}  // namespace jitney::net
