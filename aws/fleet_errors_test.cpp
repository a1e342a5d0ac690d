// SPDX-License-Identifier: Apache-2.0
#include "aws/fleet_errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::aws {

namespace {

using core::Fault;
using testing::HasSubstr;

TEST(FleetErrors, SayWhatToDoAndHowFarTheyReach) {
  struct Row {
    const char* code;
    Fault fault;
    Concern concern;
  };
  for (const Row& row : {
           Row{"InsufficientInstanceCapacity", Fault::no_capacity, Concern::offering},
           Row{"InsufficientCapacity", Fault::no_capacity, Concern::offering},
           Row{"InsufficientHostCapacity", Fault::no_capacity, Concern::offering},
           Row{"InsufficientReservedInstanceCapacity", Fault::no_capacity, Concern::offering},
           Row{"ReservationCapacityExceeded", Fault::no_capacity, Concern::offering},
           Row{"UnfulfillableCapacity", Fault::no_capacity, Concern::offering},
           Row{"SpotMaxPriceTooLow", Fault::no_capacity, Concern::offering},
           Row{"Unsupported", Fault::no_capacity, Concern::offering},
           Row{"InsufficientFreeAddressesInSubnet", Fault::no_capacity, Concern::subnet},
           Row{"InsufficientVolumeCapacity", Fault::no_capacity, Concern::subnet},
           Row{"VcpuLimitExceeded", Fault::no_capacity, Concern::quota},
           Row{"InstanceLimitExceeded", Fault::no_capacity, Concern::quota},
           Row{"MaxSpotInstanceCountExceeded", Fault::no_capacity, Concern::quota},
           Row{"MaxFleetCountExceeded", Fault::no_capacity, Concern::quota},
           Row{"VolumeLimitExceeded", Fault::no_capacity, Concern::quota},
           Row{"RequestLimitExceeded", Fault::throttled, Concern::request},
           Row{"UnauthorizedOperation", Fault::unauthorized, Concern::request},
           Row{"PendingVerification", Fault::not_ready, Concern::request},
           Row{"InvalidAMIID.NotFound", Fault::invalid, Concern::request},
           Row{"InternalError", Fault::transient, Concern::request},
           Row{"InvalidFleetConfiguration", Fault::invalid, Concern::request},
           Row{"BrandNewReason", Fault::transient, Concern::request},
       }) {
    const FleetError error = judge_fleet_error(row.code, "words");
    EXPECT_EQ(error.fault, row.fault) << row.code;
    EXPECT_EQ(error.concern, row.concern) << row.code;
  }
}

TEST(FleetErrors, ATypeThatAZoneDoesNotSellIsNoMistakeOfTheWholeRequest) {
  const FleetError error =
      judge_fleet_error("InvalidFleetConfiguration",
                        "Your requested instance type (c7i.large) is not supported in your "
                        "requested Availability Zone (us-east-1e).");
  EXPECT_EQ(error.fault, Fault::no_capacity);
  EXPECT_EQ(error.concern, Concern::offering);
}

TEST(FleetErrors, AQuotaSaysWhomToAsk) {
  EXPECT_THAT(judge_fleet_error("VcpuLimitExceeded", "limit of 32").message,
              HasSubstr("limit of 32; ask AWS for a higher vCPU quota"));
}

TEST(FleetErrors, MessagesArePrintableAndBounded) {
  const FleetError error = judge_fleet_error("X", "a\nb" + std::string(5000, 'c'));
  EXPECT_EQ(error.message.substr(0, 3), "a b");
  EXPECT_LE(error.message.size(), 300U);
}

TEST(FleetErrors, NoMessageEndsInHalfACharacter) {
  // A euro sign has three bytes; one of these cuts falls into each of its gaps.
  for (const std::size_t before : {297U, 298U, 299U}) {
    const std::string whole(before, 'c');
    const std::string message = judge_fleet_error("X", whole + "\u20ac and more").message;
    EXPECT_EQ(message, before == 297 ? whole + "\u20ac" : whole);
  }
}

TEST(FleetAnswer, NamesNoMachineWhereEc2NamesNone) {
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(
      "<a><fleetInstanceSet><item><instanceIds><item/><item>i-1</item></instanceIds></item>"
      "</fleetInstanceSet></a>"));
  EXPECT_THAT(read_fleet(document).machines, testing::ElementsAre("i-1"));
}

constexpr const char* kAnswer = R"(<?xml version="1.0" encoding="UTF-8"?>
<CreateFleetResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
 <requestId>r</requestId><fleetId>fleet-1</fleetId>
 <errorSet>
  <item><launchTemplateAndOverrides><overrides><instanceType>c7i.large</instanceType>
   <subnetId>subnet-a</subnetId></overrides></launchTemplateAndOverrides><lifecycle>spot</lifecycle>
   <errorCode>InsufficientInstanceCapacity</errorCode><errorMessage>none</errorMessage></item>
  <item><launchTemplateAndOverrides><overrides><instanceType>c7i.large</instanceType>
   <subnetId>subnet-b</subnetId></overrides></launchTemplateAndOverrides><lifecycle>spot</lifecycle>
   <errorCode>InsufficientInstanceCapacity</errorCode><errorMessage>none</errorMessage></item>
  <item><launchTemplateAndOverrides><overrides><instanceType>p5.large</instanceType>
   <subnetId>subnet-b</subnetId></overrides></launchTemplateAndOverrides><lifecycle>spot</lifecycle>
   <errorCode>VcpuLimitExceeded</errorCode><errorMessage>limit</errorMessage></item>
 </errorSet>
 <fleetInstanceSet>
  <item><launchTemplateAndOverrides><overrides><instanceType>m7i.large</instanceType>
   <subnetId>subnet-b</subnetId></overrides></launchTemplateAndOverrides><lifecycle>spot</lifecycle>
   <instanceIds><item>i-1</item><item>i-2</item></instanceIds>
   <instanceType>m7i.large</instanceType></item>
  <item><lifecycle>spot</lifecycle><instanceIds><item>i-3</item></instanceIds>
   <instanceType>r7i.large</instanceType></item>
 </fleetInstanceSet>
</CreateFleetResponse>)";

FleetAnswer parsed() {
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(kAnswer));
  return read_fleet(document);
}

TEST(FleetAnswer, NamesMachinesAndWhereTheyCameFrom) {
  const FleetAnswer answer = parsed();
  EXPECT_EQ(answer.fleet, "fleet-1");
  EXPECT_THAT(answer.machines, testing::ElementsAre("i-1", "i-2", "i-3"));
  ASSERT_EQ(answer.given.size(), 2U);
  EXPECT_EQ(answer.given[0], (Offering{"m7i.large", "subnet-b", ""}));
  EXPECT_EQ(answer.given[1].instance_type, "r7i.large");
}

TEST(FleetAnswer, GathersReasonsForPeople) {
  const auto faults = faults_of(parsed(), Market::spot);
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].what,
            "EC2 CreateFleet (spot, c7i.large in subnet-a, c7i.large in subnet-b): "
            "InsufficientInstanceCapacity: none (fleet-1)");
  EXPECT_EQ(faults[1].fault, Fault::no_capacity);
  EXPECT_THAT(faults[1].what, HasSubstr("p5.large in subnet-b): VcpuLimitExceeded: limit; ask"));
}

}  // namespace

}  // namespace jitney::aws
