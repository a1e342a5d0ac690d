// SPDX-License-Identifier: Apache-2.0
#include "aws/survey.hpp"

#include <gtest/gtest.h>

#include "aws/scripted_test.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

struct World {
  ScriptedAws aws;
  Client client{aws.options(), fixed_credentials(test_keys())};
};

net::Response xml(const std::string& text, int status = 200) { return answer(status, text); }

TEST(Survey, SaysWhoseCredentialsTheseAre) {
  World world;
  world.aws.then(
      xml("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/a"
          "</Arn><Account>123456789012</Account></GetCallerIdentityResult>"
          "</GetCallerIdentityResponse>"));
  const auto identity = who_am_i(world.client);
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->account, "123456789012");
  EXPECT_EQ(identity->arn, "arn:aws:iam::1:user/a");
}

TEST(Survey, ReadsAQuotaInVcpus) {
  World world;
  world.aws.then(answer(200, R"({"Quota":{"QuotaCode":"L-34B43A08","Value":32.0}})"));
  world.aws.then(refusal(400, "NoSuchResourceException"));
  EXPECT_EQ(quota(world.client, "L-34B43A08"), 32.0);
  const auto none = quota(world.client, "L-0");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().fault, Fault::not_found);
  EXPECT_EQ(world.aws.asked()[0].headers.get("X-Amz-Target"),
            "ServiceQuotasV20190624.GetServiceQuota");
  EXPECT_EQ(world.aws.asked()[0].body, R"({"ServiceCode":"ec2","QuotaCode":"L-34B43A08"})");
}

TEST(Survey, TheSpotRoleIsAskedOfIamWhereverTheRegionIs) {
  World world;
  world.aws.then(xml("<GetRoleResponse/>"));
  world.aws.then(
      xml("<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>", 404));
  world.aws.then(
      xml("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", 403));
  EXPECT_EQ(has_spot_role(world.client), true);
  EXPECT_EQ(has_spot_role(world.client), false);
  EXPECT_EQ(has_spot_role(world.client).error().fault, Fault::unauthorized);
  const auto asked = world.aws.asked();
  EXPECT_NE(asked[0].headers.get("Authorization")->find("/us-east-1/iam/"), std::string::npos);
}

TEST(Survey, FunctionsAreCountedOverADayByWhatLambdaItselfKeeps) {
  World world;
  world.aws.then(xml(
      "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults>"
      "<member><Id>m1</Id><Values><member>4.0</member><member>0</member><member>3</member></Values>"
      "<Timestamps><member>2026-11-28T11:45:00Z</member><member>2026-11-28T11:30:00Z</member>"
      "<member>2026-11-28T10:00:00Z</member></Timestamps></member>"
      "<member><Id>m2</Id><Values><member>2</member></Values>"
      "<Timestamps><member>2026-11-28T10:00:00Z</member></Timestamps></member>"
      "<member><Id>m3</Id><Values/><Timestamps/></member>"
      "</MetricDataResults></GetMetricDataResult></GetMetricDataResponse>"));
  const core::Time now = *net::parse_rfc3339("2026-11-28T12:01:00Z");
  const auto runs = function_runs(world.client, {"ci-sweep", "ci-move-jobs"}, now);
  ASSERT_TRUE(runs) << runs.error().what;
  EXPECT_EQ(runs->at("ci-sweep").runs, 7);
  EXPECT_EQ(runs->at("ci-sweep").errors, 2);
  EXPECT_EQ(runs->at("ci-sweep").last_run, *net::parse_rfc3339("2026-11-28T12:00:00Z"));
  EXPECT_EQ(runs->at("ci-sweep").last_error, *net::parse_rfc3339("2026-11-28T10:15:00Z"));
  EXPECT_EQ(runs->at("ci-move-jobs").runs, 0);
  EXPECT_EQ(runs->at("ci-move-jobs").last_run, core::Time{});
  const std::string body = world.aws.asked()[0].body;
  EXPECT_NE(body.find("StartTime=2026-11-27T12%3A01%3A00Z"), std::string::npos) << body;
  EXPECT_NE(body.find("Dimensions.member.1.Value=ci-move-jobs"), std::string::npos) << body;
}

TEST(Survey, AnUnknownInstanceTypeIsNamedByAws) {
  World world;
  world.aws.then(
      xml("<Response><Errors><Error><Code>InvalidInstanceType</Code><Message>The "
          "following supplied instance types do not exist: [m9.big]</Message></Error>"
          "</Errors></Response>",
          400));
  const auto types = instance_types(world.client, {"m9.big"});
  ASSERT_FALSE(types);
  EXPECT_EQ(types.error().fault, Fault::invalid);
  EXPECT_NE(types.error().what.find("m9.big"), std::string::npos);
}

TEST(Survey, OfferingsAreReadPageByPage) {
  World world;
  world.aws.then(
      xml("<R><instanceTypeOfferingSet><item><instanceType>m7i.large</instanceType>"
          "<location>eu-west-1a</location></item></instanceTypeOfferingSet>"
          "<nextToken>2</nextToken></R>"));
  world.aws.then(
      xml("<R><instanceTypeOfferingSet><item><instanceType>m7i.large</instanceType>"
          "<location>eu-west-1b</location></item></instanceTypeOfferingSet></R>"));
  const auto zones = offerings(world.client, {"m7i.large"});
  ASSERT_TRUE(zones) << zones.error().what;
  EXPECT_EQ(zones->at("m7i.large"), (std::vector<std::string>{"eu-west-1a", "eu-west-1b"}));
  EXPECT_EQ(offerings(world.client, {})->size(), 0U);
  EXPECT_EQ(world.aws.calls(), 2U);
}

}  // namespace
}  // namespace jitney::aws
