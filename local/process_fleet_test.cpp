// SPDX-License-Identifier: Apache-2.0
#include "local/process_fleet.hpp"

#include <sys/mount.h>

#include <chrono>
#include <future>

#include "local/directory_listing.hpp"
#include "local/process_fleet_test_world.hpp"

namespace jitney::local {
namespace {

using core::Fault;
using core::MachineState;

class ProcessFleetTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(world.open()); }
  FleetWorld world;
};

TEST_F(ProcessFleetTest, TheSameTokenMakesOneSetOfMachines) {
  const auto first = world.launch(3);
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(world.launch(3), first);
  EXPECT_EQ(list_directory(world.options.state_dir + "/machines").size(), 3U);
  EXPECT_NE(world.launch(1, "ci-cpu-1/1").at(0), first.at(0));
}

TEST_F(ProcessFleetTest, AMachineThatWasRemovedIsNotMadeAgain) {
  const auto first = world.launch(2);
  ASSERT_TRUE(world.stop(first.at(0)));
  EXPECT_EQ(world.launch(2), first);
  EXPECT_FALSE(world.find(first.at(0)));
  EXPECT_EQ(list_directory(world.options.state_dir + "/machines"), std::vector{first.at(1)});
}

// A ledger that was lost or restored counts from one again: what is remembered as gone was
// another's.
TEST_F(ProcessFleetTest, ATokenOfALaterClaimMakesMachinesOfItsOwn) {
  const auto first = world.launch(1);
  ASSERT_TRUE(world.stop(first.at(0)));
  world.claimed_at += std::chrono::hours(1);
  const auto second = world.launch(1);
  EXPECT_NE(second, first);
  EXPECT_TRUE(world.find(second.at(0)));
  EXPECT_EQ(world.launch(1), second);
}

TEST_F(ProcessFleetTest, ADirectoryOfOtherFilesIsRefusedAndLeftAsItIs) {
  world.write_file("srv/backups/2025/important.sql", "all we have\n", 0600);
  world.options.runners_dir = world.home.path() + "/srv";
  const core::Status opened = world.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, core::Fault::invalid);
  EXPECT_NE(opened.error().what.find("\"backups\", which is no runner's"), std::string::npos)
      << opened.error().what;
  EXPECT_EQ(contents(world.home.path() + "/srv/backups/2025/important.sql"), "all we have\n");
  world.options.runners_dir.clear();
}

TEST_F(ProcessFleetTest, RunnersDoNotLiveAroundTheState) {
  for (const std::string& place : {world.options.state_dir, world.home.path()}) {
    world.options.runners_dir = place;
    const core::Status opened = world.open();
    ASSERT_FALSE(opened) << place;
    EXPECT_NE(opened.error().what.find("holds the state directory"), std::string::npos)
        << opened.error().what;
  }
  world.options.runners_dir.clear();
}

TEST_F(ProcessFleetTest, TokensThatReadAlikeDoNotMeet) {
  EXPECT_NE(world.launch(1, "a/b").at(0), world.launch(1, "a.b").at(0));
  EXPECT_TRUE(is_machine_name(world.launch(1, "../../etc/passwd").at(0)));
}

TEST_F(ProcessFleetTest, AFreshMachineAnswersAndHasNotStarted) {
  const auto ids = world.launch(1);
  EXPECT_EQ(world.fleet->answering(ids).value(), ids);
  const auto machine = world.find(ids.at(0));
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->state, MachineState::running);
  EXPECT_EQ(machine->started, false);
  EXPECT_EQ(machine->pool, "cpu");
  EXPECT_EQ(machine->batch, "ci-cpu-1");
}

TEST_F(ProcessFleetTest, ASecondStartChangesNothing) {
  const auto id = world.run("echo first; read never < /dev/null; exec sleep 3600.017");
  ASSERT_TRUE(world.prints(id, "first"));
  EXPECT_TRUE(world.fleet->start(id, "ci-cpu-1", core::Secret("echo second")));
  EXPECT_EQ(world.find(id)->started, true);
  ASSERT_TRUE(world.stop(id));
  EXPECT_EQ(contents(world.fleet->logs_dir() + "/" + id + ".log"), "first\n");
  EXPECT_EQ(FleetWorld::processes_called("3600.017"), 0);
}

TEST_F(ProcessFleetTest, AStartAfterTheEndChangesNothing) {
  const auto id = world.run("echo first");
  ASSERT_TRUE(world.ends(id));
  EXPECT_TRUE(world.fleet->start(id, "ci-cpu-1", core::Secret("echo second")));
  EXPECT_EQ(world.log(id), "first\n");
}

TEST_F(ProcessFleetTest, ManyStartsAtOnceRunOneRunner) {
  const auto id = world.launch(1).at(0);
  std::vector<std::jthread> threads;
  std::atomic<int> fine = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (world.fleet->start(id, "ci-cpu-1", core::Secret("echo once"))) ++fine;
    });
  }
  threads.clear();
  EXPECT_EQ(fine, 8);
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(world.log(id), "once\n");
}

TEST_F(ProcessFleetTest, ReportsEveryOtherExitCodeAsTheEnd) {
  for (const int code : {0, 1, 5, 7, 42}) {
    const auto id = world.run("exit " + std::to_string(code), "exit/" + std::to_string(code));
    ASSERT_TRUE(world.ends(id));
    EXPECT_EQ(world.find(id)->exit_code, code);
    EXPECT_TRUE(world.fleet->answering(std::span(&id, 1)).value().empty());
  }
}

TEST_F(ProcessFleetTest, StartsAgainAfterARetryableExit) {
  const auto id = world.run("echo again; [ -e seen ] && exit 0; touch seen; exit 2");
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(world.find(id)->exit_code, 0);
  EXPECT_EQ(world.log(id), "again\nagain\n");
}

TEST_F(ProcessFleetTest, GivesUpAfterTooManyRestarts) {
  const auto id = world.run("echo again; exit 2");
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(world.find(id)->exit_code, 2);
  EXPECT_EQ(world.log(id), "again\nagain\nagain\nagain\n");
}

TEST_F(ProcessFleetTest, WaitsForAnUpdateThatOutlivesTheListener) {
  for (const char* code : {"3", "4"}) {
    // The updater replaces the listener while none runs, as the real one does.
    const auto id = world.run(std::string("if [ -e updated ]; then echo new; exit 0; fi\n"
                                          "(touch updated; touch update.finished) & exit ") +
                                  code,
                              std::string("update/") + code);
    ASSERT_TRUE(world.ends(id));
    EXPECT_EQ(world.find(id)->exit_code, 0);
    EXPECT_EQ(world.log(id), "new\n");
  }
}

TEST_F(ProcessFleetTest, ARunnerThatCannotBeExecutedIsSaidSo) {
  world.write_file("template/bin/Runner.Listener", "#!/nonexistent/shell\n", 0755);
  const auto id = world.launch(1).at(0);
  const auto started = world.fleet->start(id, "ci-cpu-1", core::Secret("x"));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().fault, Fault::not_found);
  EXPECT_NE(started.error().what.find("Runner.Listener"), std::string::npos);
  EXPECT_TRUE(world.ends(id));
}

TEST_F(ProcessFleetTest, TheListenerIsAskedPolitelyFirst) {
  const auto id =
      world.run("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.02; done");
  ASSERT_TRUE(world.prints(id, "up"));
  ASSERT_TRUE(world.stop(id));
  EXPECT_EQ(contents(world.fleet->logs_dir() + "/" + id + ".log"), "up\nasked\n");
  EXPECT_FALSE(world.find(id));
  EXPECT_FALSE(std::filesystem::exists(world.root(id)));
}

TEST_F(ProcessFleetTest, AListenerThatWillNotStopIsKilledAfterTheGrace) {
  world.options.stop_grace = std::chrono::milliseconds(200);
  world.reopen();
  const auto id = world.run("trap '' TERM; echo up; while :; do sleep 0.02; done");
  ASSERT_TRUE(world.prints(id, "up"));
  EXPECT_TRUE(world.stop(id));
  EXPECT_FALSE(world.find(id));
}

TEST_F(ProcessFleetTest, StopsManyAtOnce) {
  std::vector<core::MachineId> ids = world.launch(6);
  for (const auto& id : ids) {
    ASSERT_TRUE(world.fleet->start(
        id, "r", core::Secret("trap '' TERM; echo up; while :; do sleep 0.02; done")));
    ASSERT_TRUE(world.prints(id, "up"));
  }
  ids.emplace_back("unknown");
  ids.emplace_back("../machines");
  const auto begun = std::chrono::steady_clock::now();
  const auto gone = world.fleet->stop(ids);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->size(), ids.size());
  // One grace for all, not one for each.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4 * world.options.stop_grace);
  EXPECT_TRUE(world.fleet->list()->empty());
}

TEST_F(ProcessFleetTest, TellsOfAnEndAtOnce) {
  std::mutex mutex;
  std::map<core::MachineId, std::optional<int>> told;
  world.fleet->on_runner_end([&](const core::MachineId& id, std::optional<int> code) {
    const std::scoped_lock lock(mutex);
    told[id] = code;
  });
  const auto id = world.run("exit 7");
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return told.contains(id) && told[id] == 7;
  }));
  world.fleet->on_runner_end(nullptr);
}

// What a listener uses may go when it is no longer the listener.
TEST_F(ProcessFleetTest, NoEndIsToldAnyMoreWhenTheListenerWasReplaced) {
  std::promise<void> told, replaced;
  std::promise<bool> was_replaced;
  world.fleet->on_runner_end([&](const core::MachineId&, std::optional<int>) {
    told.set_value();
    const auto waited = replaced.get_future().wait_for(std::chrono::milliseconds(200));
    was_replaced.set_value(waited == std::future_status::ready);
  });
  static_cast<void>(world.run("exit 0"));
  ASSERT_EQ(told.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  world.fleet->on_runner_end(nullptr);
  replaced.set_value();
  EXPECT_FALSE(was_replaced.get_future().get()) << "while the listener was being called";
}

TEST_F(ProcessFleetTest, HalvesOfACrashAreClearedAndTheLaunchIsDoneAgain) {
  const auto id = world.launch(1).at(0);
  ASSERT_TRUE(world.stop(id));
  world.fleet.reset();
  std::filesystem::remove(world.options.state_dir + "/gone/" + id);
  world.write_file("state/runners/.new-" + id + "/bin/half", "x", 0644);
  world.write_file("state/runners/" + id + "/half", "x", 0644);
  world.write_file("state/machines/.new-" + id + "/meta.json.new-1", "{", 0600);
  world.write_file("state/machines/.gone-other/meta.json", "{", 0600);
  ASSERT_TRUE(world.open());
  EXPECT_TRUE(world.fleet->list()->empty());
  EXPECT_FALSE(std::filesystem::exists(world.root(id)));
  EXPECT_EQ(world.launch(1), std::vector{id});
  EXPECT_TRUE(std::filesystem::exists(world.root(id) + "/bin/Runner.Listener"));
  EXPECT_EQ(list_directory(world.options.state_dir + "/machines"), std::vector{id});
}

TEST_F(ProcessFleetTest, AFullDiskIsAWaitThatSaysSo) {
  const auto request = world.compose().value();
  world.options.min_free_disk = std::int64_t{1} << 60;
  world.reopen();
  const auto refused = world.fleet->launch(request, "t/0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::not_ready);
  EXPECT_NE(refused.error().what.find("GiB below the floor of 1073741824 GiB on "),
            std::string::npos)
      << refused.error().what;
  EXPECT_EQ(world.compose().error().fault, Fault::not_ready);
}

TEST_F(ProcessFleetTest, WhatCannotBeLaunchedIsInvalid) {
  core::Pool pool;
  pool.name = "gpu";
  EXPECT_EQ(world.fleet->compose(pool, {}, 0, 1).error().fault, Fault::invalid);
  pool.name = "cpu";
  EXPECT_EQ(world.fleet->compose(pool, {}, 1, 1).error().fault, Fault::not_found);
  std::filesystem::remove(world.home.path() + "/template/bin/Runner.Listener");
  EXPECT_EQ(world.fleet->compose(pool, {}, 0, 1).error().fault, Fault::invalid);
  EXPECT_EQ(world.fleet->launch("{}", "t/0").error().fault, Fault::invalid);
  EXPECT_EQ(world.fleet->launch("no json", "t/0").error().fault, Fault::invalid);
}

TEST_F(ProcessFleetTest, AUserThatDoesNotExistIsSaidAtTheStart) {
  world.options.pools["cpu"].runner_user = "no-such-user-here";
  const auto opened = ProcessFleet::open(world.options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::invalid);
  EXPECT_NE(opened.error().what.find("pool cpu"), std::string::npos);
}

TEST_F(ProcessFleetTest, ALongLogIsCutWithoutHoldingTheRunner) {
  world.options.log_bytes = 10'000;
  world.reopen();
  const auto id = world.run("yes 0123456789 | head -c 3000000; exit 5");
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(world.find(id)->exit_code, 5);
  const std::string log = world.log(id);
  EXPECT_LT(log.size(), 10'200U);
  EXPECT_TRUE(log.ends_with("[jitney: the log is full; the rest is lost]\n")) << log.size();
}

TEST_F(ProcessFleetTest, KeepsDiagnosticsOfWhatIsGone) {
  const auto id = world.run(
      "mkdir _diag; echo trace > _diag/Runner_1.log; "
      "ln -s /etc/shadow _diag/stolen; mkfifo _diag/pipe");
  ASSERT_TRUE(world.ends(id));
  ASSERT_TRUE(world.stop(id));
  const std::string kept = world.fleet->logs_dir() + "/" + id + ".diag";
  EXPECT_EQ(list_directory(kept), std::vector<std::string>{"Runner_1.log"});
  EXPECT_EQ(contents(kept + "/Runner_1.log"), "trace\n");
}

TEST_F(ProcessFleetTest, AMachineThatCannotBeReadHidesNoOther) {
  const auto ids = world.launch(2);
  const std::string meta = contents(world.files(ids.at(0)).meta());
  world.write_file("state/machines/" + ids.at(0) + "/meta.json", "{ half", 0600);
  EXPECT_EQ(world.fleet->find(ids.at(0)).error().fault, Fault::transient);
  EXPECT_EQ(world.fleet->answering(ids).value(), std::vector{ids.at(1)});
  ASSERT_EQ(world.fleet->list()->size(), 1U);
  EXPECT_EQ(world.fleet->list()->front().id, ids.at(1));
  world.write_file("state/machines/" + ids.at(0) + "/meta.json", meta, 0600);
  EXPECT_EQ(world.fleet->list()->size(), 2U);
}

// Nobody may be able to record anything, and so to ask for its end, until the disk has room again.
TEST_F(ProcessFleetTest, AJobThatFilledTheDiskGivesItBackWhenItEnds) {
  world.fleet.reset();
  if (::mount("tmpfs", world.options.state_dir.c_str(), "tmpfs", 0, "size=8m,mode=0711") != 0) {
    ASSERT_EQ(errno, EPERM);
    GTEST_SKIP() << "only who may mount can make a small disk";
  }
  ASSERT_TRUE(world.open());
  const auto id = world.run(
      "mkdir _diag _work; echo trace > _diag/Runner_1.log; "
      "dd if=/dev/zero of=_work/big bs=64k; dd if=/dev/zero of=_work/rest bs=1; exit 7");
  EXPECT_TRUE(world.ends(id));
  EXPECT_EQ(world.find(id)->exit_code, 7) << "recorded, though the disk was full";
  EXPECT_GT(world.fleet->free_disk(), 4 << 20);
  EXPECT_TRUE(world.stop(id));
  EXPECT_EQ(contents(world.fleet->logs_dir() + "/" + id + ".diag/Runner_1.log"), "trace\n");
  world.fleet.reset();
  EXPECT_EQ(::umount(world.options.state_dir.c_str()), 0);
}

TEST_F(ProcessFleetTest, ADirectoryThatCannotBeRemovedIsSetAside) {
  const auto id = world.run("true");
  ASSERT_TRUE(world.ends(id));
  ASSERT_TRUE(eventually([&] { return !lock_is_held(world.files(id).lock()); }));
  std::filesystem::create_directories(world.root(id) + "/a/b");
  if (::mount("tmpfs", (world.root(id) + "/a/b").c_str(), "tmpfs", 0, "size=64k") != 0) {
    ASSERT_EQ(errno, EPERM);
    GTEST_SKIP() << "only who may mount can make a directory that stays";
  }
  EXPECT_TRUE(world.stop(id));
  EXPECT_FALSE(world.find(id));
  EXPECT_EQ(world.fleet->quarantined(), 1U);
  EXPECT_TRUE(list_directory(world.options.state_dir + "/runners") ==
              std::vector<std::string>{".quarantine"});
  const std::string aside = world.options.state_dir + "/runners/.quarantine/" + id;
  ASSERT_EQ(::umount((aside + "/a/b").c_str()), 0);
  world.reopen();
  EXPECT_EQ(world.fleet->quarantined(), 0U);
}

}  // namespace
}  // namespace jitney::local
