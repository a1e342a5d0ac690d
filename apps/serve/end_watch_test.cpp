// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/end_watch.hpp"

#include <gtest/gtest.h>

#include <map>

#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_fleet.hpp"
#include "tests/fakes/fake_ledger.hpp"

namespace jitney::app {
namespace {

using core::Event;

class EndWatchTest : public ::testing::Test {
 protected:
  // Runners "ci-cpu-1", "ci-cpu-2", ... whose JIT configuration was handed over.
  void hand_over(int count) {
    core::Batch batch;
    batch.id = "ci-cpu-1";
    batch.pool = "cpu";
    for (int number = 1; number <= count; ++number) {
      batch.numbers.push_back(number);
      batch.runners.push_back("ci-cpu-" + std::to_string(number));
    }
    batch.request = fleet.compose(core::Pool{.name = "cpu"}, batch, 0, count).value();
    ASSERT_EQ(ledger.claim(batch, 0, 100).value(), core::Claimed::ok);
    const auto made = fleet.launch(batch.request, batch.client_token()).value().machines;
    for (std::size_t i = 0; i < made.size(); ++i) {
      machines.push_back(made[i].id);
      core::Facts facts;
      facts.machine = made[i].id;
      move(batch.runners[i], Event::machine_bound, facts);
      move(batch.runners[i], Event::machine_answered, {});
      facts.lease_until = clock.now() + std::chrono::minutes(1);
      move(batch.runners[i], Event::start_claimed, facts);
      EXPECT_TRUE(fleet.start(made[i].id, batch.runners[i], core::Secret("jit")));
      facts.forge_id = 7;
      move(batch.runners[i], Event::start_done, facts);
    }
  }
  void move(const core::RunnerName& name, Event event, const core::Facts& facts) {
    const auto moved = ledger.advance(name, event, facts, clock.now());
    EXPECT_TRUE(moved) << moved.error().what;
  }
  std::map<core::MachineId, std::optional<int>> look(EndWatch& watch) {
    std::map<core::MachineId, std::optional<int>> told;
    watch.look([&](core::MachineId machine, std::optional<int> code) { told[machine] = code; });
    return told;
  }
  using Told = std::map<core::MachineId, std::optional<int>>;

  fakes::FakeClock clock;
  fakes::FakeLedger ledger;
  fakes::FakeFleet fleet{clock};
  std::vector<core::MachineId> machines;
};

TEST_F(EndWatchTest, TellsOfRunnersThatEndedWithTheirExitCode) {
  hand_over(3);
  EndWatch watch(ledger, fleet, 10);
  EXPECT_EQ(look(watch), Told{});
  fleet.end_runner(machines.at(1), 7);
  EXPECT_EQ(look(watch), (Told{{machines.at(1), 7}}));
  EXPECT_EQ(look(watch), (Told{{machines.at(1), 7}})) << "until the ledger knows";
  move("ci-cpu-2", Event::command_ended, {});
  EXPECT_EQ(look(watch), Told{});
}

TEST_F(EndWatchTest, TakesTurnsAndComesToEveryone) {
  hand_over(5);
  EndWatch watch(ledger, fleet, 2);
  for (const auto& machine : machines) fleet.end_runner(machine, 0);
  Told all;
  for (int i = 0; i < 3; ++i) {
    const Told some = look(watch);
    EXPECT_LE(some.size(), 2U);
    all.insert(some.begin(), some.end());
  }
  EXPECT_EQ(all.size(), 5U);
}

TEST_F(EndWatchTest, WhatCannotBeAskedIsAskedAgain) {
  hand_over(1);
  EndWatch watch(ledger, fleet, 2);
  fleet.end_runner(machines.front(), 0);
  fleet.fail_next(core::Fault::throttled);
  EXPECT_EQ(look(watch), Told{});
  ledger.fail_next(core::Fault::transient);
  EXPECT_EQ(look(watch), Told{});
  EXPECT_EQ(look(watch).size(), 1U);
}

TEST_F(EndWatchTest, AsksNobodyOnceItIsToStop) {
  hand_over(1);
  EndWatch watch(ledger, fleet, 2);
  fleet.end_runner(machines.front(), 0);
  std::stop_source stop;
  stop.request_stop();
  int told = 0;
  watch.look([&](const core::MachineId&, std::optional<int>) { ++told; }, stop.get_token());
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace jitney::app
