// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/config/config.hpp"

namespace jitney::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Line 9 is the first of [pool.ec2], line 10 the second; line 16 comes after [ec2].
std::string file(const std::string& pool_line, const std::string& fleet_line = "",
                 const std::string& types = "instance_types = [\"m7i.large\", \"m6i.large\"]") {
  return "fleet = \"ec2\"\n"
         "[[github]]\n"
         "url = \"https://github.com/acme\"\n"
         "token = { env = \"T\" }\n"
         "webhook_secret = { env = \"H\" }\n"
         "[[pool]]\n"
         "name = \"linux\"\n"
         "[pool.ec2]\n" +
         types + "\n" + pool_line +
         "\n"
         "[aws]\n"
         "region = \"eu-west-1\"\n"
         "bucket = \"jit-bucket\"\n"
         "[ec2]\n"
         "machine_role_id = \"AROAEXAMPLE\"\n" +
         (fleet_line.find("runner_script") == std::string::npos
              ? "runner_script = \"s3://scripts/jitney-runner\"\n"
              : "") +
         fleet_line + "\n";
}

Config good(const std::string& text) {
  auto config = parse_config(text, "t.toml");
  EXPECT_TRUE(config) << config.error().what;
  return config ? *config : Config{};
}

TEST(ConfigEc2, FillsInDefaults) {
  const Config config = good(file(""));
  EXPECT_EQ(config.fleet, FleetKind::ec2);
  EXPECT_EQ(config.ec2.jit_bucket, "jit-bucket");
  const Ec2Pool& pool = config.ec2_pools.at("linux");
  EXPECT_EQ(pool.launch_template, "linux");
  EXPECT_EQ(pool.template_version, "$Default");
  EXPECT_EQ(pool.on_demand, Ec2Pool::OnDemand::fallback);
  EXPECT_TRUE(pool.subnets.empty());
}

TEST(ConfigEc2, APoolsOwnSubnetsComeBeforeThoseOfTheFleet) {
  const std::string fleet = "subnets = [\"subnet-0a\", \"subnet-0b\"]";
  EXPECT_THAT(good(file("", fleet)).ec2_pools.at("linux").subnets,
              ElementsAre("subnet-0a", "subnet-0b"));
  EXPECT_THAT(good(file("subnets = [\"subnet-0c\"]", fleet)).ec2_pools.at("linux").subnets,
              ElementsAre("subnet-0c"));
}

TEST(ConfigEc2, NothingOfItIsRequiredOfProcesses) {
  const Config config = good(
      "[[github]]\nurl = \"https://github.com/acme\"\ntoken = { env = \"T\" }\n"
      "webhook_secret = { env = \"H\" }\n[[pool]]\nname = \"linux\"\n"
      "[pool.process]\nrunner_dir = \"/r\"\n");
  EXPECT_EQ(config.fleet, FleetKind::process);
}

struct Mistake {
  const char* name;
  std::string text;
  const char* line;
};
std::ostream& operator<<(std::ostream& out, const Mistake& mistake) { return out << mistake.name; }

class ConfigEc2Mistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ConfigEc2Mistake, IsToldWithPlaceAndWhatToWrite) {
  const auto config = parse_config(GetParam().text, "t.toml");
  ASSERT_FALSE(config);
  EXPECT_THAT("\n" + config.error().what, HasSubstr(std::string("\n") + GetParam().line));
  EXPECT_THAT(config.error().what, Not(HasSubstr("\n")));
}

std::string without(std::string text, const std::string& part) {
  text.erase(text.find(part), part.size());
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConfigEc2Mistake,
    ::testing::ValuesIn(std::vector<Mistake>{
        {"NoTypes", file("", "", ""),
         "t.toml:8:1: instance_types is missing in [pool.ec2]; write instance_types = [\"m7i"},
        {"EmptyTypes", file("", "", "instance_types = []"),
         "t.toml:9:18: instance_types is empty; write types like"},
        {"Type", file("", "", "instance_types = [\"large\"]"),
         "t.toml:9:18: instance_types has \"large\"; write types like"},
        {"OtherType", file("other_types = [\"m7i large\"]"),
         "t.toml:10:15: other_types has \"m7i large\"; write types like"},
        {"Template", file("launch_template = \"a b\""),
         "t.toml:10:19: launch_template is \"a b\"; write a launch template's name or its id"},
        {"Version", file("template_version = \"newest\""),
         "t.toml:10:20: template_version is \"newest\"; write \"$Default\", \"$Latest\""},
        {"VersionZero", file("template_version = \"0\""), "t.toml:10:20: template_version is"},
        {"Subnet", file("subnets = [\"vpc-1\"]"),
         "t.toml:10:11: subnets has \"vpc-1\"; write subnets = [\"subnet-0123abcd\"]"},
        {"OnDemand", file("on_demand = \"sometimes\""),
         "t.toml:10:13: on_demand is \"sometimes\"; write \"never\", \"fallback\" or \"only\""},
        {"UnknownKey", file("instance_type = \"m7i.large\""),
         "t.toml:10:1: \"instance_type\" is not known in [pool.ec2]; write instance_types"},
        {"RoleName",
         without(file("", "machine_role_id = \"machines\""), "machine_role_id = \"AROAEXAMPLE\"\n"),
         "t.toml:16:19: machine_role_id is \"machines\"; write the RoleId that `aws iam get-role`"},
        {"NoRole", without(file(""), "machine_role_id = \"AROAEXAMPLE\"\n"),
         "t.toml:14:1: machine_role_id is missing in [ec2]; write machine_role_id = \"AROA"},
        {"NoScript", without(file(""), "runner_script = \"s3://scripts/jitney-runner\"\n"),
         "t.toml:14:1: runner_script is missing in [ec2]; write runner_script = \"s3://"},
        {"Script", file("", "runner_script = \"https://example.com/x\""),
         "t.toml:16:17: runner_script is \"https://example.com/x\"; write \"s3://BUCKET/"},
        {"ScriptOfTwoWords", file("", "runner_script = \"s3://scripts/a;reboot\""),
         "t.toml:16:17: runner_script is \"s3://scripts/a;reboot\"; write"},
        {"Bucket", file("", "jit_bucket = \"a\""),
         "t.toml:17:14: jit_bucket is \"a\"; write an S3"},
        {"NoBucket", without(file(""), "bucket = \"jit-bucket\"\n"),
         "t.toml:13:1: jit_bucket is missing in [ec2]; write jit_bucket = \"NAME\""},
        {"LogGroup", file("", "log_group = \"a b\""), "t.toml:17:13: log_group is \"a b\"; write"},
        {"NoRegion", without(file(""), "region = \"eu-west-1\"\n"),
         "t.toml:1:9: fleet \"ec2\" needs a region; write region = \"eu-west-1\" in [aws]"},
    }),
    [](const auto& mistake) { return std::string(mistake.param.name); });

TEST(ConfigEc2, MoreOverridesThanEc2TakesAreRefused) {
  std::string types;
  for (int i = 0; i < 101; ++i) types += "\"m" + std::to_string(i) + ".large\",";
  const std::string text = file("subnets = [\"subnet-a\", \"subnet-b\", \"subnet-c\"]", "",
                                "instance_types = [" + types + "]");
  const auto config = parse_config(text, "t.toml");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().what, HasSubstr("more than 300, EC2's bound"));
}

}  // namespace
}  // namespace jitney::app
