// SPDX-License-Identifier: Apache-2.0
// What an emulator cannot show of SqsQueue.
#include "aws/sqs_queue.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "aws/message_text.hpp"
#include "aws/scripted_test.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::aws {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using core::Fault;
using core::MessageKind;

constexpr core::Time kNow = fakes::FakeClock::kStart;

class SqsQueueTest : public ::testing::Test {
 protected:
  std::string operation(std::size_t call) {
    const auto all = aws_.asked();
    const std::string target(all.at(call).headers.get("X-Amz-Target").value_or(""));
    return target.substr(target.find('.') + 1);
  }
  json::value asked(std::size_t call) { return json::parse(aws_.asked().at(call).body); }
  void dead_messages(int count) {
    aws_.then(answer(
        200, R"({"Attributes":{"ApproximateNumberOfMessages":")" + std::to_string(count) + "\"}}"));
  }
  void arn() {
    aws_.then(answer(200, R"({"Attributes":{"QueueArn":"arn:aws:sqs:eu-west-1:1:dead"}})"));
  }

  ScriptedAws aws_;
  Client client_{aws_.options(), fixed_credentials(test_keys())};
  fakes::FakeClock clock_;
  SqsQueue queue_{client_,
                  "t",
                  {.queue_url = "https://sqs/1/create",
                   .stop_queue_url = "https://sqs/1/stop",
                   .dead_letter_queue_url = "https://sqs/1/dead",
                   .pace = 0ms},
                  clock_};
};

TEST_F(SqsQueueTest, DelaysAreWholeSecondsRoundedUpAndAtMostAQuarterOfAnHour) {
  aws_.otherwise(answer(200, R"({"MessageId":"m"})"));
  for (const core::Duration delay : {core::Duration(0), core::Duration(1), core::Duration(30'000),
                                     core::Duration(3'600'000), core::Duration(-5)}) {
    ASSERT_TRUE(queue_.push({MessageKind::create_runner, "linux", ""}, delay, kNow));
  }
  const std::vector<int> seconds = {0, 1, 30, 900, 0};
  for (std::size_t call = 0; call < seconds.size(); ++call) {
    EXPECT_EQ(asked(call).at("DelaySeconds"), seconds[call]);
    EXPECT_EQ(asked(call).at("QueueUrl"), "https://sqs/1/create");
  }
}

TEST_F(SqsQueueTest, APushThatSqsRefusedIsNoSuccess) {
  aws_.otherwise(refusal(400, "QueueDoesNotExist"));
  const auto pushed = queue_.push({MessageKind::create_runner, "linux", ""}, 0s, kNow);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().fault, Fault::invalid);
}

TEST_F(SqsQueueTest, ARetrySendsTheNewMessageBeforeItRemovesTheOldOne) {
  aws_.otherwise(answer(200));
  const core::Delivery delivery{.message = {MessageKind::stop_runner, "ci-linux-1", "why"},
                                .handle = "AQEBreceipt==",  // as Lambda delivers it
                                .receives = 3};
  ASSERT_TRUE(queue_.retry(delivery, 20s, kNow));
  ASSERT_EQ(aws_.calls(), 3U);
  EXPECT_EQ(operation(0), "ChangeMessageVisibility");
  EXPECT_EQ(operation(1), "SendMessage");
  EXPECT_EQ(operation(2), "DeleteMessage");
  EXPECT_EQ(asked(1).at("QueueUrl"), "https://sqs/1/stop");
  EXPECT_EQ(asked(1).at("DelaySeconds"), 20);
  EXPECT_EQ(asked(2).at("ReceiptHandle"), "AQEBreceipt==");
  const auto text = parse_message(asked(1).at("MessageBody").as_string());
  ASSERT_TRUE(text);
  EXPECT_EQ(text->message, delivery.message);
  EXPECT_EQ(text->tries, 3);
}

TEST_F(SqsQueueTest, ARetryWhoseSendFailsLeavesTheOldMessage) {
  aws_.then(answer(200));
  aws_.otherwise(refusal(403, "AccessDenied"));
  const core::Delivery delivery{.message = {MessageKind::create_runner, "linux", ""},
                                .handle = "AQEB"};
  EXPECT_FALSE(queue_.retry(delivery, 20s, kNow));
  EXPECT_EQ(operation(aws_.calls() - 1), "SendMessage") << "nothing was removed";
}

TEST_F(SqsQueueTest, ARetryOfWhatIsGoneSendsNothing) {
  const core::Delivery delivery{.message = {MessageKind::create_runner, "linux", ""},
                                .handle = "AQEB"};
  for (const char* code :
       {"InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight"}) {
    aws_.then(refusal(400, code));
    const auto given_back = queue_.retry(delivery, 20s, kNow);
    ASSERT_FALSE(given_back);
    EXPECT_EQ(given_back.error().fault, Fault::not_found) << code;
  }
  EXPECT_EQ(aws_.calls(), 3U);
}

TEST_F(SqsQueueTest, ALeaseThatIsOverMakesNoCall) {
  aws_.then(answer(200, R"({"Messages":[{"MessageId":"m","ReceiptHandle":"AQEB",)"
                        R"("Body":"{\"kind\":\"create_runner\",\"key\":\"linux\"}"}]})"));
  aws_.otherwise(answer(200));
  SqsQueue one(client_, "t", {.queue_url = "https://sqs/1/q"}, clock_);
  const auto taken = one.take(10, 2min, kNow);
  ASSERT_TRUE(taken && taken->size() == 1U);
  const std::size_t calls = aws_.calls();
  clock_.advance(2min);
  EXPECT_EQ(one.done(taken->front()).error().fault, Fault::not_found);
  EXPECT_EQ(one.retry(taken->front(), 0s, clock_.now()).error().fault, Fault::not_found);
  EXPECT_EQ(aws_.calls(), calls);
}

TEST_F(SqsQueueTest, DeadMessagesGoBackByAMoveTaskWhereThereIsOne) {
  dead_messages(3);
  arn();
  aws_.then(answer(200, R"({"TaskHandle":"h"})"));
  aws_.then(answer(200, R"({"Items":[]})"));  // the dead letters in the table
  const auto moved = queue_.redrive(1000);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(*moved, 3U);
  ASSERT_EQ(operation(2), "StartMessageMoveTask");
  EXPECT_EQ(asked(2).at("SourceArn"), "arn:aws:sqs:eu-west-1:1:dead");
  EXPECT_FALSE(asked(2).as_object().contains("DestinationArn")) << "each to where it came from";
}

TEST_F(SqsQueueTest, AMoveTaskThatIsForbiddenIsSaidAndNotWorkedAround) {
  dead_messages(3);
  arn();
  aws_.otherwise(refusal(403, "AccessDeniedException"));
  const auto moved = queue_.redrive(1000);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().fault, Fault::unauthorized);
  EXPECT_NE(moved.error().what.find("StartMessageMoveTask"), std::string::npos);
}

// A batch call answers 200 when some of it failed.
TEST_F(SqsQueueTest, WhatSqsDidNotTakeBackStaysDead) {
  dead_messages(2);
  arn();
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
  const std::size_t last = aws_.calls() - 1;
  ASSERT_EQ(operation(last), "DeleteMessageBatch");
  ASSERT_EQ(asked(last).at("Entries").as_array().size(), 1U);
  EXPECT_EQ(asked(last).at("Entries").at(0).at("ReceiptHandle"), "r1");
}

TEST_F(SqsQueueTest, ADeadMessageGoesBackToTheQueueItDiedIn) {
  dead_messages(1);
  arn();
  aws_.then(refusal(400, "UnsupportedOperation"));
  aws_.then(answer(
      200, R"({"Messages":[{"ReceiptHandle":"r0","Body":"an EventBridge envelope",)"
           R"("Attributes":{"DeadLetterQueueSourceArn":"arn:aws:sqs:eu-west-1:1:stop"}}]})"));
  aws_.then(answer(200, R"({"Successful":[{"Id":"0"}]})"));
  aws_.then(answer(200));
  aws_.then(answer(200));  // no more
  aws_.then(answer(200, R"({"Items":[]})"));
  ASSERT_TRUE(queue_.redrive(1000));
  EXPECT_EQ(operation(4), "SendMessageBatch");
  EXPECT_EQ(asked(4).at("QueueUrl"), "https://sqs/1/stop");
  EXPECT_EQ(asked(4).at("Entries").at(0).at("MessageBody"), "an EventBridge envelope");
}

}  // namespace
}  // namespace jitney::aws
