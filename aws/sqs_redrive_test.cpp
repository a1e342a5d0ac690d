// SPDX-License-Identifier: Apache-2.0
// Sending back what SQS gave up, where SQS has a task of its own for it, which no emulator has.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "aws/scripted_test.hpp"
#include "aws/sqs_queue.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::aws {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using core::Fault;

class SqsRedriveTest : public ::testing::Test {
 protected:
  std::vector<std::string> operations() {
    std::vector<std::string> all;
    for (const net::Request& request : aws_.asked()) {
      const std::string target(request.headers.get("X-Amz-Target").value_or(""));
      all.push_back(target.substr(target.find('.') + 1));
    }
    return all;
  }
  std::size_t count(const std::string& operation) {
    const auto all = operations();
    return static_cast<std::size_t>(std::ranges::count(all, operation));
  }
  // What the n-th call of it was asked.
  json::value asked(const std::string& operation, std::size_t nth = 0) {
    const auto all = operations();
    for (std::size_t call = 0; call < all.size(); ++call) {
      if (all[call] == operation && nth-- == 0) return json::parse(aws_.asked()[call].body);
    }
    ADD_FAILURE() << "no such call: " << operation;
    return json::object{};
  }

  // So many wait in the dead-letter queue; no task moved any so far.
  void dead_messages(int waiting) {
    aws_.then(answer(200, R"({"Attributes":{"ApproximateNumberOfMessages":")" +
                              std::to_string(waiting) + "\"}}"));
    aws_.then(answer(200, R"({"Attributes":{"QueueArn":"arn:aws:sqs:eu-west-1:1:dead"}})"));
  }
  void no_task() { aws_.then(answer(200, "{}")); }
  void started() { aws_.then(answer(200, R"({"TaskHandle":"h"})")); }
  void task(const std::string& status, int at, int moved) {
    aws_.then(answer(200, R"({"Results":[{"Status":")" + status + R"(","StartedTimestamp":)" +
                              std::to_string(at) + R"(,"ApproximateNumberOfMessagesMoved":)" +
                              std::to_string(moved) + "}]}"));
  }
  // One dead message, which did not die in a queue, and then no more.
  void undelivered(const std::string& body) {
    const json::object message{{"ReceiptHandle", "r0"}, {"Body", body}};
    aws_.then(answer(200, json::serialize(json::object{{"Messages", json::array{message}}})));
    aws_.then(answer(200, R"({"Successful":[{"Id":"0"}]})"));
    aws_.then(answer(200));
    aws_.then(answer(200));
  }
  void no_letters() { aws_.then(answer(200, R"({"Items":[]})")); }

  ScriptedAws aws_;
  Client client_{aws_.options(), fixed_credentials(test_keys())};
  fakes::FakeClock clock_;
  SqsQueue queue_{client_,
                  "t",
                  {.queue_url = "https://sqs/1/create",
                   .stop_queue_url = "https://sqs/1/stop",
                   .dead_letter_queue_url = "https://sqs/1/dead",
                   .pace = 0ms,
                   .look = 0ms,
                   .looks = 3},
                  clock_};
};

TEST_F(SqsRedriveTest, DeadMessagesGoBackByAMoveTaskWhichIsWatchedToItsEnd) {
  dead_messages(3);
  no_task();
  started();
  task("RUNNING", 7, 1);
  task("COMPLETED", 7, 3);
  no_letters();
  const auto moved = queue_.redrive(1000);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(*moved, 3U);
  EXPECT_EQ(asked("StartMessageMoveTask").at("SourceArn"), "arn:aws:sqs:eu-west-1:1:dead");
  EXPECT_FALSE(asked("StartMessageMoveTask").as_object().contains("DestinationArn"))
      << "each to where it came from";
  EXPECT_EQ(operations().back(), "Query") << "the causes are forgotten last";
}

// SQS finds no source for what EventBridge put there, and says so only afterwards.
TEST_F(SqsRedriveTest, WhatAMoveTaskFailsAtIsMovedByHand) {
  dead_messages(2);
  task("FAILED", 3, 0);  // of yesterday
  started();
  task("FAILED", 3, 0);  // lists lag
  task("FAILED", 9, 1);
  undelivered(R"({"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification",)"
              R"("detail":{"instance-id":"i-0aa","state":"terminated"}})");
  no_letters();
  const auto moved = queue_.redrive(1000);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(*moved, 2U);
  EXPECT_EQ(asked("SendMessageBatch").at("QueueUrl"), "https://sqs/1/stop");
  EXPECT_EQ(count("DeleteMessageBatch"), 1U);
  EXPECT_EQ(operations().back(), "Query");
}

TEST_F(SqsRedriveTest, TheCausesStayWhileATaskGoesOnOrSomeAreLeft) {
  dead_messages(3);
  no_task();
  started();
  for (int look = 0; look < 3; ++look) task("RUNNING", 7, 1);
  auto moved = queue_.redrive(1000);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(*moved, 3U);
  EXPECT_EQ(count("Query"), 0U);

  dead_messages(3);
  task("RUNNING", 7, 1);
  aws_.then(refusal(400, "UnsupportedOperation"));  // one runs already
  undelivered("{}");
  moved = queue_.redrive(1000);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(*moved, 1U);
  EXPECT_EQ(count("Query"), 0U);
}

TEST_F(SqsRedriveTest, AMoveThatSomebodyCancelledIsSaid) {
  dead_messages(3);
  no_task();
  started();
  task("CANCELLED", 7, 1);
  const auto moved = queue_.redrive(1000);
  ASSERT_FALSE(moved);
  EXPECT_NE(moved.error().what.find("cancelled"), std::string::npos) << moved.error().what;
  EXPECT_EQ(count("Query"), 0U);
}

TEST_F(SqsRedriveTest, AMoveTaskThatIsForbiddenIsSaidAndNotWorkedAround) {
  dead_messages(3);
  no_task();
  aws_.otherwise(refusal(403, "AccessDeniedException"));
  const auto moved = queue_.redrive(1000);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().fault, Fault::unauthorized);
  EXPECT_NE(moved.error().what.find("StartMessageMoveTask"), std::string::npos);
  EXPECT_EQ(count("Query"), 0U);
}

// An event without a source queue goes where its rule would have sent it (events.tf).
TEST_F(SqsRedriveTest, AnUndeliveredEventGoesToTheQueueOfItsRule) {
  const auto envelope = [](const std::string& source, const std::string& type,
                           const std::string& detail) {
    return R"({"version":"0","source":")" + source + R"(","detail-type":")" + type +
           R"(","detail":{"instance-id":"i-0123456789abcdef0",)" + detail + "}}";
  };
  const std::string state = "EC2 Instance State-change Notification";
  const std::vector<std::pair<std::string, std::string>> events = {
      {envelope("aws.ec2", state, R"("state":"running")"), "create"},
      {envelope("aws.ec2", state, R"("state":"shutting-down")"), "stop"},
      {envelope("aws.ec2", "EC2 Spot Instance Interruption Warning",
                R"("instance-action":"terminate")"),
       "stop"},
      {envelope("aws.ssm", "EC2 Command Invocation Status-change Notification",
                R"("command-id":"c","status":"Success")"),
       "stop"},
      {R"({"kind":"stop_runner","key":"ci-linux-1"})", "stop"},
      {R"({"kind":"create_runner","key":"linux"})", "create"},
      {"no event at all", "create"},
  };
  for (std::size_t i = 0; i < events.size(); ++i) {
    dead_messages(1);
    aws_.then(refusal(400, "UnsupportedOperation"));  // no such call here
    undelivered(events[i].first);
    no_letters();
    ASSERT_TRUE(queue_.redrive(1000));
    EXPECT_EQ(asked("SendMessageBatch", i).at("QueueUrl").as_string(),
              "https://sqs/1/" + events[i].second)
        << events[i].first;
    EXPECT_EQ(asked("SendMessageBatch", i).at("Entries").at(0).at("MessageBody").as_string(),
              events[i].first);
  }
}

// A batch call answers 200 when some of it failed.
TEST_F(SqsRedriveTest, WhatSqsDidNotTakeBackStaysDead) {
  dead_messages(2);
  aws_.then(refusal(400, "UnsupportedOperation"));
  const std::string body = R"("Body":"{\"kind\":\"check_job\",\"key\":\"1\"}")";
  aws_.then(answer(200, R"({"Messages":[{"ReceiptHandle":"r0",)" + body +
                            R"(},{"ReceiptHandle":"r1",)" + body + "}]}"));
  aws_.then(
      answer(200, R"({"Successful":[{"Id":"1"}],"Failed":[{"Id":"0","Code":"InternalError"}]})"));
  aws_.otherwise(answer(200));
  const auto moved = queue_.redrive(1000);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().fault, Fault::transient);
  ASSERT_EQ(operations().back(), "DeleteMessageBatch");
  const json::value removed = asked("DeleteMessageBatch");
  ASSERT_EQ(removed.at("Entries").as_array().size(), 1U);
  EXPECT_EQ(removed.at("Entries").at(0).at("ReceiptHandle"), "r1");
}

TEST_F(SqsRedriveTest, ADeadMessageGoesBackToTheQueueItDiedIn) {
  dead_messages(1);
  aws_.then(refusal(400, "UnsupportedOperation"));
  aws_.then(answer(
      200, R"({"Messages":[{"ReceiptHandle":"r0","Body":"an EventBridge envelope",)"
           R"("Attributes":{"DeadLetterQueueSourceArn":"arn:aws:sqs:eu-west-1:1:stop"}}]})"));
  aws_.then(answer(200, R"({"Successful":[{"Id":"0"}]})"));
  aws_.then(answer(200));
  aws_.then(answer(200));  // no more
  aws_.then(answer(200, R"({"Items":[]})"));
  ASSERT_TRUE(queue_.redrive(1000));
  const json::value sent = asked("SendMessageBatch");
  EXPECT_EQ(sent.at("QueueUrl"), "https://sqs/1/stop");
  EXPECT_EQ(sent.at("Entries").at(0).at("MessageBody"), "an EventBridge envelope");
}

}  // namespace
}  // namespace jitney::aws
