// SPDX-License-Identifier: Apache-2.0
#include "aws/capacity_memory.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_ledger.hpp"

namespace jitney::aws {

namespace {

using std::chrono::minutes;

const Offering kSmallA{"c7i.large", "subnet-a", "us-east-1a"};
const Offering kSmallB{"c7i.large", "subnet-b", "us-east-1b"};
const Offering kLargeA{"m7i.large", "subnet-a", "us-east-1a"};

class CapacityMemoryTest : public testing::Test {
 protected:
  void refuse(std::vector<Offering> offerings,
              const std::string& code = "InsufficientInstanceCapacity",
              std::vector<Offering> given = {}) {
    FleetAnswer answer;
    for (Offering& offering : offerings) {
      FleetError error = judge_fleet_error(code, "none");
      error.offering = std::move(offering);
      answer.errors.push_back(std::move(error));
    }
    answer.given = std::move(given);
    memory.learn(Market::spot, answer);
  }
  std::vector<Offering> promising(Market market = Market::spot) {
    return memory.promising(market, {kSmallA, kSmallB, kLargeA});
  }

  const std::vector<Offering> all{kSmallA, kSmallB, kLargeA};
  fakes::FakeClock clock;
  fakes::FakeLedger ledger;
  CapacityMemory memory{ledger, clock};
};

TEST_F(CapacityMemoryTest, LeavesOutWhatHadNoneInThatMarketAlone) {
  EXPECT_EQ(promising(), all);
  refuse({kSmallA});
  EXPECT_EQ(promising(), (std::vector{kSmallB, kLargeA}));
  EXPECT_EQ(promising(Market::on_demand), all);
}

TEST_F(CapacityMemoryTest, IsKnownToOtherProcesses) {
  refuse({kSmallA});
  CapacityMemory other(ledger, clock);
  EXPECT_EQ(other.promising(Market::spot, all), (std::vector{kSmallB, kLargeA}));
}

TEST_F(CapacityMemoryTest, GoesByZoneHoweverTheSubnetIsCalled) {
  refuse({kSmallA});
  const Offering same_zone{"c7i.large", "subnet-of-another-pool", "us-east-1a"};
  EXPECT_EQ(memory.promising(Market::spot, {same_zone, kSmallB}), (std::vector{kSmallB}));
}

TEST_F(CapacityMemoryTest, DecaysAndGrowsOnlyWithNewFindings) {
  refuse({kSmallA});
  refuse({kSmallA});  // of a launch that was under way at the same time
  clock.advance(minutes(3));
  EXPECT_EQ(promising(), all);
  refuse({kSmallA});
  clock.advance(minutes(3));
  EXPECT_EQ(promising().size(), 2U) << "the second finding lasts for six minutes";
  clock.advance(minutes(3));
  EXPECT_EQ(promising(), all);
}

TEST_F(CapacityMemoryTest, NeverLastsForMoreThanHalfAnHour) {
  for (int finding = 0; finding < 20; ++finding) {
    refuse({kSmallA});
    EXPECT_EQ(promising().size(), 2U);
    clock.advance(minutes(30));
    EXPECT_EQ(promising(), all);
  }
}

TEST_F(CapacityMemoryTest, ForgetsFormerFindingsAfterAWhile) {
  for (int finding = 0; finding < 4; ++finding) {
    refuse({kSmallA});
    clock.advance(minutes(30));
  }
  clock.advance(minutes(61));
  refuse({kSmallA});
  clock.advance(minutes(3));
  EXPECT_EQ(promising(), all) << "it counts as the first finding again";
}

TEST_F(CapacityMemoryTest, AMachineFromThereForgetsIt) {
  refuse({kSmallA, kSmallB});
  refuse({kLargeA}, "InsufficientInstanceCapacity", {kSmallA});
  EXPECT_EQ(promising(), (std::vector{kSmallA}));
}

TEST_F(CapacityMemoryTest, SomeAndThenNoMoreIsNoCapacity) {
  refuse({kSmallA}, "InsufficientInstanceCapacity", {kSmallA});
  EXPECT_EQ(promising(), (std::vector{kSmallB, kLargeA}));
}

TEST_F(CapacityMemoryTest, AFullSubnetIsFullForEveryType) {
  refuse({kSmallA}, "InsufficientFreeAddressesInSubnet");
  EXPECT_EQ(promising(), (std::vector{kSmallB}));
}

TEST_F(CapacityMemoryTest, QuotasAndMistakesAreNoMatterOfAnOffering) {
  refuse({kSmallA}, "VcpuLimitExceeded");
  refuse({kSmallA}, "InvalidAMIID.NotFound");
  EXPECT_EQ(promising(), all);
}

TEST_F(CapacityMemoryTest, AsksForAllRatherThanForNothing) {
  refuse(all);
  EXPECT_EQ(promising(), all);
}

TEST_F(CapacityMemoryTest, ALedgerThatCannotBeReadHoldsUpNoLaunch) {
  refuse({kSmallA});
  ledger.fail_next(core::Fault::transient, 1);
  EXPECT_EQ(promising(), all);
  ledger.fail_next(core::Fault::transient, 1);
  refuse({kSmallB});
  EXPECT_EQ(promising(), (std::vector{kSmallB, kLargeA}));
}

TEST_F(CapacityMemoryTest, ANoteOfSomebodyElseIsNoReasonToFail) {
  for (const char* value : {"", "no json", "[]", R"({"us-east-1a/c7i.large":7})",
                            R"({"us-east-1a/c7i.large":{"until":"soon"}})"}) {
    ASSERT_TRUE(ledger.put({.key = "capacity/spot", .value = value, .at = clock.now()}));
    EXPECT_EQ(promising(), all) << value;
    refuse({kSmallA});
    EXPECT_EQ(promising().size(), 2U) << value;
  }
}

}  // namespace

}  // namespace jitney::aws
