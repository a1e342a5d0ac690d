// SPDX-License-Identifier: Apache-2.0
// Stopping, against the stub of tests/aws/cloud.hpp: it fails a whole call for one bad id, as EC2
// does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/aws/fleet_world.hpp"

namespace jitney::aws {

namespace {

using core::Fault;
using core::MachineId;
using testing::UnorderedElementsAreArray;
using tests::ids_of;

class Ec2StopTest : public testing::Test {
 protected:
  tests::FleetWorld world;
  tests::Cloud& cloud = world.cloud;
};

TEST_F(Ec2StopTest, ManyMachinesTakeOneCall) {
  const auto ids = ids_of(world.launched(30, 1).machines);
  EXPECT_THAT(world.fleet.stop(ids).value(), UnorderedElementsAreArray(ids));
  EXPECT_EQ(cloud.count("TerminateInstances"), 1);
}

TEST_F(Ec2StopTest, OneBadIdHoldsUpNoOther) {
  auto ids = ids_of(world.launched(9).machines);
  ids.insert(ids.begin() + 4, "i-0000000000000dead");
  ids.insert(ids.begin() + 7, "i-00000bad");
  ids.insert(ids.begin(), "i-0000000000bad");  // of a length that EC2 calls malformed
  ids.emplace_back("unknown-machine");
  EXPECT_THAT(world.fleet.stop(ids).value(), UnorderedElementsAreArray(ids));
  for (const auto& instance : cloud.instances()) EXPECT_EQ(instance.state, "shutting-down");
}

TEST_F(Ec2StopTest, AThrottleEndsNothingAndSaysSo) {
  const auto ids = ids_of(world.launched(2).machines);
  cloud.refuse_next("TerminateInstances", {503, "RequestLimitExceeded", "", ""}, 100);
  const auto stopped = world.fleet.stop(ids);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().fault, Fault::throttled);
}

TEST_F(Ec2StopTest, OneThatMayNotBeTouchedHoldsUpNoOther) {
  const auto ids = ids_of(world.launched(2).machines);
  cloud.refuse_next("TerminateInstances", {403, "UnauthorizedOperation", "", ""}, 2);
  EXPECT_EQ(world.fleet.stop(ids).value(), std::vector<MachineId>{ids.at(1)});
}

TEST_F(Ec2StopTest, SpotRequestsAreCancelledBeforeTheirMachineGoes) {
  cloud.persistent_requests();
  const auto ids = ids_of(world.launched(2).machines);
  EXPECT_EQ(world.fleet.stop(ids)->size(), 2U);
  for (const auto& [id, state] : cloud.spot_requests()) EXPECT_EQ(state, "cancelled");
  EXPECT_EQ(cloud.instances().size(), 2U) << "a request that stayed launched another one";
}

TEST_F(Ec2StopTest, OnDemandMachinesHaveNoRequestToCancel) {
  EXPECT_EQ(world.fleet.stop(ids_of(world.launched(2, 1).machines))->size(), 2U);
  EXPECT_EQ(cloud.count("CancelSpotInstanceRequests"), 0);
}

TEST(Ec2Stop, WithoutSpotPoolsNobodyAsksForRequests) {
  auto options = tests::cloud_fleet_options();
  options.pools["cpu"].rungs = {{Market::on_demand, {"c7i.large"}}};
  tests::FleetWorld world(options);
  EXPECT_EQ(world.fleet.stop(ids_of(world.launched(2).machines))->size(), 2U);
  EXPECT_EQ(world.cloud.count("DescribeSpotInstanceRequests"), 0);
}

TEST_F(Ec2StopTest, AMachineWhoseRequestStaysEndsButIsNotCalledGoneYet) {
  const auto ids = ids_of(world.launched(1).machines);
  cloud.refuse_next("CancelSpotInstanceRequests", {503, "Unavailable", "", ""}, 4);
  EXPECT_FALSE(world.fleet.stop(ids));
  EXPECT_EQ(cloud.instance(ids.at(0)).state, "shutting-down");
  EXPECT_EQ(world.fleet.stop(ids).value(), ids);
}

TEST_F(Ec2StopTest, AMachineThatIsGoneForHoursIsGone) {
  EXPECT_EQ(world.fleet.stop(std::vector<MachineId>{"i-0000000000000dead"})->size(), 1U);
}

}  // namespace

}  // namespace jitney::aws
