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

TEST_F(SqsQueueTest, ARefusalIsJudgedByItsCodeAndNotByItsWords) {
  aws_.then(answer(403, R"({"__type":"AccessDenied","message":"no InvalidParameterValue here"})"));
  const core::Delivery delivery{.message = {MessageKind::create_runner, "linux", ""},
                                .handle = "AQEB"};
  EXPECT_EQ(queue_.retry(delivery, 20s, kNow).error().fault, Fault::unauthorized);
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

}  // namespace
}  // namespace jitney::aws
