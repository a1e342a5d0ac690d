// SPDX-License-Identifier: Apache-2.0
#include "net/json.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace jitney::net {
namespace {

boost::json::value parsed(std::string_view text) {
  auto value = parse_json(text);
  if (!value) {
    ADD_FAILURE() << value.error().what;
    return nullptr;
  }
  return *std::move(value);
}

TEST(Json, ReadsFieldsByType) {
  const auto value = parsed(
      R"( {"s":"text","i":17,"neg":-1,"t":true,"n":null,"o":{"s":"inner"},"l":["a",1,"b",null]} )");
  EXPECT_EQ(get_string(value, "s"), "text");
  EXPECT_EQ(get_int(value, "i"), 17);
  EXPECT_EQ(get_int(value, "neg"), -1);
  EXPECT_EQ(get_bool(value, "t"), true);
  ASSERT_NE(get_object(value, "o"), nullptr);
  EXPECT_EQ(get_string(*get_object(value, "o"), "s"), "inner");
  EXPECT_EQ(get_strings(value, "l"), (std::vector<std::string>{"a", "b"}));
  ASSERT_NE(get_array(value, "l"), nullptr);
  EXPECT_EQ(get_array(value, "l")->size(), 4U);
}

TEST(Json, AnswersNothingForOtherTypesNullAndAbsence) {
  const auto value = parsed(R"({"s":"1","i":1,"d":1.0,"t":true,"n":null,"o":{},"l":[]})");
  for (const char* key : {"i", "d", "t", "n", "o", "l", "absent"}) {
    EXPECT_EQ(get_string(value, key), std::nullopt) << key;
    EXPECT_EQ(get_string_or(value, key, "x"), "x") << key;
  }
  for (const char* key : {"s", "d", "t", "n", "o", "l", "absent"}) {
    EXPECT_EQ(get_int(value, key), std::nullopt) << key;
  }
  for (const char* key : {"s", "i", "n", "o", "l", "absent"}) {
    EXPECT_EQ(get_bool(value, key), std::nullopt) << key;
  }
  for (const char* key : {"s", "i", "n", "l", "absent"}) {
    EXPECT_EQ(get_object(value, key), nullptr) << key;
  }
  for (const char* key : {"s", "i", "n", "o", "absent"}) {
    EXPECT_EQ(get_array(value, key), nullptr) << key;
    EXPECT_TRUE(get_strings(value, key).empty()) << key;
  }
}

TEST(Json, HasNoFieldsOutsideObjects) {
  for (const char* text : {"[]", "1", "\"s\"", "null", "true"}) {
    EXPECT_EQ(get_value(parsed(text), "s"), nullptr) << text;
  }
}

TEST(Json, KeepsLargeNumbersExact) {
  const auto value = parsed(R"({"max":9223372036854775807,"over":9223372036854775808,
                               "min":-9223372036854775808,"huge":1e300})");
  EXPECT_EQ(get_int(value, "max"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(get_int(value, "min"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(get_int(value, "over"), std::nullopt);
  EXPECT_EQ(get_int(value, "huge"), std::nullopt);
}

TEST(Json, RefusesWhatIsNoJson) {
  for (const char* bad : {"", " ", "{", "{}x", "{}{}", "{'a':1}", "{\"a\":1,}", "[1 2]", "nul",
                          "\"\x01\"", "\"\\ud800\"", "\"\xff\"", "{\"a\"", "// c\n1", "NaN"}) {
    const auto value = parse_json(bad);
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().fault, core::Fault::invalid);
  }
}

TEST(Json, DoesNotQuoteTheContentInErrors) {
  const auto value = parse_json(R"({"token":"hunter2" "x"})");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().what.find("hunter2"), std::string::npos);
}

TEST(Json, BoundsDepthAndSize) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(32)));
  EXPECT_FALSE(parse_json(nested(33)));
  EXPECT_FALSE(parse_json(std::string(5'000'000, '[')));
  EXPECT_TRUE(parse_json("12345", 5));
  EXPECT_FALSE(parse_json("123456", 5));
}

}  // namespace
}  // namespace jitney::net
