// SPDX-License-Identifier: Apache-2.0
#include "aws/ec2_request.hpp"

#include <gtest/gtest.h>

namespace jitney::aws {

namespace {

using core::Fault;

LaunchOrder order() {
  return {.deployment = "prod",
          .pool = "cpu",
          .batch = "prod-cpu-17",
          .claimed = core::Time(core::Duration(1'800'000'000'123)),
          .template_id = "lt-0abc",
          .template_version = "4",
          .market = Market::spot,
          .count = 3,
          .offerings = {{"c7i.large", "subnet-a", "us-east-1a"},
                        {"m7i.large", "subnet-b", "us-east-1b"}}};
}

TEST(LaunchRequest, IsWhatGoesOverTheWire) {
  const std::string expected =
      "Action=CreateFleet&"
      "LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId=lt-0abc&"
      "LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version=4&"
      "LaunchTemplateConfigs.1.Overrides.1.InstanceType=c7i.large&"
      "LaunchTemplateConfigs.1.Overrides.1.SubnetId=subnet-a&"
      "LaunchTemplateConfigs.1.Overrides.2.InstanceType=m7i.large&"
      "LaunchTemplateConfigs.1.Overrides.2.SubnetId=subnet-b&"
      "OnDemandOptions.AllocationStrategy=lowest-price&"
      "SpotOptions.AllocationStrategy=price-capacity-optimized&"
      "TagSpecification.1.ResourceType=instance&";
  EXPECT_EQ(write_request(order()).substr(0, expected.size()), expected);
}

TEST(LaunchRequest, AsksForAnInstantFleetThatWeighsPriceAndCapacity) {
  const auto read = read_request(write_request(order()));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->parameters.at("Type"), "instant");
  EXPECT_EQ(read->parameters.at("SpotOptions.AllocationStrategy"), "price-capacity-optimized");
  EXPECT_EQ(read->parameters.at("TargetCapacitySpecification.TotalTargetCapacity"), "3");
  EXPECT_EQ(read->parameters.at("TargetCapacitySpecification.DefaultTargetCapacityType"), "spot");
}

TEST(LaunchRequest, ReadsBackWhatItWrote) {
  for (const Market market : {Market::spot, Market::on_demand}) {
    LaunchOrder made = order();
    made.market = market;
    const auto read = read_request(write_request(made));
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(read->pool, "cpu");
    EXPECT_EQ(read->batch, "prod-cpu-17");
    EXPECT_EQ(read->claimed, "2027-01-15T08:00:00.123Z");
    EXPECT_EQ(read->market, market);
    EXPECT_EQ(read->count, 3);
  }
}

TEST(LaunchRequest, TagsMachinesVolumesAndTheFleetFromTheStart) {
  const auto read = read_request(write_request(order()));
  ASSERT_TRUE(read);
  for (const auto& [number, type] : {std::pair{"1", "instance"}, {"2", "volume"}, {"3", "fleet"}}) {
    const std::string prefix = "TagSpecification." + std::string(number) + ".";
    EXPECT_EQ(read->parameters.at(prefix + "ResourceType"), type);
    std::map<std::string, std::string> tags;
    for (int tag = 1; tag <= 5; ++tag) {
      const std::string at = prefix + "Tag." + std::to_string(tag) + ".";
      tags[read->parameters.at(at + "Key")] = read->parameters.at(at + "Value");
    }
    EXPECT_EQ(tags["jitney:deployment"], "prod");
    EXPECT_EQ(tags["jitney:pool"], "cpu");
    EXPECT_EQ(tags["jitney:batch"], "prod-cpu-17");
    EXPECT_EQ(tags["Name"], "prod-cpu");
  }
}

TEST(LaunchRequest, RefusesWhatItDidNotWrite) {
  const std::string good = write_request(order());
  std::string no_count = good;
  no_count.replace(no_count.find("TotalTargetCapacity=3"), 21, "TotalTargetCapacity=x");
  std::string no_pool = good;
  for (auto at = no_pool.find("%3Apool"); at != std::string::npos; at = no_pool.find("%3Apool")) {
    no_pool.replace(at, 7, "%3Apoop");
  }
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("Action=CreateFleet&"), good + "&x",
        good + "&Type=instant", good + "&y=%zz", no_count, no_pool,
        good + "&z=" + std::string(300'000, 'z')}) {
    const auto read = read_request(text);
    ASSERT_FALSE(read) << text.substr(0, 80);
    EXPECT_EQ(read.error().fault, Fault::invalid);
  }
}

TEST(ClientToken, FitsEc2AndNamesOneRungOfOneClaim) {
  const auto request = read_request(write_request(order()));
  LaunchOrder other = order();
  other.claimed += std::chrono::milliseconds(1);
  const auto later = read_request(write_request(other));
  ASSERT_TRUE(request && later);
  const std::string token = client_token(*request, "prod-cpu-17/0");
  EXPECT_EQ(token.size(), 64U);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(token, client_token(*request, "prod-cpu-17/0"));
  EXPECT_NE(token, client_token(*request, "prod-cpu-17/1"));
  EXPECT_NE(token, client_token(*later, "prod-cpu-17/0"));
}

TEST(ClientToken, IsATagOfTheMachinesToo) {
  const auto request = read_request(write_request(order()));
  ASSERT_TRUE(request);
  const Parameters sent = with_token(*request, "abc");
  EXPECT_EQ(sent.at("ClientToken"), "abc");
  EXPECT_EQ(sent.at("TagSpecification.1.Tag.6.Key"), "jitney:launch");
  EXPECT_EQ(sent.at("TagSpecification.1.Tag.6.Value"), "abc");
}

TEST(Filters, AreNumberedInOrder) {
  Parameters parameters;
  add_filter(parameters, "instance-id", {"i-1", "i-2"});
  add_filter(parameters, "tag:jitney:deployment", {"prod"});
  const Parameters expected{{"Filter.1.Name", "instance-id"},
                            {"Filter.1.Value.1", "i-1"},
                            {"Filter.1.Value.2", "i-2"},
                            {"Filter.2.Name", "tag:jitney:deployment"},
                            {"Filter.2.Value.1", "prod"}};
  EXPECT_EQ(parameters, expected);
}

}  // namespace

}  // namespace jitney::aws
