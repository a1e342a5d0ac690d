// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/fleet_contract.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

namespace jitney::contract {

using core::Fault;
using core::Machine;
using core::MachineId;
using core::MachineState;

namespace {

std::vector<MachineId> ids_of(const std::vector<Machine>& machines) {
  std::vector<MachineId> ids;
  for (const Machine& machine : machines) ids.push_back(machine.id);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace

std::string FleetContract::request(int count) {
  core::Batch batch;
  batch.id = "ci-cpu-1";
  batch.pool = home_->pool().name;
  const auto composed = fleet().compose(home_->pool(), batch, 0, count);
  if (!composed) ADD_FAILURE() << composed.error().what;
  return composed.value_or("");
}

std::vector<Machine> FleetContract::launched(int count, const std::string& token) {
  const auto outcome = fleet().launch(request(count), token);
  if (!outcome) {
    ADD_FAILURE() << outcome.error().what;
    return {};
  }
  EXPECT_TRUE(outcome->faults.empty());
  EXPECT_EQ(outcome->machines.size(), static_cast<std::size_t>(count));
  return outcome->machines;
}

MachineId FleetContract::answering_machine() {
  const auto machines = launched(1);
  home_->settle();
  return machines.empty() ? "" : machines.front().id;
}

std::vector<MachineId> FleetContract::stop(const std::vector<MachineId>& machines) {
  const auto gone = fleet().stop(machines);
  if (!gone) ADD_FAILURE() << gone.error().what;
  std::vector<MachineId> sorted = gone.value_or(std::vector<MachineId>{});
  std::ranges::sort(sorted);
  return sorted;
}

bool FleetContract::comes_to(const MachineId& machine, MachineState state) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < until) {
    const auto found = fleet().find(machine);
    if (found && *found && (*found)->state == state) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST_P(FleetContract, ComposesTheSameRequestForTheSameBatch) {
  EXPECT_EQ(request(2), request(2));
  EXPECT_NE(request(2), request(3));
}

TEST_P(FleetContract, ThereIsAnEndToTheRungs) {
  for (int rung = 1; rung < 20; ++rung) {
    const auto composed = fleet().compose(home_->pool(), core::Batch{}, rung, 1);
    if (composed) continue;
    EXPECT_EQ(composed.error().fault, Fault::not_found);
    return;
  }
  FAIL() << "more than twenty rungs";
}

TEST_P(FleetContract, MachinesBearPoolAndBatchFromTheStart) {
  for (const Machine& machine : launched(3)) {
    EXPECT_EQ(machine.pool, home_->pool().name);
    EXPECT_EQ(machine.batch, "ci-cpu-1");
    EXPECT_FALSE(machine.id.empty());
    EXPECT_NE(machine.state, MachineState::ended);
    const auto found = fleet().find(machine.id);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->batch, "ci-cpu-1");
  }
}

TEST_P(FleetContract, TheSameTokenAgainAnswersWithTheSameMachines) {
  const auto first = ids_of(launched(3));
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), 3U);
  EXPECT_EQ(ids_of(launched(3)), first);
  home_->settle();
  EXPECT_EQ(ids_of(fleet().list().value()), first);
}

TEST_P(FleetContract, AnotherTokenMakesOtherMachines) {
  const auto first = ids_of(launched(1, "ci-cpu-1/0"));
  const auto second = ids_of(launched(1, "ci-cpu-1/1"));
  EXPECT_NE(first, second);
}

TEST_P(FleetContract, LaunchesOfOneTokenAtOnceMakeOneSet) {
  const std::string text = request(2);
  std::vector<std::vector<MachineId>> answers(4);
  {
    std::vector<std::jthread> threads;
    for (auto& answer : answers) {
      threads.emplace_back([&] {
        const auto outcome = fleet().launch(text, "ci-cpu-1/0");
        if (outcome) answer = ids_of(outcome->machines);
      });
    }
  }
  home_->settle();
  const auto all = ids_of(fleet().list().value());
  EXPECT_EQ(all.size(), 2U);
  for (const auto& answer : answers) EXPECT_EQ(answer, all);
}

TEST_P(FleetContract, AMachineThatWasStoppedIsStillNamedAndNotMadeAgain) {
  const auto first = ids_of(launched(2));
  ASSERT_EQ(stop({first.at(0)}), std::vector{first.at(0)});
  for (int again = 0; again < 2; ++again) {
    const auto machines = launched(2);
    ASSERT_EQ(ids_of(machines), first);
    for (const Machine& machine : machines) {
      EXPECT_EQ(machine.state == MachineState::stopping, machine.id == first.at(0));
      EXPECT_EQ(machine.pool, home_->pool().name);
      EXPECT_EQ(machine.batch, "ci-cpu-1");
    }
  }
  EXPECT_EQ(stop(first), first);
  for (const Machine& machine : launched(2)) EXPECT_EQ(machine.state, MachineState::stopping);
}

TEST_P(FleetContract, AnswersForManyAtOnceAndLeavesStrangersOut) {
  auto ids = ids_of(launched(3));
  home_->settle();
  auto asked = ids;
  asked.emplace_back("unknown-machine");
  auto answering = fleet().answering(asked).value();
  std::ranges::sort(answering);
  EXPECT_EQ(answering, ids);
}

TEST_P(FleetContract, StartsOneRunnerHoweverOftenItIsAsked) {
  const auto id = answering_machine();
  EXPECT_TRUE(fleet().start(id, "ci-cpu-1", home_->jit()));
  EXPECT_TRUE(fleet().start(id, "ci-cpu-1", home_->jit()));
  EXPECT_EQ(home_->starts(id), 1);
  home_->end_runner(id, 0);
  ASSERT_TRUE(comes_to(id, MachineState::ended));
  EXPECT_TRUE(fleet().start(id, "ci-cpu-1", home_->jit()));
  EXPECT_EQ(home_->starts(id), 1);
  EXPECT_EQ(fleet().find(id).value()->state, MachineState::ended);
}

TEST_P(FleetContract, ManyStartsAtOnceAreOne) {
  const auto id = answering_machine();
  std::atomic<int> fine = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        if (fleet().start(id, "ci-cpu-1", home_->jit())) ++fine;
      });
    }
  }
  EXPECT_EQ(fine, 4);
  home_->end_runner(id, 0);
  ASSERT_TRUE(comes_to(id, MachineState::ended));
  EXPECT_EQ(home_->starts(id), 1);
}

TEST_P(FleetContract, WhatIsNoRequestIsInvalidAndMakesNothing) {
  for (const char* text : {"", "{}", "no request", "[1]"}) {
    const auto outcome = fleet().launch(text, "ci-cpu-1/0");
    ASSERT_FALSE(outcome.has_value()) << text;
    EXPECT_EQ(outcome.error().fault, Fault::invalid) << text;
  }
  home_->settle();
  EXPECT_TRUE(fleet().list().value().empty());
}

TEST_P(FleetContract, StoppingOneLeavesTheOthers) {
  const auto ids = ids_of(launched(2));
  home_->settle();
  for (const MachineId& id : ids) ASSERT_TRUE(fleet().start(id, "ci-cpu-1", home_->jit()));
  EXPECT_EQ(stop({ids.at(0)}), std::vector{ids.at(0)});
  EXPECT_EQ(fleet().find(ids.at(1)).value()->state, MachineState::running);
}

TEST_P(FleetContract, SaysWhetherARunnerWasStartedOrThatItCannotKnow) {
  const auto id = answering_machine();
  EXPECT_NE(fleet().find(id).value()->started, true);
  ASSERT_TRUE(fleet().start(id, "ci-cpu-1", home_->jit()));
  EXPECT_NE(fleet().find(id).value()->started, false);
}

TEST_P(FleetContract, ARunnersEndIsSeenWithItsExitCode) {
  const auto id = answering_machine();
  ASSERT_TRUE(fleet().start(id, "ci-cpu-1", home_->jit()));
  home_->end_runner(id, 7);
  ASSERT_TRUE(comes_to(id, MachineState::ended));
  EXPECT_EQ(fleet().find(id).value()->exit_code, 7);
  if (home_->answering_knows_ends()) {
    EXPECT_TRUE(fleet().answering(std::span(&id, 1)).value().empty());
  }
  EXPECT_EQ(stop({id}), std::vector{id});
}

TEST_P(FleetContract, NothingStartsOnAMachineThatIsGone) {
  EXPECT_EQ(fleet().start("unknown-machine", "r", home_->jit()).error().fault, Fault::not_found);
  const auto id = answering_machine();
  stop({id});
  EXPECT_EQ(fleet().start(id, "r", home_->jit()).error().fault, Fault::not_found);
  EXPECT_EQ(home_->starts(id), 0);
}

TEST_P(FleetContract, StopsFreshRunningAndUnknownMachinesAlikeAndTwice) {
  const auto ids = ids_of(launched(2));
  home_->settle();
  ASSERT_TRUE(fleet().start(ids.at(0), "ci-cpu-1", home_->jit()));
  std::vector<MachineId> all = ids;
  all.emplace_back("unknown-machine");
  EXPECT_EQ(stop(all), all);
  EXPECT_EQ(stop(all), all);
  home_->settle();
  for (const MachineId& id : ids) {
    const auto found = fleet().find(id).value();
    EXPECT_TRUE(!found || found->state == MachineState::stopping) << id;
    EXPECT_TRUE(fleet().answering(std::span(&id, 1)).value().empty());
  }
}

TEST_P(FleetContract, UnknownMachinesAreNotFound) {
  const auto found = fleet().find("unknown-machine");
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

}  // namespace jitney::contract
