// SPDX-License-Identifier: Apache-2.0
// Launching, against the stub of tests/aws/cloud.hpp: moto knows no client tokens, no error sets
// and no lags.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/aws/fleet_world.hpp"

namespace jitney::aws {

namespace {

using core::Fault;
using core::MachineState;
using testing::HasSubstr;
using tests::ids_of;

class Ec2LaunchTest : public testing::Test {
 protected:
  std::vector<std::string> types_asked() {
    std::vector<std::string> types;
    const auto calls = cloud.calls("CreateFleet");
    for (int n = 1; !calls.empty(); ++n) {
      const std::string name =
          "LaunchTemplateConfigs.1.Overrides." + std::to_string(n) + ".InstanceType";
      if (!calls.back().parameters.contains(name)) break;
      types.push_back(tests::get(calls.back().parameters, name));
    }
    return types;
  }

  tests::FleetWorld world;
  tests::Cloud& cloud = world.cloud;
};

TEST_F(Ec2LaunchTest, AsksForEveryTypeInEverySubnetSpotFirstThenOnDemand) {
  const auto spot = read_request(world.request(2));
  ASSERT_TRUE(spot);
  EXPECT_EQ(spot->market, Market::spot);
  EXPECT_EQ(spot->parameters.at("LaunchTemplateConfigs.1.Overrides.4.InstanceType"), "m7i.large");
  EXPECT_EQ(spot->parameters.at("LaunchTemplateConfigs.1.Overrides.4.SubnetId"), "subnet-b");
  EXPECT_EQ(
      spot->parameters.at("LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId"),
      "lt-0cpu");
  EXPECT_EQ(spot->parameters.at("LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version"),
            "2");
  const auto next = read_request(world.request(1, 1));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->market, Market::on_demand);
  EXPECT_FALSE(next->parameters.contains("LaunchTemplateConfigs.1.Overrides.3.InstanceType"));
}

TEST_F(Ec2LaunchTest, APoolWithoutSettingsCannotBeComposed) {
  core::Pool stranger;
  stranger.name = "gpu";
  EXPECT_EQ(world.fleet.compose(stranger, world.batch(), 0, 1).error().fault, Fault::invalid);
}

TEST(Ec2Compose, WithoutTypesAndSubnetsTheLaunchTemplateDecides) {
  auto options = tests::cloud_fleet_options();
  options.pools["cpu"].subnets.clear();
  options.pools["cpu"].rungs = {{Market::spot, {}}};
  tests::FleetWorld world(options);
  const auto request = read_request(world.request(1));
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->parameters.contains("LaunchTemplateConfigs.1.Overrides.1.SubnetId"));
  EXPECT_EQ(world.launched(1).machines.size(), 1U);
  EXPECT_EQ(world.cloud.count("DescribeSubnets"), 0);
}

TEST_F(Ec2LaunchTest, OneCallMakesManyMachines) {
  EXPECT_EQ(world.launched(50).machines.size(), 50U);
  EXPECT_EQ(cloud.count("CreateFleet"), 1);
}

TEST_F(Ec2LaunchTest, AMachineIsOursByTagFromItsFirstMoment) {
  world.launched(1);
  const auto tags = cloud.instances().front().tags;
  EXPECT_EQ(tags.at("jitney:deployment"), "prod");
  EXPECT_EQ(tags.at("jitney:pool"), "cpu");
  EXPECT_EQ(tags.at("jitney:batch"), "prod-cpu-1");
  EXPECT_EQ(tags.at("jitney:launch").size(), 64U);
}

TEST_F(Ec2LaunchTest, SendsTheSameBytesForTheSameRequest) {
  const std::string text = world.request(2);
  ASSERT_TRUE(world.fleet.launch(text, "prod-cpu-1/0"));
  ASSERT_TRUE(world.fleet.launch(text, "prod-cpu-1/0"));
  const auto calls = cloud.calls("CreateFleet");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].text, calls[1].text);
  EXPECT_EQ(cloud.instances().size(), 2U);
}

TEST_F(Ec2LaunchTest, FourOfSevenComeWithAllReasonsForTheOthers) {
  cloud.capacity("c7i.large", "us-east-1a", "spot", 1);
  cloud.capacity("c7i.large", "us-east-1b", "spot", 0, "SpotMaxPriceTooLow", "too low");
  cloud.capacity("m7i.large", "us-east-1a", "spot", 3);
  cloud.capacity("m7i.large", "us-east-1b", "spot", 0, "BrandNewReason", "who knows");
  const auto outcome = world.launched(7);
  EXPECT_EQ(ids_of(outcome.machines).size(), 4U);
  ASSERT_EQ(outcome.faults.size(), 3U);
  EXPECT_EQ(outcome.faults[0].fault, Fault::no_capacity);
  EXPECT_THAT(outcome.faults[0].what, HasSubstr("InsufficientInstanceCapacity"));
  EXPECT_THAT(outcome.faults[1].what, HasSubstr("SpotMaxPriceTooLow"));
  EXPECT_EQ(outcome.faults[2].fault, Fault::transient);
  EXPECT_THAT(outcome.faults[2].what, HasSubstr("BrandNewReason: who knows"));
}

TEST_F(Ec2LaunchTest, NothingButReasonsIsAnAnswerAndNoFailure) {
  for (const char* type : {"c7i.large", "m7i.large"}) {
    for (const char* zone : {"us-east-1a", "us-east-1b"}) cloud.capacity(type, zone, "spot", 0);
  }
  const auto outcome = world.launched(2);
  EXPECT_TRUE(outcome.machines.empty());
  EXPECT_EQ(outcome.faults.size(), 1U);
}

TEST_F(Ec2LaunchTest, TheNextRequestLeavesOutWhatHadNoCapacityUntilItDecays) {
  cloud.capacity("c7i.large", "us-east-1a", "spot", 0);
  cloud.capacity("c7i.large", "us-east-1b", "spot", 0);
  cloud.quota("spot", 3, "MaxSpotInstanceCountExceeded");
  world.launched(4);
  cloud.no_bounds();
  // Another process: what it shares is the ledger.
  Ec2Fleet other(tests::cloud_fleet_options(), world.client, world.ledger, world.clock);
  const auto launch = [&](const char* token) {
    const auto text = other.compose(world.pool(), world.batch(), 0, 1);
    ASSERT_TRUE(text) << text.error().what;
    ASSERT_TRUE(other.launch(*text, token));
  };
  launch("prod-cpu-2/0");
  EXPECT_EQ(types_asked(), (std::vector<std::string>{"m7i.large", "m7i.large"}));
  world.clock.advance(std::chrono::minutes(3));
  launch("prod-cpu-3/0");
  EXPECT_EQ(types_asked().size(), 4U);
}

TEST_F(Ec2LaunchTest, ALostAnswerMakesNoSecondSet) {
  cloud.lose_answers("CreateFleet", 4);
  const std::string text = world.request(3);
  const auto lost = world.fleet.launch(text, "prod-cpu-1/0");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().fault, Fault::transient);
  EXPECT_EQ(cloud.instances().size(), 3U);
  const auto again = world.fleet.launch(text, "prod-cpu-1/0");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->machines.size(), 3U);
  EXPECT_EQ(cloud.instances().size(), 3U);
}

TEST_F(Ec2LaunchTest, MachinesThatAreTooNewToBeDescribedAreNamedAllTheSame) {
  cloud.lag(2);
  const auto outcome = world.launched(2);
  ASSERT_EQ(outcome.machines.size(), 2U);
  EXPECT_EQ(outcome.machines.front().state, MachineState::pending);
  EXPECT_EQ(outcome.machines.front().pool, "cpu");
  EXPECT_EQ(outcome.machines.front().batch, "prod-cpu-1");
  EXPECT_TRUE(outcome.faults.empty());
}

TEST_F(Ec2LaunchTest, AnswersWithWhatIsGoneAlready) {
  const auto ids = ids_of(world.launched(2).machines);
  cloud.interrupt(ids.at(0));
  const auto outcome = world.launched(2);
  ASSERT_EQ(ids_of(outcome.machines), ids);
  for (const auto& machine : outcome.machines) {
    EXPECT_EQ(machine.state == MachineState::stopping, machine.id == ids.at(0));
  }
  EXPECT_TRUE(outcome.faults.empty());
}

TEST_F(Ec2LaunchTest, ATokenOfMachinesThatAreGoneIsAnsweredWithThem) {
  const auto ids = ids_of(world.launched(2).machines);
  ASSERT_TRUE(world.fleet.stop(ids));
  cloud.refuse_next("CreateFleet", {400, "IdempotentInstanceTerminated", "", ""}, 100);
  const auto outcome = world.launched(2);
  ASSERT_EQ(ids_of(outcome.machines), ids);
  EXPECT_EQ(outcome.machines.front().state, MachineState::stopping);
}

TEST_F(Ec2LaunchTest, ARefusalThatOnlySpeaksOfMachinesThatAreGoneIsARefusal) {
  cloud.refuse_next("CreateFleet",
                    {400, "InvalidParameter", "see IdempotentInstanceTerminated", ""}, 100);
  const auto refused = world.fleet.launch(world.request(2), "prod-cpu-1/0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::invalid);
}

TEST_F(Ec2LaunchTest, TheSameTokenForOtherParametersIsRefusedByEc2) {
  const std::string text = world.request(2);
  ASSERT_TRUE(world.fleet.launch(text, "prod-cpu-1/0"));
  const auto refused = world.fleet.launch(world.request(3), "prod-cpu-1/0");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("IdempotentParameterMismatch"));
  EXPECT_EQ(cloud.instances().size(), 2U);
}

TEST_F(Ec2LaunchTest, ALedgerThatBeginsAnewIsNotAnsweredWithMachinesOfItsFormerLife) {
  const auto before = ids_of(world.launched(2).machines);
  world.clock.advance(std::chrono::hours(1));
  const auto after = ids_of(world.launched(2).machines);
  EXPECT_NE(before, after);
  EXPECT_EQ(after.size(), 2U);
}

TEST_F(Ec2LaunchTest, AThrottleWaitsAsLongAsItSays) {
  cloud.refuse_next("CreateFleet", {503, "RequestLimitExceeded", "Request limit exceeded.", ""}, 2);
  EXPECT_EQ(world.launched(1).machines.size(), 1U) << "a short one is over before anyone notices";
  cloud.refuse_next("CreateFleet", {503, "RequestLimitExceeded", "Request limit exceeded.", ""},
                    100);
  const auto throttled = world.fleet.launch(world.request(2), "t/1");
  ASSERT_FALSE(throttled);
  EXPECT_EQ(throttled.error().fault, Fault::throttled);
  cloud.refuse_next("CreateFleet", {503, "RequestLimitExceeded", "Request limit exceeded.", "40"},
                    100);
  const auto told = world.fleet.launch(world.request(2), "t/1");
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().fault, Fault::throttled);
  EXPECT_EQ(told.error().retry_after, std::chrono::seconds(40));
  EXPECT_EQ(cloud.instances().size(), 1U);
}

TEST_F(Ec2LaunchTest, DescribesOnlyWithFiltersAndPages) {
  cloud.page_size(2);
  const auto ids = ids_of(world.launched(5).machines);
  EXPECT_EQ(ids_of(world.fleet.list().value()), ids);
  for (const auto& call : cloud.calls("DescribeInstances")) {
    EXPECT_TRUE(call.parameters.contains("Filter.1.Value.1"));
    EXPECT_TRUE(call.parameters.contains("MaxResults"));
    EXPECT_FALSE(call.parameters.contains("InstanceId.1"));
  }
}

TEST_F(Ec2LaunchTest, ListsWhatIsOursAndNotGone) {
  const auto ids = ids_of(world.launched(4).machines);
  cloud.interrupt(ids.at(0));
  cloud.set_state(ids.at(1), "stopped");
  cloud.set_state(ids.at(2), "shutting-down");
  Ec2FleetOptions stranger = tests::cloud_fleet_options();
  stranger.deployment = "test";
  Ec2Fleet other(stranger, world.client, world.ledger, world.clock);
  EXPECT_TRUE(other.list()->empty());
  EXPECT_EQ(other.find(ids.at(3)).value(), std::nullopt);
  const auto listed = world.fleet.list().value();
  ASSERT_EQ(ids_of(listed), std::vector(ids.begin() + 1, ids.end()));
  EXPECT_EQ(listed[0].state, MachineState::ended) << "it stands still and still costs money";
  EXPECT_EQ(listed[1].state, MachineState::stopping);
  EXPECT_EQ(listed[2].state, MachineState::pending);
  EXPECT_EQ(world.fleet.find(ids.at(0)).value(), std::nullopt);
}

}  // namespace

}  // namespace jitney::aws
