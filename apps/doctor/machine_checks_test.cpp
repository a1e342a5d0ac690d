// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/machine_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using testing::HasSubstr;
using State = ListenerFacts::State;

MachineFacts good() {
  MachineFacts facts;
  facts.root = true;
  facts.runner_dirs.push_back(
      {.path = "/opt/r", .pools = {"cpu"}, .trouble = "", .version = "", .open_to = {}});
  UserFacts user;
  user.name = "job";
  user.pools = {"cpu"};
  user.uid = 990;
  facts.users.push_back(user);
  facts.cgroups = {.mounted = true, .controllers = {"cpu", "io", "memory", "pids"}};
  facts.state = {.path = "/var/lib/jitney",
                 .there = true,
                 .trouble = "",
                 .database = true,
                 .database_mode = 0600};
  facts.admin = {.address = "127.0.0.1:8081", .state = State::ours, .detail = ""};
  facts.webhook = ListenerFacts{.address = "127.0.0.1:8080", .state = State::ours, .detail = ""};
  facts.disk = {.path = "/var/lib/jitney/runners", .free = 100, .floor = 10, .trouble = ""};
  return facts;
}

TEST(MachineChecks, AGoodMachineIsFine) {
  const MachineFacts facts = good();
  std::vector<Finding> all = check_runner_dirs(facts);
  for (const auto& more : {check_users(facts), check_listeners(facts)}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  all.push_back(check_isolation(facts));
  all.push_back(check_limits(facts));
  all.push_back(check_state(facts));
  all.push_back(check_disk(facts.disk));
  for (const Finding& one : all)
    EXPECT_EQ(one.verdict, Verdict::ok) << one.check << ": " << one.seen;
}

TEST(MachineChecks, ARunnerThatCannotRunOrThatJobsCanChangeFails) {
  MachineFacts facts = good();
  facts.runner_dirs[0].trouble = "No such file or directory";
  EXPECT_EQ(check_runner_dirs(facts)[0].verdict, Verdict::failed);
  facts = good();
  facts.runner_dirs[0].open_to = {"job"};
  EXPECT_THAT(check_runner_dirs(facts)[0].seen, HasSubstr("job can change /opt/r"));
}

TEST(MachineChecks, EveryFaultOfTheUserHasARemedyOfItsOwn) {
  const auto check = [](const std::function<void(UserFacts&)>& spoil, bool root = true) {
    MachineFacts facts = good();
    facts.root = root;
    spoil(facts.users[0]);
    return check_users(facts)[0];
  };
  EXPECT_THAT(check([](UserFacts& user) { user.there = false; }).todo, HasSubstr("useradd"));
  EXPECT_THAT(check([](UserFacts& user) { user.uid = 0; }).seen, HasSubstr("is root"));
  EXPECT_THAT(check([](UserFacts& user) { user.may_read = {"/etc/jitney/token"}; }).todo,
              HasSubstr("chmod 600 /etc/jitney/token"));
  EXPECT_THAT(check([](UserFacts& user) { user.may_write = {"/etc/jitney/jitney.toml"}; }).seen,
              HasSubstr("can change /etc/jitney/jitney.toml"));
  EXPECT_THAT(check([](UserFacts& user) { user.stuck_at = "/srv"; }).todo,
              HasSubstr("chmod o+x /srv"));
  EXPECT_EQ(check([](UserFacts& user) { user.name.clear(); }).verdict, Verdict::failed);
  EXPECT_EQ(check([](UserFacts& user) { user.name.clear(); }, false).verdict, Verdict::warning);
}

TEST(MachineChecks, WhatIsMissingOfIsolationAndLimitsIsNamedForEach) {
  MachineFacts facts = good();
  facts.cgroups.controllers = {"cpu"};
  facts.no_namespaces = "EPERM";
  EXPECT_THAT(check_limits(facts).seen, HasSubstr("memory, pids"));
  EXPECT_THAT(check_isolation(facts).seen, HasSubstr("EPERM"));
  EXPECT_EQ(check_isolation(facts).verdict, Verdict::warning);
  facts.cgroups.mounted = false;
  EXPECT_EQ(check_limits(facts).verdict, Verdict::warning);
  facts.root = false;
  EXPECT_EQ(check_isolation(facts).verdict, Verdict::skipped);
  EXPECT_EQ(check_limits(facts).verdict, Verdict::skipped);
}

TEST(MachineChecks, TheServersWordOnNamespacesCountsMoreThanWhatRootHasHere) {
  MachineFacts facts = good();
  EXPECT_THAT(check_isolation(facts).seen, HasSubstr("jitney serve was not asked"));
  facts.admin.no_namespaces = "namespaces: Operation not permitted";
  EXPECT_EQ(check_isolation(facts).verdict, Verdict::warning);
  EXPECT_THAT(check_isolation(facts).todo, HasSubstr("CAP_SYS_ADMIN"));
  facts.admin.no_namespaces = "";
  facts.no_namespaces = "EPERM";
  EXPECT_EQ(check_isolation(facts).verdict, Verdict::ok);
  EXPECT_THAT(check_isolation(facts).seen, testing::Not(HasSubstr("not asked")));
}

TEST(MachineChecks, ADatabaseOpenToOthersFailsAndAMissingOneIsYetToBeMade) {
  MachineFacts facts = good();
  facts.state.database_mode = 0644;
  EXPECT_EQ(check_state(facts).verdict, Verdict::failed);
  EXPECT_THAT(check_state(facts).seen, HasSubstr("mode 0644"));
  facts.state.database = false;
  EXPECT_EQ(check_state(facts).verdict, Verdict::warning);
  facts.state.trouble = "is no directory";
  EXPECT_EQ(check_state(facts).verdict, Verdict::failed);
}

TEST(MachineChecks, PortsAreOursFreeOrSomebodyElses) {
  const auto verdict = [](State state) {
    MachineFacts facts = good();
    facts.admin.state = state;
    return check_listeners(facts)[0].verdict;
  };
  EXPECT_EQ(verdict(State::free), Verdict::failed) << "no server runs: jobs wait";
  EXPECT_EQ(verdict(State::unwell), Verdict::failed);
  EXPECT_EQ(verdict(State::taken), Verdict::failed);
  EXPECT_EQ(verdict(State::unknown), Verdict::failed);
  MachineFacts facts = good();
  facts.webhook->state = State::free;
  EXPECT_EQ(check_listeners(facts)[1].verdict, Verdict::failed) << "the server runs without it";
  facts.admin.state = State::free;
  for (const Finding& one : check_listeners(facts)) {
    EXPECT_EQ(one.verdict, Verdict::failed) << one.check;
    EXPECT_THAT(one.todo, HasSubstr("systemctl start jitney")) << one.check;
  }
  facts.webhook.reset();
  EXPECT_EQ(check_listeners(facts).size(), 1U);
}

TEST(MachineChecks, DiskBelowTheFloorFailsAndNearItWarns) {
  EXPECT_EQ(check_disk({.path = "/r", .free = 9, .floor = 10, .trouble = ""}).verdict,
            Verdict::failed);
  EXPECT_EQ(check_disk({.path = "/r", .free = 19, .floor = 10, .trouble = ""}).verdict,
            Verdict::warning);
  EXPECT_EQ(check_disk({.path = "/r", .free = 20, .floor = 10, .trouble = ""}).verdict,
            Verdict::ok);
  EXPECT_EQ(check_disk({.path = "/r", .free = 0, .floor = 0, .trouble = "EIO"}).verdict,
            Verdict::failed);
}

}  // namespace
}  // namespace jitney::app
