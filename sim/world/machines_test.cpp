// SPDX-License-Identifier: Apache-2.0
// What the two fleets of the simulated world do that the contract suites cannot show.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/world/computer.hpp"
#include "sim/world/ec2.hpp"

namespace jitney::sim {
namespace {

using core::Fault;
using namespace std::chrono_literals;

constexpr core::Time kStart{core::Duration{1'800'000'000'000}};

template <class Model>
class FleetWorld : public testing::Test {
 protected:
  explicit FleetWorld(Mix given = calm()) : mix(given) {}

  void pass(core::Duration time) {
    scheduler.after(time, [] {});
    scheduler.run_until(scheduler.now() + time);
  }
  std::string request(int count, int rung = 0) {
    core::Pool pool;
    pool.name = "cpu";
    core::Batch batch;
    batch.id = "ci-cpu-1";
    return fleet.compose(pool, batch, rung, count).value_or("");
  }
  core::MachineId launch_one() {
    return fleet.launch(request(1), "token").value().machines.at(0).id;
  }
  const Box& box(const core::MachineId& id) { return fleet.boxes().at(id); }
  std::size_t told(Notice::Kind kind) {
    return static_cast<std::size_t>(std::ranges::count(notices, kind, &Notice::kind));
  }

  Mix mix;
  Scheduler scheduler{kStart};
  Random random{11};
  int runs = 0;
  std::vector<Notice> notices;
  Model fleet{scheduler,
              random,
              mix,
              {.run = [this](const Box&) { ++runs; },
               .gone = [](const Box&) {},
               .stopping = [](const Box&) {},
               .notice = [this](const Notice& notice) { notices.push_back(notice); }}};
};

class Ec2World : public FleetWorld<Ec2> {};
class ComputerWorld : public FleetWorld<Computer> {};
class ScarceWorld : public FleetWorld<Ec2> {
 protected:
  static Mix scarce() {
    Mix mix = calm();
    mix.no_capacity = 1000;
    return mix;
  }
  ScarceWorld() : FleetWorld(scarce()) {}
};
class BusyAccount : public FleetWorld<Ec2> {
 protected:
  static Mix busy() {
    Mix mix = calm();
    mix.busy_account = 1000;
    return mix;
  }
  BusyAccount() : FleetWorld(busy()) {}
};

TEST_F(Ec2World, ARequestThatChangedUnderItsTokenIsRefusedAndSeen) {
  const std::string first = request(1);
  ASSERT_TRUE(fleet.launch(first, "token"));
  fleet.new_template();
  EXPECT_NE(request(1), first);
  EXPECT_EQ(fleet.launch(request(1), "token").error().fault, Fault::invalid);
  EXPECT_TRUE(fleet.changed_request_seen());
  EXPECT_EQ(fleet.boxes().size(), 1u);
}

TEST_F(Ec2World, AListShowsALaunchLateAndFindAtOnce) {
  const core::MachineId id = launch_one();
  EXPECT_TRUE(fleet.find(id).value());
  bool listed_at_once = true;
  for (int i = 0; i < 10; ++i) listed_at_once &= !fleet.list()->empty();
  EXPECT_FALSE(listed_at_once);
  pass(mix.list_lag + 1s);
  EXPECT_EQ(fleet.list()->size(), 1u);
}

TEST_F(Ec2World, AMachinePowersItselfOffAMinuteAfterItsRunner) {
  const core::MachineId id = launch_one();
  pass(3min);
  ASSERT_TRUE(fleet.start(id, "ci-cpu-1", core::Secret("jit")));
  pass(10s);
  fleet.runner_ended(id, 0);
  pass(59s);
  EXPECT_TRUE(box(id).alive());
  pass(2s);
  EXPECT_FALSE(box(id).alive());
  pass(10s);
  EXPECT_EQ(told(Notice::Kind::runner_ended), 1u);
  EXPECT_EQ(told(Notice::Kind::machine_gone), 1u);
}

TEST_F(Ec2World, ACommandThatIsLostStartsNothingAndSaysSoToNobody) {
  const core::MachineId id = launch_one();
  pass(3min);
  mix.command_lost = 1000;
  EXPECT_TRUE(fleet.start(id, "ci-cpu-1", core::Secret("jit")));
  pass(10min);
  EXPECT_EQ(runs, 0);
  EXPECT_FALSE(box(id).started);
}

TEST_F(Ec2World, AnAnnouncedInterruptionComesTwoMinutesLater) {
  mix.interrupted = 1000;
  int announced = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(fleet.launch(request(1), "token" + std::to_string(i)));
  }
  for (int minute = 0; minute < 60; ++minute) pass(1min);
  for (const Notice& notice : notices) {
    if (notice.kind == Notice::Kind::interruption) ++announced;
  }
  EXPECT_GT(announced, 0);
  EXPECT_LT(announced, 20) << "some come without a word";
  for (const auto& [id, machine] : fleet.boxes()) EXPECT_FALSE(machine.alive());
}

TEST_F(ScarceWorld, ALaunchGivesWhatThereIsAndSaysWhatWasMissing) {
  const auto outcome = fleet.launch(request(40), "token");
  ASSERT_TRUE(outcome);
  EXPECT_LT(outcome->machines.size(), 40u);
  EXPECT_FALSE(outcome->faults.empty());
  EXPECT_EQ(fleet.launch(request(40), "token")->machines.size(), outcome->machines.size());
}

TEST_F(BusyAccount, CallsAreThrottledUntilOthersLeaveSome) {
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    const auto outcome = fleet.launch(request(1), "token" + std::to_string(i));
    if (!outcome && outcome.error().fault == Fault::throttled) ++refused;
  }
  EXPECT_GT(refused, 0);
  fleet.relieve();
  pass(1min);
  EXPECT_TRUE(fleet.launch(request(1), "another"));
}

TEST_F(ComputerWorld, AListenerThatAsksForAnotherStartGetsItAndOthersEnd) {
  const core::MachineId id = launch_one();
  ASSERT_TRUE(fleet.start(id, "ci-cpu-1", core::Secret("jit")));
  fleet.runner_ended(id, 2);
  pass(10s);
  EXPECT_EQ(runs, 2);
  EXPECT_FALSE(box(id).ended);
  fleet.runner_ended(id, 7);
  EXPECT_TRUE(box(id).ended);
  EXPECT_EQ(fleet.find(id).value()->exit_code, 7);
}

TEST_F(ComputerWorld, AListenerThatAsksForEverIsNotStartedForEver) {
  const core::MachineId id = launch_one();
  ASSERT_TRUE(fleet.start(id, "ci-cpu-1", core::Secret("jit")));
  for (int i = 0; i < 30; ++i) {
    fleet.runner_ended(id, 2);
    pass(10s);
  }
  EXPECT_TRUE(box(id).ended);
  EXPECT_LE(runs, 10);
}

TEST_F(ComputerWorld, ARebootEndsEveryProcessWithoutAWord) {
  const core::MachineId started = launch_one();
  ASSERT_TRUE(fleet.start(started, "ci-cpu-1", core::Secret("jit")));
  const core::MachineId idle = fleet.launch(request(1), "other").value().machines.at(0).id;
  fleet.reboot();
  pass(1min);
  EXPECT_TRUE(notices.empty());
  for (const core::MachineId& id : {started, idle}) {
    EXPECT_EQ(fleet.find(id).value()->state, core::MachineState::ended);
    EXPECT_EQ(fleet.find(id).value()->exit_code, std::nullopt);
  }
  EXPECT_EQ(fleet.start(idle, "ci-cpu-2", core::Secret("jit")).error().fault, Fault::not_found);
}

}  // namespace
}  // namespace jitney::sim
