// SPDX-License-Identifier: Apache-2.0
// What a job can reach: nothing of the server, of its neighbour, or of the template.
#include <sys/prctl.h>

#include "local/cgroup.hpp"
#include "local/isolation.hpp"
#include "local/process_fleet.hpp"
#include "local/process_fleet_test_world.hpp"

namespace jitney::local {
namespace {

class HostileJobTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to run jobs as another user";
    ASSERT_EQ(::setenv("JITNEY_MARKED_SECRET", "ENVSECRET-7f3a", 1), 0);
    ASSERT_TRUE(world.open());
    world.write_file("state/jitney.db", "DBSECRET-51c0", 0600);
  }
  void TearDown() override { ::unsetenv("JITNEY_MARKED_SECRET"); }

  std::string output_of(const std::string& script, const std::string& token = "hostile/0") {
    const auto id = world.run(script, token);
    EXPECT_TRUE(world.ends(id));
    return world.log(id);
  }
  FleetWorld world;
};

TEST_F(HostileJobTest, TheEnvironmentIsScrubbed) {
  world.options.pools["cpu"].environment = {{"EXTRA", "given"}};
  world.reopen();
  const std::string log = output_of("env");
  EXPECT_EQ(log.find("ENVSECRET"), std::string::npos);
  EXPECT_NE(log.find("EXTRA=given\n"), std::string::npos);
  EXPECT_NE(log.find("USER=daemon\n"), std::string::npos);
  EXPECT_NE(log.find("/_home\n"), std::string::npos);
  for (const char* name : {"ASAN_OPTIONS", "SHLVL=2", "SUDO"}) {
    EXPECT_EQ(log.find(name), std::string::npos) << log;
  }
}

TEST_F(HostileJobTest, RunsAsTheOtherUserWithNothingOpen) {
  const std::string log = output_of("id -un; id -ru; umask; ulimit -c; ls -l /proc/$$/fd; pwd -P");
  EXPECT_TRUE(log.starts_with("daemon\n1\n0022\n0\n")) << log;
  // Of descriptors: the three, and what the shell itself opens.
  EXPECT_EQ(log.find("memfd"), std::string::npos) << log;
  EXPECT_EQ(log.find("/machines/"), std::string::npos) << log;
  EXPECT_EQ(log.find("socket:"), std::string::npos) << log;
}

TEST_F(HostileJobTest, SeesNeitherServerNorNeighbourInProc) {
  if (!why_no_namespaces().empty()) GTEST_SKIP() << why_no_namespaces();
  const auto neighbour = world.run("echo up; exec sleep 3600.053", "other/0");
  ASSERT_TRUE(world.prints(neighbour, "up"));
  ASSERT_TRUE(eventually([] { return FleetWorld::processes_called("3600.053") > 0; }));
  const std::string log = output_of(
      "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; cat $p/environ | tr '\\0' '\\n' | grep "
      "-v ACTIONS_RUNNER; ls $p/fd $p/cwd/ ; done 2>/dev/null; kill -9 -1; true",
      "spy/0");
  EXPECT_EQ(log.find(marked("3600.053")), std::string::npos) << log;
  EXPECT_EQ(log.find("ENVSECRET"), std::string::npos);
  EXPECT_EQ(log.find("process_fleet"), std::string::npos) << log;
}

TEST_F(HostileJobTest, ReadsNeitherDatabaseNorControl) {
  const auto other = world.run("echo up; exec sleep 3600.059", "other/0");
  ASSERT_TRUE(world.prints(other, "up"));
  const std::string state = world.options.state_dir;
  const std::string log =
      output_of("cat " + state + "/jitney.db; ls " + state + " " + state + "/machines " + state +
                    "/runners; cat " + world.files(other).log() + " " + state +
                    "/machines/*/* ; echo forged > " + state + "/machines/" + other +
                    "/status.json; cd ..; ls; echo mine > x; true",
                "spy/0");
  for (const char* secret : {"DBSECRET", "meta.json", "jitney.db\n"}) {
    EXPECT_EQ(log.find(std::string("\n") + secret), std::string::npos) << log;
  }
  EXPECT_EQ(world.find(other)->state, core::MachineState::running);
}

// One user's files are that user's: between two runners of one user only namespaces stand.
TEST_F(HostileJobTest, ReadsNoSiblingsRoot) {
  if (!why_no_namespaces().empty()) GTEST_SKIP() << why_no_namespaces();
  const auto sibling = world.run(
      "echo SIBLINGSECRET-1 > secret; chmod 644 secret; echo up; exec sleep 3600.067", "other/0");
  ASSERT_TRUE(world.prints(sibling, "up"));
  const std::string root = world.root(sibling);
  const std::string log = output_of("ls " + root + "; cat " + root + "/secret; true", "spy/0");
  EXPECT_EQ(log.find("SIBLINGSECRET"), std::string::npos) << log;
  EXPECT_EQ(log.find("secret\n"), std::string::npos) << log;
}

TEST_F(HostileJobTest, CannotWriteIntoTheTemplate) {
  const auto id = world.run(
      "echo evil >> lib.txt; echo evil > bin/Runner.Listener; rm -f lib.txt; echo evil > lib.txt; "
      "chmod 777 bin/Runner.Listener; echo evil > " +
      world.home.path() + "/template/new; true");
  ASSERT_TRUE(world.ends(id));
  EXPECT_EQ(contents(world.home.path() + "/template/lib.txt"), "shared\n");
  EXPECT_EQ(contents(world.home.path() + "/template/bin/Runner.Listener").find("evil"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(world.home.path() + "/template/new"));
}

TEST_F(HostileJobTest, NeighboursOfOneUserCannotSignalEachOther) {
  if (!why_no_namespaces().empty()) GTEST_SKIP() << why_no_namespaces();
  const auto victim = world.run("echo up; exec sleep 3600.061", "victim/0");
  ASSERT_TRUE(world.prints(victim, "up"));
  const auto killer = world.run("trap '' TERM; kill -9 -1; exit 0", "killer/0");
  ASSERT_TRUE(world.ends(killer));
  EXPECT_EQ(world.find(victim)->state, core::MachineState::running);
}

TEST_F(HostileJobTest, ADirectoryMadeToStayGoesAllTheSame) {
  const auto id = world.run(
      "mkdir -p deep; cd deep; i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; "
      "echo x > f; cd $OLDPWD; cd \"$HOME/..\"; mkdir -p no/rights; echo x > no/rights/f; "
      "chmod 000 no/rights no; ln -s /etc outside; ln -s / root; mkfifo pipe; "
      "touch \"$(printf 'new\\nline')\"; exit 0");
  ASSERT_TRUE(world.ends(id));
  EXPECT_TRUE(world.stop(id));
  EXPECT_FALSE(std::filesystem::exists(world.root(id)));
  EXPECT_EQ(world.fleet->quarantined(), 0U);
  EXPECT_TRUE(std::filesystem::exists("/etc/passwd"));
}

TEST_F(HostileJobTest, TheConfigurationIsOnNoCommandLineAndInNoFile) {
  const std::string marker = "JITSECRET-e51f";
  const auto id = world.run("echo up; : " + marker + "; while [ ! -e go ]; do sleep 0.02; done");
  ASSERT_TRUE(world.prints(id, "up"));
  EXPECT_EQ(FleetWorld::processes_called(marker), 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.options.state_dir)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(contents(entry.path().string()).find(marker), std::string::npos) << entry.path();
  }
  // Shim and keeper hold it no longer, or hold it where their environment does not show it.
  const ShimRecord record = read_shim(world.files(id)).value().value();
  EXPECT_EQ(contents("/proc/" + std::to_string(record.shim.pid) + "/environ").find(marker),
            std::string::npos);
}

TEST_F(HostileJobTest, HardLinksShareOnlyWhatTheUserCannotWrite) {
  world.write_file("template/loose.txt", "loose\n", 0666);
  world.write_file("template/private.txt", "private\n", 0600);
  const auto id = world.run("cat private.txt; echo evil > loose.txt; echo done; exec sleep 3600.7");
  ASSERT_TRUE(eventually([&] { return world.log(id) == "private\ndone\n"; })) << world.log(id);
  EXPECT_EQ(contents(world.home.path() + "/template/loose.txt"), "loose\n");
  struct stat shared{};
  struct stat copied{};
  ASSERT_EQ(::stat((world.root(id) + "/lib.txt").c_str(), &shared), 0);
  ASSERT_EQ(::stat((world.root(id) + "/loose.txt").c_str(), &copied), 0);
  EXPECT_EQ(shared.st_nlink, 2U);
  EXPECT_EQ(copied.st_nlink, 1U);
}

TEST_F(HostileJobTest, ALinkOutOfTheTemplateIsRefusedByName) {
  std::filesystem::create_symlink("lib.txt", world.home.path() + "/template/good");
  ASSERT_FALSE(world.launch(1, "good/0").empty());
  std::filesystem::create_symlink("../../etc", world.home.path() + "/template/bin/bad");
  const auto refused = world.fleet->launch(world.compose().value(), "bad/0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, core::Fault::invalid);
  EXPECT_NE(refused.error().what.find("/bin/bad"), std::string::npos) << refused.error().what;
  EXPECT_EQ(world.fleet->list()->size(), 1U);
}

TEST_F(HostileJobTest, WhatARegisteredTemplateHoldsIsNotHandedOn) {
  world.write_file("template/.credentials", "TEMPLATESECRET", 0644);
  world.write_file("template/_work/other/job", "TEMPLATESECRET", 0644);
  EXPECT_EQ(output_of("cat .credentials _work/other/job 2>/dev/null; true"), "");
}

TEST_F(HostileJobTest, StartUpSaysHowRunnersAreKeptApart) {
  EXPECT_TRUE(world.fleet->describe_isolation().starts_with("jobs run as users of their own"))
      << world.fleet->describe_isolation();
  // Namespaces keep nobody from files of his own user.
  world.options.pools["cpu"].runner_user = "";
  world.reopen();
  EXPECT_TRUE(world.fleet->describe_isolation().starts_with("none: "))
      << world.fleet->describe_isolation();
  world.options.use_cgroups = false;
  world.options.use_namespaces = false;
  world.reopen();
  EXPECT_TRUE(world.fleet->describe_isolation().starts_with("none: "))
      << world.fleet->describe_isolation();
}

TEST_F(HostileJobTest, ADirectoryThatTheUserCannotReachIsSaidAtTheStart) {
  world.options.runners_dir = world.home.path() + "/closed/runners";
  std::filesystem::create_directory(world.home.path() + "/closed");
  ::chmod((world.home.path() + "/closed").c_str(), 0700);
  const auto opened = ProcessFleet::open(world.options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, core::Fault::invalid);
  EXPECT_NE(opened.error().what.find("/closed"), std::string::npos) << opened.error().what;
}

}  // namespace
}  // namespace jitney::local
