// SPDX-License-Identifier: Apache-2.0
// Starting runners over Systems Manager, against the stub of tests/aws/cloud.hpp: moto has no
// DescribeInstanceInformation and no life of commands.
#include "aws/ssm_start.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "net/json.hpp"
#include "tests/aws/fleet_world.hpp"

namespace jitney::aws {

namespace {

using core::Fault;
using core::Secret;
using testing::HasSubstr;

constexpr const char* kJit = "ZW5jb2RlZC1qaXQtY29uZmlndXJhdGlvbg==";

class SsmStartTest : public testing::Test {
 protected:
  tests::FleetWorld world;
  tests::Cloud& cloud = world.cloud;
  SsmStart ssm{world.client, tests::cloud_fleet_options().ssm};
};

TEST_F(SsmStartTest, SendsOneCommandThatNamesTheMachinesOwnObject) {
  const auto id = world.machine();
  ASSERT_TRUE(ssm.start(id, "prod-cpu-1", Secret(kJit)));
  const auto sent = cloud.calls("SendCommand");
  ASSERT_EQ(sent.size(), 1U);
  const boost::json::value& input = sent.front().input;
  EXPECT_EQ(net::get_string(input, "DocumentName"), "AWS-RunRemoteScript");
  EXPECT_EQ(net::get_strings(input, "InstanceIds"), std::vector<std::string>{id});
  const auto& parameters = input.at("Parameters");
  EXPECT_EQ(net::get_strings(parameters, "commandLine"),
            std::vector<std::string>{"bash jitney-runner --jit s3://jit-bucket/jit/AROAEXAMPLE:" +
                                     id + "/config --name prod-cpu-1 --region us-east-1"});
  EXPECT_EQ(net::get_strings(parameters, "sourceType"), std::vector<std::string>{"S3"});
  EXPECT_EQ(net::get_strings(parameters, "sourceInfo"),
            std::vector<std::string>{
                R"({"path":"https://s3.us-east-1.amazonaws.com/scripts/jitney-runner"})"});
  EXPECT_EQ(net::get_strings(parameters, "executionTimeout"), std::vector<std::string>{"172800"});
  const auto& logs = input.at("CloudWatchOutputConfig");
  EXPECT_EQ(net::get_string(logs, "CloudWatchLogGroupName"), "/jitney/runners");
  EXPECT_EQ(net::get_bool(logs, "CloudWatchOutputEnabled"), true);
  EXPECT_EQ(cloud.instance(id).jit, kJit);
}

TEST_F(SsmStartTest, TheJitConfigurationStandsInNoCommandTagOrQuery) {
  const auto id = world.machine();
  ASSERT_TRUE(ssm.start(id, "prod-cpu-1", Secret(kJit)));
  ASSERT_TRUE(ssm.result(id));
  EXPECT_EQ(cloud.all_that_was_said().find(kJit), std::string::npos);
  EXPECT_EQ(cloud.instance(id).jit, kJit) << "it did come to the machine";
}

TEST_F(SsmStartTest, AJitConfigurationMayBeLargerThanAParameterOfSystemsManager) {
  const auto id = world.machine();
  const std::string large(9000, 'A');
  ASSERT_TRUE(ssm.start(id, "prod-cpu-1", Secret(large)));
  EXPECT_EQ(cloud.instance(id).jit, large);
}

TEST_F(SsmStartTest, NothingStaysInTheBucketOnceTheMachineHasIt) {
  const auto id = world.machine();
  ASSERT_TRUE(ssm.start(id, "prod-cpu-1", Secret(kJit)));
  ASSERT_TRUE(ssm.start(id, "prod-cpu-1", Secret(kJit)));
  EXPECT_TRUE(cloud.objects().empty());
}

TEST_F(SsmStartTest, TwoCommandsOnOneMachineStartOneRunner) {
  const auto id = world.machine();
  ASSERT_TRUE(ssm.start(id, "prod-cpu-1", Secret("first")));
  ASSERT_TRUE(ssm.start(id, "prod-cpu-1", Secret("second")));
  EXPECT_EQ(cloud.count("SendCommand"), 2);
  EXPECT_EQ(cloud.instance(id).starts, 1);
  EXPECT_EQ(cloud.instance(id).jit, "first");
}

TEST_F(SsmStartTest, AnAgentThatIsNotUpIsNotReadyAndLeavesNothingBehind) {
  const auto id = world.launched(1).machines.front().id;
  const auto started = ssm.start(id, "prod-cpu-1", Secret(kJit));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().fault, Fault::not_ready);
  EXPECT_EQ(started.error().retry_after, std::chrono::seconds(3));
  EXPECT_TRUE(cloud.objects().empty());
}

TEST_F(SsmStartTest, AThrottleIsAWaitAndLeavesNothingBehind) {
  const auto id = world.machine();
  cloud.refuse_next("SendCommand", {400, "ThrottlingException", "Rate exceeded", ""}, 10);
  EXPECT_EQ(ssm.start(id, "prod-cpu-1", Secret(kJit)).error().fault, Fault::throttled);
  EXPECT_TRUE(cloud.objects().empty());
  EXPECT_EQ(cloud.instance(id).starts, 0);
}

TEST_F(SsmStartTest, ALostAnswerLeavesTheObjectForTheCommandThatMayCome) {
  const auto id = world.machine();
  cloud.refuse_next("SendCommand", {500, "InternalServerError", "", ""}, 10);
  EXPECT_EQ(ssm.start(id, "prod-cpu-1", Secret(kJit)).error().fault, Fault::transient);
  EXPECT_EQ(cloud.objects().size(), 1U);
}

TEST_F(SsmStartTest, WithoutItsObjectNoCommandIsSent) {
  const auto id = world.machine();
  cloud.refuse_next("PUT", {500, "InternalError", "", ""}, 10);
  EXPECT_EQ(ssm.start(id, "prod-cpu-1", Secret(kJit)).error().fault, Fault::not_ready);
  cloud.refuse_next("PUT", {403, "AccessDenied", "", ""}, 1);
  EXPECT_EQ(ssm.start(id, "prod-cpu-1", Secret(kJit)).error().fault, Fault::unauthorized);
  EXPECT_EQ(cloud.count("SendCommand"), 0);
}

TEST_F(SsmStartTest, AMissingBucketIsSomethingForAPersonAndNoMissingMachine) {
  auto options = tests::cloud_fleet_options().ssm;
  options.jit_bucket = "elsewhere";
  SsmStart other(world.client, options);
  const auto started = other.start(world.machine(), "prod-cpu-1", Secret(kJit));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().fault, Fault::invalid);
  EXPECT_THAT(started.error().what, HasSubstr("jit_bucket of [ec2]"));  // where the key stands
}

TEST_F(SsmStartTest, AnObjectOfAnotherMachineStartsNothing) {
  auto options = tests::cloud_fleet_options().ssm;
  options.machine_role_id = "AROAANOTHER";
  SsmStart other(world.client, options);
  const auto id = world.machine();
  ASSERT_TRUE(other.start(id, "prod-cpu-1", Secret(kJit)));
  EXPECT_EQ(cloud.instance(id).starts, 0);
  EXPECT_EQ(ssm.result(id)->value().exit_code, 66);
}

TEST_F(SsmStartTest, NamesThatAreNoneNeverReachACommandLine) {
  const auto id = world.machine();
  for (const char* name : {"", "a b", "x;reboot", "$(id)", "a'b"}) {
    EXPECT_EQ(ssm.start(id, name, Secret(kJit)).error().fault, Fault::invalid) << name;
  }
  EXPECT_EQ(ssm.start("i-1;reboot", "a", Secret(kJit)).error().fault, Fault::not_found);
  EXPECT_EQ(cloud.count("SendCommand"), 0);
  EXPECT_EQ(cloud.count("PUT"), 0);
}

TEST_F(SsmStartTest, AsksForFiftyMachinesInOneCallAndTurnsPages) {
  auto ids = tests::ids_of(world.launched(70).machines);
  cloud.settle();
  EXPECT_THAT(ssm.answering(ids).value(), testing::UnorderedElementsAreArray(ids));
  EXPECT_EQ(cloud.count("DescribeInstanceInformation"), 2);
  cloud.page_size(30);
  EXPECT_EQ(ssm.answering(ids)->size(), 70U);
  EXPECT_EQ(cloud.count("DescribeInstanceInformation"), 5);
  EXPECT_TRUE(ssm.answering({})->empty());
  EXPECT_EQ(cloud.count("DescribeInstanceInformation"), 5);
}

TEST_F(SsmStartTest, WithoutCommandsThereIsNoResult) {
  EXPECT_EQ(ssm.result(world.machine()).value(), std::nullopt);
}

}  // namespace

}  // namespace jitney::aws
