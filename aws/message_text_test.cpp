// SPDX-License-Identifier: Apache-2.0
#include "aws/message_text.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace jitney::aws {
namespace {

using core::MessageKind;

TEST(MessageText, ReadsWhatItWrote) {
  const std::vector<core::Message> messages = {
      {.kind = MessageKind::create_runner, .key = "linux", .detail = ""},
      {.kind = MessageKind::stop_runner, .key = "jitney-linux-7", .detail = "job \"5\" \\ ended\n"},
      {.kind = MessageKind::check_job, .key = "39482716253", .detail = ""},
      {.kind = MessageKind::check_run, .key = "acme acme/shop 9482", .detail = "Grüße"},
      {.kind = MessageKind::dead_job, .key = "1", .detail = "no capacity"}};
  for (const core::Message& message : messages) {
    for (const int tries : {0, 1, 12}) {
      const auto read = parse_message(write_message(message, tries));
      ASSERT_TRUE(read) << read.error().what;
      EXPECT_EQ(read->message, message);
      EXPECT_EQ(read->tries, tries);
    }
  }
}

TEST(MessageText, IsTheFormatThatTheDocumentationShows) {
  EXPECT_EQ(write_message({.kind = MessageKind::create_runner, .key = "linux", .detail = ""}),
            R"({"kind":"create_runner","key":"linux"})");
  EXPECT_EQ(write_message(
                {.kind = MessageKind::stop_runner, .key = "jitney-linux-7", .detail = "over"}, 2),
            R"({"kind":"stop_runner","key":"jitney-linux-7","detail":"over","tries":2})");
}

TEST(MessageText, RefusesWhatIsNoMessage) {
  for (const char* const text :
       {"", "create_runner", "[]", "{}", R"({"kind":"create_runner"})",
        R"({"kind":"create_runner","key":""})", R"({"kind":"launch","key":"linux"})",
        R"({"kind":3,"key":"linux"})", R"({"kind":"create_runner","key":"linux","tries":-1})",
        R"({"kind":"create_runner","key":"secret-word")"}) {
    const auto read = parse_message(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().fault, core::Fault::invalid) << text;
    EXPECT_EQ(read.error().what.find("secret-word"), std::string::npos);
  }
}

TEST(MessageText, BoundsTheCount) {
  const auto read =
      parse_message(R"({"kind":"create_runner","key":"linux","tries":99999999999999})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->tries, 1'000'000);
}

}  // namespace
}  // namespace jitney::aws
