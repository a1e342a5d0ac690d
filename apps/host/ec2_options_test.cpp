// SPDX-License-Identifier: Apache-2.0
#include "apps/host/ec2_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using ::testing::ElementsAre;

Config good(const std::string& pool_line, const std::string& fleet_line = "") {
  auto config = parse_config(R"(fleet = "ec2"
[[github]]
url = "https://github.com/acme"
token = { env = "T" }
webhook_secret = { env = "H" }
[[pool]]
name = "linux"
[pool.ec2]
instance_types = ["m7i.large", "m6i.large"]
)" + pool_line + R"(
[aws]
region = "eu-west-1"
bucket = "jit-bucket"
[ec2]
machine_role_id = "AROAEXAMPLE"
runner_script = "s3://scripts/jitney-runner"
)" + fleet_line,
                             "t.toml");
  EXPECT_TRUE(config) << config.error().what;
  return config ? *config : Config{};
}

TEST(Ec2Options, RungsGoFromSpotToOnDemandAsFarAsThePoolHasThem) {
  const auto rungs = [](const std::string& line) {
    std::vector<std::string> all;
    const auto options = ec2_options(good(line));
    for (const auto& rung : options.pools.at("linux").rungs) {
      std::string text(aws::to_string(rung.market));
      for (const std::string& type : rung.instance_types) text += " " + type;
      all.push_back(text);
    }
    return all;
  };
  EXPECT_THAT(rungs(""), ElementsAre("spot m7i.large m6i.large", "on-demand m7i.large m6i.large"));
  EXPECT_THAT(rungs("on_demand = \"never\""), ElementsAre("spot m7i.large m6i.large"));
  EXPECT_THAT(rungs("on_demand = \"only\""), ElementsAre("on-demand m7i.large m6i.large"));
  EXPECT_THAT(rungs("other_types = [\"c7i.xlarge\"]"),
              ElementsAre("spot m7i.large m6i.large", "spot c7i.xlarge",
                          "on-demand m7i.large m6i.large c7i.xlarge"));
}

TEST(Ec2Options, TheFleetGetsWhatTheFileSays) {
  const auto options =
      ec2_options(good("launch_template = \"lt-0abc\"\ntemplate_version = \"7\"",
                       "log_group = \"/jitney/runners\"\njit_bucket = \"other-bucket\""));
  EXPECT_EQ(options.deployment, "jitney");
  EXPECT_EQ(options.pools.at("linux").launch_template, "lt-0abc");
  EXPECT_EQ(options.pools.at("linux").template_version, "7");
  EXPECT_EQ(options.ssm.region, "eu-west-1");
  EXPECT_EQ(options.ssm.jit_bucket, "other-bucket");
  EXPECT_EQ(options.ssm.machine_role_id, "AROAEXAMPLE");
  EXPECT_EQ(options.ssm.script, "s3://scripts/jitney-runner");
  EXPECT_EQ(options.ssm.log_group, "/jitney/runners");
}

}  // namespace
}  // namespace jitney::app
