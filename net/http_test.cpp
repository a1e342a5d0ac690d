// SPDX-License-Identifier: Apache-2.0
#include "net/http.hpp"

#include <gtest/gtest.h>

namespace jitney::net {
namespace {

TEST(Headers, CompareNamesWithoutCaseAndKeepOrder) {
  Headers headers{{"A", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.get("a"), "1");
  EXPECT_EQ(headers.get("B"), "2");
  EXPECT_EQ(headers.get("c"), std::nullopt);
  EXPECT_EQ(headers.count("A"), 2U);
  headers.set("A", "4");
  EXPECT_EQ(headers.count("a"), 1U);
  EXPECT_EQ(headers.get("a"), "4");
  EXPECT_EQ(headers.fields().front().first, "b");
}

TEST(Request, TakesNothingBetweenAmpersandsForNoParameter) {
  Request request;
  request.target = "/?&&=nameless&a=1";
  EXPECT_EQ(request.query(""), "nameless");
  EXPECT_EQ(request.query("a"), "1");
}

TEST(Request, SplitsPathAndQuery) {
  const Request request{.target = "/a/b?x=1&y=a%20b+c&%7a=&flag&bad=%zz&x=2&=e"};
  EXPECT_EQ(request.path(), "/a/b");
  EXPECT_EQ(request.query("x"), "1");
  EXPECT_EQ(request.query("y"), "a b c");
  EXPECT_EQ(request.query("z"), "");
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_EQ(request.query("bad"), std::nullopt);
  EXPECT_EQ(request.query("none"), std::nullopt);
  EXPECT_EQ(Request{.target = "/a"}.query("x"), std::nullopt);
  EXPECT_EQ(Request{.target = "/a"}.path(), "/a");
  EXPECT_EQ(Request{.target = "/a?"}.query("x"), std::nullopt);
}

TEST(Percent, EncodesAllButUnreservedCharacters) {
  EXPECT_EQ(percent_encode("azAZ09-._~"), "azAZ09-._~");
  EXPECT_EQ(percent_encode("a b/c%+\xc3\xa9"), "a%20b%2Fc%25%2B%C3%A9");
}

TEST(Percent, DecodesWhatItEncodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  for (const char* bad : {"%", "%1", "%g0", "%0g", "a%2"}) {
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace jitney::net
