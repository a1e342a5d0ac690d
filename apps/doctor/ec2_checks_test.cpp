// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/doctor/aws_checks.hpp"

namespace jitney::app {
namespace {

using core::Fault;
using testing::HasSubstr;

PoolOnEc2 good() {
  Ec2Pool ec2;
  ec2.launch_template = "cpu";
  ec2.instance_types = {"m7i.large", "m6i.large"};
  return {.name = "cpu",
          .max = 10,
          .ec2 = ec2,
          .launch_template = aws::TemplateData{.id = "lt-1",
                                               .version = "3",
                                               .image = "ami-1",
                                               .shutdown = "terminate",
                                               .tokens = "required",
                                               .has_profile = true,
                                               .has_subnet = false},
          .image = aws::Image{.state = "available", .architecture = "x86_64", .name = "al2023"},
          .types = std::map<std::string, aws::InstanceType>{{"m7i.large", {2, true, {"x86_64"}}},
                                                            {"m6i.large", {2, true, {"x86_64"}}}},
          .offerings = std::map<std::string, std::vector<std::string>>{{"m7i.large", {"a", "b"}},
                                                                       {"m6i.large", {"a"}}},
          .subnets = std::map<std::string, aws::Subnet>{{"subnet-a", {"a", 200}}}};
}

TEST(Ec2Checks, AGoodPoolIsFine) {
  for (const Finding& one :
       {check_template(good()), check_image(good()), check_types(good()), check_subnets(good())}) {
    EXPECT_EQ(one.verdict, Verdict::ok) << one.check << ": " << one.seen;
  }
}

TEST(Ec2Checks, AMissingTemplateFailsAndHidesItsImage) {
  PoolOnEc2 pool = good();
  pool.launch_template = core::fail(Fault::invalid, "ec2 DescribeLaunchTemplateVersions: none");
  EXPECT_EQ(check_template(pool).verdict, Verdict::failed);
  EXPECT_EQ(check_image(pool).verdict, Verdict::skipped);
  pool.launch_template = core::fail(Fault::unauthorized, "UnauthorizedOperation");
  EXPECT_EQ(check_template(pool).verdict, Verdict::skipped);
}

TEST(Ec2Checks, ATemplateThatLeavesMachinesOrLetsJobsReadTooMuchIsToldSo) {
  PoolOnEc2 pool = good();
  pool.launch_template->shutdown = "stop";
  EXPECT_THAT(check_template(pool).seen, HasSubstr("not terminated"));
  pool = good();
  pool.launch_template->tokens = "optional";
  EXPECT_THAT(check_template(pool).seen, HasSubstr("IMDSv1"));
  pool = good();
  pool.launch_template->has_profile = false;
  EXPECT_EQ(check_template(pool).verdict, Verdict::failed);
}

TEST(Ec2Checks, AnImageMustBeThereAndFitTheTypes) {
  PoolOnEc2 pool = good();
  (*pool.image)->architecture = "arm64";
  EXPECT_THAT(check_image(pool).seen, HasSubstr("cannot run it"));
  pool = good();
  (*pool.image)->state = "deregistered";
  EXPECT_EQ(check_image(pool).verdict, Verdict::failed);
  pool.image = core::fail(Fault::invalid, "InvalidAMIID.NotFound");
  EXPECT_EQ(check_image(pool).verdict, Verdict::failed);
  pool.image.reset();
  EXPECT_EQ(check_image(pool).verdict, Verdict::skipped);
  pool.launch_template->image.clear();
  EXPECT_EQ(check_image(pool).verdict, Verdict::failed);
}

TEST(Ec2Checks, TypesMustBeOfferedInTheSubnetsZones) {
  PoolOnEc2 pool = good();
  pool.subnets = std::map<std::string, aws::Subnet>{{"subnet-b", {"b", 200}}};
  EXPECT_EQ(check_types(pool).verdict, Verdict::warning);
  EXPECT_THAT(check_types(pool).seen, HasSubstr("m6i.large: not offered in b"));
  pool.subnets = std::map<std::string, aws::Subnet>{{"subnet-c", {"c", 200}}};
  EXPECT_EQ(check_types(pool).verdict, Verdict::failed);
  pool.types->at("m7i.large").spot = false;
  EXPECT_THAT(check_types(pool).seen, HasSubstr("not to be had on spot"));
}

TEST(Ec2Checks, OneTypeAloneIsAWarning) {
  PoolOnEc2 pool = good();
  pool.ec2.instance_types = {"m7i.large"};
  EXPECT_EQ(check_types(pool).verdict, Verdict::warning);
  pool.ec2.on_demand = Ec2Pool::OnDemand::only;
  EXPECT_EQ(check_types(pool).verdict, Verdict::ok);
}

TEST(Ec2Checks, FewFreeAddressesAreAWarning) {
  PoolOnEc2 pool = good();
  pool.max = 201;
  EXPECT_EQ(check_subnets(pool).verdict, Verdict::warning);
  pool.subnets->clear();
  EXPECT_EQ(check_subnets(pool).verdict, Verdict::ok);
}

TEST(Ec2Checks, QuotasAreComparedWithWhatFullPoolsTakeByClassAndMarket) {
  PoolOnEc2 gpu = good();
  gpu.ec2.on_demand = Ec2Pool::OnDemand::only;
  gpu.max = 2;
  gpu.types = std::map<std::string, aws::InstanceType>{{"g5.xlarge", {4, true, {"x86_64"}}}};
  const auto needs = needs_of({good(), good(), gpu});
  ASSERT_EQ(needs.size(), 2U);
  EXPECT_EQ(needs[0].of->spot, "L-34B43A08");
  EXPECT_TRUE(needs[0].spot);
  EXPECT_EQ(needs[0].vcpus, 40);
  EXPECT_EQ(needs[1].of->on_demand, "L-DB2E81BA");
  EXPECT_EQ(needs[1].vcpus, 8);
  EXPECT_EQ(check_quota(needs[0], 40.0).verdict, Verdict::ok);
  EXPECT_EQ(check_quota(needs[0], 39.0).verdict, Verdict::warning);
  EXPECT_EQ(check_quota(needs[0], 0.0).verdict, Verdict::failed);
  EXPECT_THAT(check_quota(needs[0], 39.0).todo, HasSubstr("L-34B43A08"));
}

TEST(Ec2Checks, TypesCountAgainstTheQuotaOfTheirClass) {
  EXPECT_EQ(quota_class("m7i.large")->spot, "L-34B43A08");
  EXPECT_EQ(quota_class("im4gn.large")->spot, "L-34B43A08");
  EXPECT_EQ(quota_class("g5.xlarge")->spot, "L-3819A6DF");
  EXPECT_EQ(quota_class("vt1.3xlarge")->spot, "L-3819A6DF");
  for (const char* other : {"inf2.xlarge", "trn1.2xlarge", "hpc7g.4xlarge", "dl1.24xlarge",
                            "p5.48xlarge", "mac2.metal", ""}) {
    EXPECT_EQ(quota_class(other), nullptr) << other;
  }
}

TEST(Ec2Checks, TheSpotRoleIsNeededOnlyForSpot) {
  EXPECT_EQ(check_spot_role(true, true).verdict, Verdict::ok);
  EXPECT_EQ(check_spot_role(false, true).verdict, Verdict::failed);
  EXPECT_EQ(check_spot_role(false, false).verdict, Verdict::skipped);
  EXPECT_EQ(check_spot_role(core::fail(Fault::unauthorized, "AccessDenied"), true).verdict,
            Verdict::skipped);
}

}  // namespace
}  // namespace jitney::app
