// SPDX-License-Identifier: Apache-2.0
// The server, the shim and the computer die; runners are adopted or ended, never lost.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <boost/json.hpp>

#include "local/isolation.hpp"
#include "local/process_fleet.hpp"
#include "local/process_fleet_test_world.hpp"

namespace jitney::local {
namespace {

using core::MachineState;

class ProcessFleetCrashTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(world.open()); }

  // A runner begun by a server that is then killed, as by `kill -9`.
  core::MachineId run_under_a_server_that_dies(const std::string& script) {
    world.fleet.reset();
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t server = ::fork();
    if (server == 0) {
      static_cast<void>(world.open());
      const std::string id = world.run(script);
      static_cast<void>(write_all(ends[1], id + "\n"));
      for (;;) ::pause();
    }
    ::close(ends[1]);
    std::string id;
    for (char c = 0; ::read(ends[0], &c, 1) == 1 && c != '\n';) id += c;
    ::close(ends[0]);
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
    EXPECT_TRUE(world.open());
    return id;
  }
  // Waits for the record too: it is written with the runner's first instruction still to come.
  ShimRecord shim_of(const core::MachineId& id) const {
    return read_shim(world.files(id)).value().value();
  }

  FleetWorld world;
};

TEST_F(ProcessFleetCrashTest, ARunnerOutlivesItsServerAndItsEndIsToldToTheNext) {
  const auto id =
      run_under_a_server_that_dies("echo up; while [ ! -e go ]; do sleep 0.02; done; exit 42");
  ASSERT_TRUE(world.prints(id, "up"));
  std::atomic<int> told = -1;
  world.fleet->on_runner_end(
      [&](const core::MachineId&, std::optional<int> code) { told = code.value_or(-2); });
  EXPECT_EQ(world.find(id)->state, MachineState::running);
  EXPECT_EQ(world.find(id)->started, true);
  EXPECT_TRUE(world.fleet->start(id, "ci-cpu-1", core::Secret("echo second")));
  EXPECT_EQ(world.launch(1), std::vector{id});
  world.write_file("state/runners/" + id + "/go", "", 0644);
  EXPECT_TRUE(eventually([&] { return told == 42; })) << told;
  EXPECT_EQ(world.find(id)->exit_code, 42);
  world.fleet->on_runner_end(nullptr);
}

TEST_F(ProcessFleetCrashTest, AnEndThatNobodySawIsInTheList) {
  const auto id = run_under_a_server_that_dies("exit 3.5 2>/dev/null || exit 9");
  ASSERT_TRUE(world.ends(id));
  const auto machines = world.fleet->list().value();
  ASSERT_EQ(machines.size(), 1U);
  EXPECT_EQ(machines[0].state, MachineState::ended);
}

TEST_F(ProcessFleetCrashTest, AnAdoptedRunnerIsStopped) {
  const auto id = run_under_a_server_that_dies("echo up; exec sleep 3600.023");
  ASSERT_TRUE(world.prints(id, "up"));
  EXPECT_TRUE(world.stop(id));
  EXPECT_EQ(FleetWorld::processes_called("3600.023"), 0);
}

// With and without namespaces and control groups: what is left of a runner whose shim is killed.
struct Means {
  const char* name;
  bool namespaces, cgroups;
};
class AllMeans : public ProcessFleetCrashTest, public testing::WithParamInterface<Means> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 && (GetParam().namespaces || GetParam().cgroups)) {
      GTEST_SKIP() << "needs root";
    }
    world.options.use_namespaces = GetParam().namespaces;
    world.options.use_cgroups = GetParam().cgroups;
    ASSERT_TRUE(world.open());
    if (GetParam().namespaces && !why_no_namespaces().empty()) {
      GTEST_SKIP() << why_no_namespaces();
    }
    const std::string text = world.fleet->describe_isolation();
    if (GetParam().cgroups && text.find("no control groups") != std::string::npos) {
      GTEST_SKIP() << text;
    }
  }
};

TEST_P(AllMeans, AKilledShimTakesItsRunnerAlong) {
  const auto id = world.run(
      "setsid sh -c 'setsid sleep 3600.029 & exec sleep 3600.029' & echo up; exec sleep 3600.029");
  ASSERT_TRUE(world.prints(id, "up"));
  ASSERT_TRUE(eventually([] { return FleetWorld::processes_called("3600.029") >= 3; }));
  std::atomic<bool> told = false;
  world.fleet->on_runner_end([&](const core::MachineId&, std::optional<int>) { told = true; });
  ASSERT_EQ(::kill(shim_of(id).shim.pid, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return told.load(); }));
  EXPECT_EQ(world.find(id)->state, MachineState::ended);
  EXPECT_FALSE(world.find(id)->exit_code);
  EXPECT_TRUE(eventually([] { return FleetWorld::processes_called("3600.029") == 0; }));
  world.fleet->on_runner_end(nullptr);
}

TEST_P(AllMeans, KilledShimAndKeeperLeaveNothingOnceLookedAt) {
  const auto id = world.run("setsid sleep 3600.031 & echo up; exec sleep 3600.031");
  ASSERT_TRUE(world.prints(id, "up"));
  const ShimRecord record = shim_of(id);
  world.fleet.reset();
  ::kill(record.shim.pid, SIGSTOP);
  ::kill(record.keeper.pid, SIGKILL);
  ::kill(record.shim.pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !alive(record.shim); }));
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.find(id)->state, MachineState::ended);
  EXPECT_EQ(FleetWorld::processes_called("3600.031"), 0);
}

TEST_P(AllMeans, AnEndedRunnerLeavesNoDaemonBehind) {
  const auto id = world.run(
      "setsid sh -c 'exec 1>&- 2>&-; setsid sleep 3600.037 & sleep 3600.037' & "
      "env -i setsid setsid sleep 3600.037 & sleep 0.05; exit 0");
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(world.find(id)->exit_code, 0);
  EXPECT_EQ(FleetWorld::processes_called("3600.037"), 0);
}

TEST_P(AllMeans, AForkBombEndsWithItsRunner) {
  // Bounded all the same: five levels, twice wide.
  const auto id = world.run(
      "cat > bomb-3600.041 <<'X'\n"
      "[ $1 -gt 0 ] || exec sleep 3600.041\n"
      "for i in 1 2; do setsid sh bomb-3600.041 $(($1-1)) & done; exec sleep 3600.041\n"
      "X\n"
      "setsid sh bomb-3600.041 5 & while [ ! -e go ]; do sleep 0.02; done; exit 0");
  ASSERT_TRUE(eventually([] { return FleetWorld::processes_called("3600.041") >= 40; }));
  world.write_file("state/runners/" + id + "/go", "", 0644);
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(world.find(id)->exit_code, 0);
  EXPECT_EQ(FleetWorld::processes_called("3600.041"), 0);
}

TEST_P(AllMeans, ProcessesThatForkUntilStoppedAreStopped) {
  // Each is gone as soon as it is seen, with another one in its place.
  const auto id = world.run(
      "echo 'setsid sh comet-3600.042 & exit' > comet-3600.042\n"
      "for i in 1 2 3; do setsid sh comet-3600.042 & done; "
      "while [ ! -e go ]; do sleep 0.02; done; exit 0");
  ASSERT_TRUE(eventually([] { return FleetWorld::processes_called("comet-3600.042") > 0; }));
  world.write_file("state/runners/" + id + "/go", "", 0644);
  ASSERT_TRUE(world.ends(id));
  for (int look = 0; look < 20; ++look) {
    EXPECT_EQ(FleetWorld::processes_called("comet-3600.042"), 0);
  }
}

TEST_P(AllMeans, StopEndsARunnerAndItsDaemons) {
  const auto id = world.run("setsid sleep 3600.043 & echo up; exec sleep 3600.043");
  ASSERT_TRUE(world.prints(id, "up"));
  EXPECT_TRUE(world.stop(id));
  EXPECT_EQ(FleetWorld::processes_called("3600.043"), 0);
}

TEST_P(AllMeans, AServerThatLeavesTakesOnlyAnEmptyControlGroupAlong) {
  const auto id = world.run("echo up; while [ ! -e go ]; do sleep 0.02; done; exit 6");
  ASSERT_TRUE(world.prints(id, "up"));
  const std::string group = shim_of(id).cgroup;
  ASSERT_EQ(!group.empty(), GetParam().cgroups);
  world.reopen();
  EXPECT_EQ(world.find(id)->state, MachineState::running);
  EXPECT_EQ(std::filesystem::exists(group), GetParam().cgroups);
  world.write_file("state/runners/" + id + "/go", "", 0644);
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(world.find(id)->exit_code, 6);
  world.fleet.reset();
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(group).parent_path()));
}

INSTANTIATE_TEST_SUITE_P(Means, AllMeans,
                         testing::Values(Means{"Both", true, true},
                                         Means{"Namespaces", true, false},
                                         Means{"Cgroups", false, true},
                                         Means{"Neither", false, false}),
                         [](const auto& means) { return std::string(means.param.name); });

TEST_F(ProcessFleetCrashTest, AfterARebootARunnerHasEndedAndNoStrangerIsKilled) {
  const auto id = world.run("echo up; exec sleep 3600.047");
  ASSERT_TRUE(world.prints(id, "up"));
  // The same numbers under another boot id are other processes.
  ShimRecord record = shim_of(id);
  const ShimRecord truth = record;
  world.fleet.reset();
  // The lock of a dead boot is free.
  ::kill(truth.keeper.pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !alive(truth.shim); }));
  std::filesystem::remove(world.files(id).status());
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    for (;;) ::pause();
  }
  record.shim = record.keeper = identify(stranger);
  record.shim.boot_id = record.keeper.boot_id = "another-boot";
  ASSERT_TRUE(write_shim(world.files(id), record));
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.find(id)->state, MachineState::ended);
  EXPECT_FALSE(world.find(id)->exit_code);
  EXPECT_TRUE(world.stop(id));
  EXPECT_EQ(::waitpid(stranger, nullptr, WNOHANG), 0) << "a stranger was killed";
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, nullptr, 0);
}

TEST_F(ProcessFleetCrashTest, AMachineMadeBeforeARebootIsNotStarted) {
  const auto id = world.launch(1).at(0);
  auto meta = read_meta(world.files(id)).value().value();
  meta.boot_id = "another-boot";
  ASSERT_TRUE(write_durably(world.files(id).meta(), to_json(meta)));
  EXPECT_EQ(world.find(id)->state, MachineState::ended);
  EXPECT_EQ(world.fleet->start(id, "r", core::Secret("exit 0")).error().fault,
            core::Fault::not_found);
}

TEST_F(ProcessFleetCrashTest, AStopThatDiedHalfWayIsSentAgain) {
  const auto id = world.launch(1).at(0);
  ASSERT_TRUE(write_durably(world.files(id).stopping(), ""));
  world.reopen();
  EXPECT_EQ(world.fleet->start(id, "r", core::Secret("exit 0")).error().fault,
            core::Fault::not_found);
  EXPECT_EQ(world.find(id)->state, MachineState::ended);
  EXPECT_TRUE(world.stop(id));
  EXPECT_FALSE(world.find(id));
}

}  // namespace
}  // namespace jitney::local
