// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/machine_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "net/http_server.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::app {
namespace {

using State = ListenerFacts::State;
using testing::Contains;

std::unique_ptr<net::HttpServer> answering(int status, const std::string& body) {
  auto made = net::HttpServer::listen({}, [=](const net::Request&, net::Responder respond) {
    respond({.status = status, .headers = {}, .body = body});
  });
  EXPECT_TRUE(made);
  return *std::move(made);
}

class Machine : public testing::Test {
 protected:
  Machine() {
    chmod(directory_.path().c_str(), 0755);
    std::filesystem::create_directories(runner_dir_ + "/bin");
    write(runner_dir_ + "/bin/Runner.Listener", 0755);
    config_.path = directory_.path() + "/jitney.toml";
    write(config_.path, 0644);
    config_.server.state_dir = directory_.path() + "/state";
    config_.server.admin.port = config_.server.webhook.port = 1;
    core::Pool pool;
    pool.name = "cpu";
    config_.deployment.pools = {pool};
    config_.process_pools["cpu"].runner_dir = runner_dir_;
    config_.process_pools["cpu"].runner_user = "nobody";
  }
  static void write(const std::string& path, mode_t mode, const std::string& text = "x") {
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
  }
  MachineFacts look() { return look_at_machine(config_); }

  fakes::TemporaryDirectory directory_;
  std::string runner_dir_ = directory_.path() + "/runner";
  Config config_;
};

TEST_F(Machine, TheRunnerIsLookedAtOnceForAllItsPools) {
  const MachineFacts facts = look();
  ASSERT_EQ(facts.runner_dirs.size(), 1U);
  EXPECT_EQ(facts.runner_dirs[0].trouble, "");
  EXPECT_TRUE(facts.runner_dirs[0].open_to.empty());
  chmod((runner_dir_ + "/bin").c_str(), 0777);
  EXPECT_THAT(look().runner_dirs[0].open_to, Contains("nobody"));
  chmod((runner_dir_ + "/bin/Runner.Listener").c_str(), 0644);
  EXPECT_NE(look().runner_dirs[0].trouble, "");
}

TEST_F(Machine, WhatTheUserOfJobsCanReadIsFound) {
  const std::string token = directory_.path() + "/token";
  write(token, 0600);
  GithubScope scope;
  scope.token = SecretRef{SecretRef::Kind::file, token, ""};
  config_.github = {scope};
  EXPECT_TRUE(look().users[0].may_read.empty());
  chmod(token.c_str(), 0644);
  EXPECT_THAT(look().users[0].may_read, Contains(token));
  chmod(config_.path.c_str(), 0666);
  EXPECT_THAT(look().users[0].may_write, Contains(config_.path));
}

TEST_F(Machine, AUserThatIsNotThereIsSaidToBeSo) {
  config_.process_pools["cpu"].runner_user = "no-such-user-here";
  EXPECT_FALSE(look().users[0].there);
}

TEST_F(Machine, AClosedDirectoryAboveTheRunnersStopsTheirUser) {
  std::filesystem::create_directories(config_.server.state_dir);
  chmod(config_.server.state_dir.c_str(), 0700);
  EXPECT_EQ(look().users[0].stuck_at, config_.server.state_dir);
  chmod(config_.server.state_dir.c_str(), 0711);
  EXPECT_EQ(look().users[0].stuck_at, "");
}

TEST_F(Machine, StateAndDatabaseAreSeenWithTheirMode) {
  EXPECT_FALSE(look().state.there);
  std::filesystem::create_directories(config_.server.state_dir);
  EXPECT_TRUE(look().state.there);
  EXPECT_FALSE(look().state.database);
  write(config_.database(), 0640);
  EXPECT_TRUE(look().state.database);
  EXPECT_EQ(look().state.database_mode, 0640U);
}

TEST_F(Machine, AListenerOfOursIsToldFromAnothersAndFromNone) {
  const auto ours = answering(200, "{\"ok\":true,\"reasons\":{}}");
  config_.server.admin.port = ours->port();
  EXPECT_EQ(look().admin.state, State::ours);
  EXPECT_EQ(look().admin.no_namespaces, std::nullopt) << "an older server does not tell";
  const auto unwell = answering(503,
                                "{\"ok\":false,\"reasons\":{\"sweep\":\"no sweep for 9m\"},"
                                "\"no_namespaces\":\"EPERM\"}");
  config_.server.admin.port = unwell->port();
  EXPECT_EQ(look().admin.state, State::unwell);
  EXPECT_EQ(look().admin.detail, "sweep: no sweep for 9m");
  EXPECT_EQ(look().admin.no_namespaces, "EPERM");
  const auto foreign = answering(200, "<html>");
  config_.server.admin.port = foreign->port();
  EXPECT_EQ(look().admin.state, State::taken);
  const auto refusing = answering(405, "");
  config_.server.webhook.port = refusing->port();
  EXPECT_EQ(look().webhook->state, State::ours);
  std::uint16_t free = 0;
  {
    const auto gone = answering(200, "");
    free = gone->port();
  }
  config_.server.webhook.port = free;
  EXPECT_EQ(look().webhook->state, State::free);
  config_.server.webhook.address = "203.0.113.1";
  config_.ingress = IngressKind::poll;
  EXPECT_FALSE(look().webhook);
}

TEST_F(Machine, DiskIsMeasuredWhereRunnersWillBe) {
  const DiskFacts disk = look().disk;
  EXPECT_EQ(disk.path, config_.server.state_dir + "/runners");
  EXPECT_EQ(disk.trouble, "");
  EXPECT_GT(disk.free, 0);
  EXPECT_EQ(disk.floor, config_.process.min_free_disk);
}

}  // namespace
}  // namespace jitney::app
