// SPDX-License-Identifier: Apache-2.0
#include "aws/ssm_results.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace jitney::aws {

namespace {

struct Command {
  const char* status;
  const char* details;
  const char* step = nullptr;  // of the script; nullptr: it never came to it
  int code = 0;
};

CommandResult read(std::initializer_list<Command> commands) {
  boost::json::array all;
  for (const Command& command : commands) {
    boost::json::array steps{{{"Name", "downloadContent"}, {"Status", "Success"}}};
    if (command.step != nullptr) {
      steps.push_back(
          {{"Name", "runShellScript"}, {"Status", command.step}, {"ResponseCode", command.code}});
    }
    all.push_back({{"Status", command.status},
                   {"StatusDetails", command.details},
                   {"CommandPlugins", std::move(steps)}});
  }
  return read_invocations(all);
}

TEST(CommandResults, ACommandUnderWayWasStartedAndHasNotEnded) {
  for (const char* status : {"Pending", "InProgress", "Delayed", "Cancelling"}) {
    const auto result = read({{status, status}});
    EXPECT_TRUE(result.started) << status;
    EXPECT_FALSE(result.ended) << status;
  }
}

TEST(CommandResults, TheEndOfTheCommandIsTheEndOfTheRunner) {
  const auto fine = read({{"Success", "Success", "Success", 0}});
  EXPECT_TRUE(fine.ended);
  EXPECT_EQ(fine.exit_code, 0);
  for (const int code : {1, 5, 7, 66, 69, 71, 124, 137, 203}) {
    const auto failed = read({{"Failed", "Failed", "Failed", code}});
    EXPECT_TRUE(failed.started && failed.ended) << code;
    EXPECT_EQ(failed.exit_code, code);
  }
}

TEST(CommandResults, AScriptThatCouldNotBeFetchedEndsTheMachineWithoutAnExitCode) {
  const auto result = read({{"Failed", "Failed"}});
  EXPECT_TRUE(result.started && result.ended);
  EXPECT_EQ(result.exit_code, std::nullopt);
}

TEST(CommandResults, WhatWasCutOffSaysNothingOfTheRunner) {
  for (const Command& command : {
           Command{"TimedOut", "ExecutionTimedOut", "TimedOut", 137},
           Command{"Failed", "Failed", "TimedOut", 137},
           Command{"Cancelled", "Cancelled", "Cancelled", 143},
           Command{"Failed", "Failed", "Failed", 143},  // the script heard of the cancellation
           Command{"Failed", "Failed", "Failed", 70},   // its supervisor was killed
           Command{"Failed", "Failed", "Failed", -1},
       }) {
    const auto result = read({command});
    EXPECT_TRUE(result.started) << command.details << command.code;
    EXPECT_FALSE(result.ended) << command.details << command.code;
    EXPECT_EQ(result.exit_code, std::nullopt);
  }
}

TEST(CommandResults, WhatNeverArrivedStartedNothing) {
  for (const Command& command :
       {Command{"TimedOut", "DeliveryTimedOut"}, Command{"Failed", "Undeliverable"},
        Command{"Failed", "Terminated"}, Command{"Failed", "InvalidPlatform"}}) {
    const auto result = read({command});
    EXPECT_FALSE(result.started) << command.details;
    EXPECT_FALSE(result.ended) << command.details;
  }
}

TEST(CommandResults, OneOfSeveralIsEnoughWhenNoneIsAtWork) {
  const Command lost{"TimedOut", "DeliveryTimedOut"};
  const Command cancelled{"Cancelled", "Cancelled", "Cancelled", 143};
  const Command ended{"Failed", "Failed", "Failed", 5};
  const Command working{"InProgress", "InProgress"};
  EXPECT_EQ(read({lost, cancelled, ended}).exit_code, 5);
  EXPECT_EQ(read({ended, cancelled, lost}).exit_code, 5);
  EXPECT_TRUE(read({lost, working}).started);
  EXPECT_FALSE(read({ended, working}).ended);
  EXPECT_EQ(read({ended, working}).exit_code, std::nullopt);
}

TEST(CommandResults, AnAnswerOfAnotherShapeEndsNothing) {
  for (const char* text : {"[]", "[7]", "[{}]", R"([{"Status":"NewWord"}])",
                           R"([{"Status":"Success","CommandPlugins":
                               [{"Name":"runShellScript","Status":"Success"}]}])"}) {
    EXPECT_FALSE(read_invocations(boost::json::parse(text).as_array()).ended) << text;
  }
}

}  // namespace

}  // namespace jitney::aws
