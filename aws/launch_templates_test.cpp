// SPDX-License-Identifier: Apache-2.0
#include "aws/launch_templates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/aws/fleet_world.hpp"

namespace jitney::aws {

namespace {

using core::Fault;
using testing::HasSubstr;

class LaunchTemplatesTest : public testing::Test {
 protected:
  tests::FleetWorld world;
  LaunchTemplates templates{world.client};
};

TEST_F(LaunchTemplatesTest, AreFoundByNameOrIdWithTheNumberOfTheVersion) {
  for (const char* name : {"cpu", "lt-0cpu"}) {
    const auto by_default = templates.find(name, "$Default");
    ASSERT_TRUE(by_default) << by_default.error().what;
    EXPECT_EQ(by_default->id, "lt-0cpu");
    EXPECT_EQ(by_default->version, "2");
    EXPECT_EQ(templates.find(name, "$Latest")->version, "3");
    EXPECT_EQ(templates.find(name, "7")->version, "7");
  }
}

TEST_F(LaunchTemplatesTest, AreAskedForOnce) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(templates.find("cpu", "$Default"));
  EXPECT_EQ(world.cloud.count("DescribeLaunchTemplates"), 1);
}

TEST_F(LaunchTemplatesTest, OneThatIsMissingIsSomethingForAPerson) {
  for (const char* name : {"gpu", "lt-0gpu"}) {
    const auto found = templates.find(name, "$Default");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().fault, Fault::invalid);
    EXPECT_THAT(found.error().what, HasSubstr(std::string("no launch template ") + name));
    EXPECT_THAT(found.error().what, HasSubstr("launch_template of [pool.ec2]"));
  }
}

TEST_F(LaunchTemplatesTest, AThrottleIsNoMissingTemplate) {
  world.cloud.refuse_next("DescribeLaunchTemplates",
                          {503, "RequestLimitExceeded", "Request limit exceeded.", ""}, 10);
  EXPECT_EQ(templates.find("cpu", "$Default").error().fault, Fault::throttled);
}

TEST_F(LaunchTemplatesTest, ZonesAreAskedForOnceASubnet) {
  const std::map<std::string, std::string> both{{"subnet-a", "us-east-1a"},
                                                {"subnet-b", "us-east-1b"}};
  EXPECT_EQ(templates.zones({"subnet-a", "subnet-b"}), both);
  EXPECT_EQ(templates.zones({"subnet-b", "subnet-a"}), both);
  EXPECT_EQ(templates.zones({}), (std::map<std::string, std::string>{}));
  EXPECT_EQ(world.cloud.count("DescribeSubnets"), 1);
}

TEST_F(LaunchTemplatesTest, ASubnetThatIsMissingIsSomethingForAPerson) {
  const auto zones = templates.zones({"subnet-a", "subnet-z"});
  ASSERT_FALSE(zones);
  EXPECT_EQ(zones.error().fault, Fault::invalid);
  EXPECT_THAT(zones.error().what, HasSubstr("subnet-z"));
}

}  // namespace

}  // namespace jitney::aws
