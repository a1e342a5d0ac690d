// SPDX-License-Identifier: Apache-2.0
// The fake fleet keeps the contract of the port it stands for.
#include "tests/contract/fleet_contract.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_fleet.hpp"

namespace jitney::contract {

namespace {

using core::Fault;

class FakeFleetHome final : public FleetHome {
 public:
  core::Fleet& fleet() override { return fleet_; }
  core::Pool pool() override {
    core::Pool pool;
    pool.name = "template_cpu";
    return pool;
  }
  core::Secret jit() override { return core::Secret("jit"); }
  void end_runner(const core::MachineId& machine, int exit_code) override {
    fleet_.end_runner(machine, exit_code);
  }
  int starts(const core::MachineId& machine) override { return fleet_.starts(machine); }

 private:
  fakes::FakeClock clock_;
  fakes::FakeFleet fleet_{clock_};
};

std::unique_ptr<FleetHome> make_fleet() { return std::make_unique<FakeFleetHome>(); }

class FakeFleetTest : public ::testing::Test {
 protected:
  std::string request(int count, int rung = 0) {
    core::Pool pool;
    pool.name = "gpu";
    core::Batch batch;
    batch.id = "ci-gpu-1";
    return fleet_.compose(pool, batch, rung, count).value_or("");
  }
  fakes::FakeClock clock_;
  fakes::FakeFleet fleet_{clock_};
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Fake, FleetContract, ::testing::Values(FleetMaker{"fake", make_fleet}));

TEST_F(FakeFleetTest, FailsAsOftenAsItWasToldAndChangesNothing) {
  const std::string text = request(1);
  fleet_.fail_next(Fault::throttled, 2);
  EXPECT_EQ(fleet_.launch(text, "t").error().fault, Fault::throttled);
  EXPECT_EQ(fleet_.list().error().fault, Fault::throttled);
  EXPECT_TRUE(fleet_.list()->empty());
  EXPECT_EQ(fleet_.launch(text, "t")->machines.size(), 1U);
}

TEST_F(FakeFleetTest, GivesNoMoreThanItsCapacity) {
  fleet_.capacity("gpu", 2);
  const auto some = fleet_.launch(request(3), "t/0");
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->machines.size(), 2U);
  ASSERT_EQ(some->faults.size(), 1U);
  EXPECT_EQ(some->faults.front().fault, Fault::no_capacity);
  EXPECT_EQ(fleet_.launch(request(1), "t/1").error().fault, Fault::no_capacity);
  const core::MachineId first = some->machines.front().id;
  EXPECT_TRUE(fleet_.stop({&first, 1}).has_value());
  EXPECT_EQ(fleet_.launch(request(1), "t/1")->machines.size(), 1U);
}

TEST_F(FakeFleetTest, BootsWhenItIsTold) {
  fleet_.boot_by_hand();
  const auto machines = fleet_.launch(request(1), "t")->machines;
  const core::MachineId id = machines.front().id;
  EXPECT_EQ(machines.front().state, core::MachineState::pending);
  EXPECT_TRUE(fleet_.answering({&id, 1})->empty());
  EXPECT_EQ(fleet_.start(id, "r", core::Secret("jit")).error().fault, Fault::not_ready);
  fleet_.boot(id);
  EXPECT_EQ(fleet_.answering({&id, 1})->size(), 1U);
  EXPECT_TRUE(fleet_.start(id, "r", core::Secret("jit")).has_value());
  EXPECT_EQ(fleet_.runner_on(id), "r");
}

TEST_F(FakeFleetTest, HasAsManyRungsAsItWasTold) {
  fleet_.rungs(2);
  EXPECT_NE(request(1, 1), request(1, 0));
  EXPECT_EQ(request(1, 2), "");
}

}  // namespace jitney::contract
