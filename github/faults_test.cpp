// SPDX-License-Identifier: Apache-2.0
#include "github/faults.hpp"

#include <gtest/gtest.h>

namespace jitney::github {
namespace {

using core::Duration;
using core::Fault;
using std::chrono::seconds;

constexpr core::Time kNow{Duration{1'800'000'000'000}};

struct Row {
  int status;
  std::string message;
  net::Headers headers;
  Fault fault;
  Limit limit = Limit::none;
  std::optional<Duration> retry_after = std::nullopt;
};

const net::Headers kNothing;
const net::Headers kExhausted{{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1800000090"}};

const std::vector<Row>& rows() {
  static const std::vector<Row> kAll{
      {301, "Moved Permanently", kNothing, Fault::not_found},
      {400, "Problems parsing JSON", kNothing, Fault::invalid},
      {401, "Bad credentials", kNothing, Fault::unauthorized},
      {403, "Resource not accessible by integration", kNothing, Fault::unauthorized},
      {403, "Resource not accessible", {{"X-RateLimit-Remaining", "17"}}, Fault::unauthorized},
      {403, "API rate limit exceeded for installation ID 1.", kExhausted, Fault::throttled,
       Limit::primary, seconds(90)},
      {403, "API rate limit exceeded for user ID 1.", kNothing, Fault::throttled, Limit::primary,
       seconds(60)},
      {403,
       "You have exceeded a secondary rate limit.",
       {{"Retry-After", "7"}},
       Fault::throttled,
       Limit::secondary,
       seconds(7)},
      {403, "You have exceeded a Secondary Rate Limit.", kExhausted, Fault::throttled,
       Limit::secondary, seconds(60)},
      {403, "You have triggered an abuse detection mechanism.", kNothing, Fault::throttled,
       Limit::secondary, seconds(60)},
      {403, "", {{"Retry-After", "7"}}, Fault::throttled, Limit::secondary, seconds(7)},
      {404, "Not Found", kNothing, Fault::not_found},
      {409, "Already exists - A runner with the name 'a' already exists.", kNothing,
       Fault::conflict},
      {410, "Gone", kNothing, Fault::not_found},
      {422, "Already exists - A runner with the name 'a'", kNothing, Fault::conflict},
      {422, "Runner group 1 has reached max limit", kNothing, Fault::no_capacity},
      {422, "Validation Failed", kNothing, Fault::invalid},
      {429, "Too Many Requests", kNothing, Fault::throttled, Limit::secondary, seconds(60)},
      {429,
       "secondary rate limit",
       {{"Retry-After", "30"}},
       Fault::throttled,
       Limit::secondary,
       seconds(30)},
      {429, "API rate limit exceeded", kExhausted, Fault::throttled, Limit::primary, seconds(90)},
      {451, "Repository access blocked", kNothing, Fault::not_found},
      {500, "Server Error", kNothing, Fault::transient},
      {502, "", kNothing, Fault::transient},
      {503, "", {{"Retry-After", "5"}}, Fault::transient, Limit::none, seconds(5)},
      {599, "", kNothing, Fault::transient},
      {418, "I'm a teapot", kNothing, Fault::transient},
      {600, "", kNothing, Fault::transient},
      {102, "", kNothing, Fault::transient},
  };
  return kAll;
}

TEST(Faults, EveryRowOfTheTable) {
  for (const Row& row : rows()) {
    const Verdict verdict = judge(row.status, row.headers, row.message, kNow);
    EXPECT_EQ(verdict.fault, row.fault) << row.status << " " << row.message;
    EXPECT_EQ(verdict.limit, row.limit) << row.status << " " << row.message;
    EXPECT_EQ(verdict.retry_after, row.retry_after) << row.status << " " << row.message;
  }
}

TEST(Faults, WaitsAreBoundedWhateverGitHubSays) {
  const auto wait = [](net::Headers headers) {
    return *judge(403, headers, "API rate limit exceeded", kNow).retry_after;
  };
  EXPECT_EQ(wait({{"Retry-After", "9223372036854775807"}}), std::chrono::minutes(65));
  EXPECT_EQ(wait({{"Retry-After", "-5"}}), seconds(1));
  EXPECT_EQ(wait({{"Retry-After", "soon"}}), std::chrono::minutes(1));
  const auto reset = [&](const std::string& at) {
    return wait({{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", at}});
  };
  EXPECT_EQ(reset("1799999000"), seconds(1));  // it is over already
  EXPECT_EQ(reset("9223372036854775807"), std::chrono::minutes(65));
  EXPECT_EQ(reset("-9223372036854775808"), seconds(1));
}

TEST(Faults, MessagesAreReadFromWhateverComes) {
  EXPECT_EQ(message_of(R"({"message":"Not Found","documentation_url":"x"})"), "Not Found");
  EXPECT_EQ(
      message_of(R"({"message":"Validation Failed","errors":[{"message":"no name"},"bad",7]})"),
      "Validation Failed (no name) (bad)");
  EXPECT_EQ(message_of("<html>Unicorn!</html>"), "");
  EXPECT_EQ(message_of(""), "");
  EXPECT_EQ(message_of("[]"), "");
  EXPECT_EQ(message_of(R"({"message":"a\nb\u001b[31m"})"), "a b [31m");
  EXPECT_EQ(message_of(R"({"message":")" + std::string(5000, 'x') + "\"}").size(), 300U);
}

}  // namespace
}  // namespace jitney::github
