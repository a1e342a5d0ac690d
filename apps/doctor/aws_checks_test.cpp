// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/aws_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using namespace std::chrono_literals;
using core::Fault;
using testing::HasSubstr;

const core::Time kNow{core::Duration{1'800'000'000'000}};

TEST(AwsChecks, WithoutCredentialsAPersonIsToldHowToSignIn) {
  EXPECT_EQ(check_identity(aws::Identity{"1", "arn:aws:iam::1:user/a"}, "eu-west-1").verdict,
            Verdict::ok);
  const Finding none =
      check_identity(core::fail(Fault::unauthorized, "no credentials"), "eu-west-1");
  EXPECT_EQ(none.verdict, Verdict::failed);
  EXPECT_THAT(none.todo, HasSubstr("aws sso login"));
  EXPECT_THAT(check_identity(core::fail(Fault::invalid, "no region"), "").todo,
              HasSubstr("AWS_REGION"));
}

TEST(AwsChecks, ABucketThatKeepsVersionsKeepsSecrets) {
  EXPECT_EQ(check_jit_bucket("jit", "").verdict, Verdict::ok);
  for (const char* status : {"Enabled", "Suspended"}) {
    EXPECT_EQ(check_jit_bucket("jit", status).verdict, Verdict::failed);
  }
  EXPECT_EQ(check_jit_bucket("jit", core::fail(Fault::invalid, "NoSuchBucket")).verdict,
            Verdict::failed);
  EXPECT_EQ(check_jit_bucket("jit", core::fail(Fault::unauthorized, "AccessDenied")).verdict,
            Verdict::skipped);
}

TEST(AwsChecks, AMissingScriptSaysHowToPutItThere) {
  EXPECT_EQ(check_script("s3://b/jitney-runner", true).verdict, Verdict::ok);
  EXPECT_THAT(check_script("s3://b/jitney-runner", false).todo,
              HasSubstr("aws s3 cp runner/jitney-runner s3://b/jitney-runner"));
}

TEST(AwsChecks, ATableThatIsMissingOrNotActiveFails) {
  EXPECT_EQ(check_table("t", "ACTIVE").verdict, Verdict::ok);
  EXPECT_EQ(check_table("t", "CREATING").verdict, Verdict::failed);
  EXPECT_EQ(check_table("t", core::fail(Fault::invalid, "ResourceNotFoundException")).verdict,
            Verdict::failed);
}

TEST(AwsChecks, DeadMessagesAndLettersAreWarnings) {
  EXPECT_EQ(check_dead_queue(aws::QueueDepth{}).verdict, Verdict::ok);
  EXPECT_EQ(check_dead_queue(aws::QueueDepth{.waiting = 2, .delayed = 0, .under_way = 0}).verdict,
            Verdict::warning);
  EXPECT_EQ(check_dead_letters(0).verdict, Verdict::ok);
  EXPECT_THAT(check_dead_letters(3).todo, HasSubstr("jitney dead list"));
  EXPECT_EQ(
      check_queue("create", aws::QueueDepth{.waiting = 5, .delayed = 1, .under_way = 0}).verdict,
      Verdict::ok);
  EXPECT_EQ(
      check_queue("create", aws::QueueDepth{.waiting = 5000, .delayed = 0, .under_way = 0}).verdict,
      Verdict::warning);
}

class Functions : public testing::Test {
 protected:
  Functions() {
    for (const std::string& name : function_names("ci")) {
      runs_[name] = {.runs = 96, .errors = 0, .last_run = kNow - 10min, .last_error = {}};
    }
  }
  Finding of(const std::string& name) {
    for (Finding& one : check_functions("ci", runs_, kNow)) {
      if (one.check == name) return one;
    }
    return {};
  }
  std::map<std::string, aws::FunctionRuns> runs_;
};

TEST_F(Functions, ThatRunWithoutErrorsAreFine) {
  EXPECT_EQ(check_functions("ci", runs_, kNow).size(), 5U);
  for (const Finding& one : check_functions("ci", runs_, kNow)) EXPECT_EQ(one.verdict, Verdict::ok);
}

TEST_F(Functions, ASweepThatIsSilentFails) {
  runs_["ci-sweep"].last_run = kNow - 50min;
  EXPECT_EQ(of("ci-sweep").verdict, Verdict::failed);
  runs_["ci-sweep"] = {};
  EXPECT_EQ(of("ci-sweep").verdict, Verdict::failed);
  runs_["ci-autoscaler"] = {};
  EXPECT_EQ(of("ci-autoscaler").verdict, Verdict::ok) << "no webhook came: no fault";
}

TEST_F(Functions, RecentErrorsWarnAndSayWhereTheLogIs) {
  runs_["ci-stop-runner"].errors = 2;
  runs_["ci-stop-runner"].last_error = kNow - 5min;
  EXPECT_EQ(of("ci-stop-runner").verdict, Verdict::warning);
  EXPECT_THAT(of("ci-stop-runner").todo, HasSubstr("/aws/lambda/ci-stop-runner"));
  runs_["ci-stop-runner"].last_error = kNow - 5h;
  EXPECT_EQ(of("ci-stop-runner").verdict, Verdict::ok);
}

TEST_F(Functions, WhatMayNotBeSeenIsSkippedAndWhatCannotBeFails) {
  EXPECT_EQ(check_functions("ci", core::fail(Fault::unauthorized, "AccessDenied"), kNow)[0].verdict,
            Verdict::skipped);
  EXPECT_EQ(check_functions("ci", core::fail(Fault::transient, "timeout"), kNow)[0].verdict,
            Verdict::failed);
}

}  // namespace
}  // namespace jitney::app
