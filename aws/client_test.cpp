// SPDX-License-Identifier: Apache-2.0
#include "aws/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <thread>

#include "aws/retry.hpp"
#include "aws/scripted_test.hpp"
#include "aws/xml.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {
namespace {

using core::Fault;
using std::chrono::milliseconds;

struct World {
  ScriptedAws aws;
  ClientOptions options = aws.options();

  std::unique_ptr<Client> client(std::shared_ptr<CredentialsProvider> keys = nullptr) {
    return std::make_unique<Client>(options, keys ? keys : fixed_credentials(test_keys()));
  }
};

std::string header(const net::Request& request, std::string_view name) {
  return std::string(request.headers.get(name).value_or("(none)"));
}

const boost::json::object kInput{{"QueueUrl", "https://q"}};

TEST(Client, CallsJsonServicesWithTargetAndVersion) {
  World world;
  world.aws.then(answer(200, R"({"MessageId":"m-1"})"));
  world.aws.then(answer(200, ""));
  const auto client = world.client();
  const auto sent = client->json(Service::sqs, "SendMessage", kInput);
  ASSERT_TRUE(sent) << sent.error().what;
  EXPECT_EQ(net::get_string(*sent, "MessageId"), "m-1");
  const auto empty = client->json(Service::ssm, "SendCommand", kInput);
  ASSERT_TRUE(empty) << empty.error().what;
  EXPECT_TRUE(empty->is_object());

  const auto asked = world.aws.asked();
  EXPECT_EQ(asked[0].method + " " + asked[0].target, "POST /");
  EXPECT_EQ(header(asked[0], "X-Amz-Target"), "AmazonSQS.SendMessage");
  EXPECT_EQ(header(asked[0], "Content-Type"), "application/x-amz-json-1.0");
  EXPECT_EQ(asked[0].body, R"({"QueueUrl":"https://q"})");
  EXPECT_NE(header(asked[0], "Authorization").find("/eu-west-1/sqs/aws4_request"),
            std::string::npos);
  EXPECT_EQ(header(asked[1], "X-Amz-Target"), "AmazonSSM.SendCommand");
  EXPECT_EQ(header(asked[1], "Content-Type"), "application/x-amz-json-1.1");
}

TEST(Client, CallsQueryServicesAndReadsXmlWithoutNamespaces) {
  World world;
  world.aws.then(answer(200,
                        "<?xml version=\"1.0\"?><a:R xmlns:a=\"urn:x\"><a:set><a:item>i-1"
                        "</a:item><a:item>i-2</a:item></a:set></a:R>"));
  const auto answered = world.client()->query(
      Service::ec2, "DescribeInstances", {{"Filter.1.Name", "tag:a b"}, {"Filter.1.Value.1", "é"}});
  ASSERT_TRUE(answered) << answered.error().what;
  const auto items = children(at(*answered, {"R", "set"}), "item");
  ASSERT_EQ(items.size(), 2U);
  EXPECT_STREQ(items[1].text().get(), "i-2");
  EXPECT_EQ(world.aws.asked()[0].body,
            "Action=DescribeInstances&Filter.1.Name=tag%3Aa+b&Filter.1.Value.1=%C3%A9&Version="
            "2016-11-15");
}

TEST(Client, CallsS3ByPathUnderAnOverride) {
  World world;
  world.options.endpoints["s3"] = world.aws.url() + "/base/";
  world.aws.then(answer(204, ""));
  const auto put = world.client()->s3("PUT", "jit-bucket", "a b/ü:1", {{"versionId", "x/y"}},
                                      {{"x-amz-meta-a", "1"}}, "bytes");
  ASSERT_TRUE(put) << put.error().what;
  const auto asked = world.aws.asked()[0];
  EXPECT_EQ(asked.method + " " + asked.target,
            "PUT /base/jit-bucket/a%20b/%C3%BC%3A1?versionId=x%2Fy");
  EXPECT_EQ(asked.body, "bytes");
  EXPECT_NE(header(asked, "Authorization").find("x-amz-content-sha256"), std::string::npos);
  EXPECT_EQ(header(asked, "x-amz-meta-a"), "1");
}

TEST(Client, RefusesBucketNamesThatWouldChangeTheHost) {
  World world;
  for (const auto* bucket : {"", "a/b", "evil.example#", "u@h", "a:80", "a?b"}) {
    const auto got = world.client()->s3("GET", bucket, "k");
    ASSERT_FALSE(got) << bucket;
    EXPECT_EQ(got.error().fault, Fault::invalid);
  }
  EXPECT_EQ(world.aws.calls(), 0U);
}

TEST(Client, RetriesThrottlesPassingErrorsAndUnknownCodes) {
  World world;
  world.aws.then(refusal(400, "ThrottlingException"));
  world.aws.then(answer(500, "<html>oops</html>"));
  world.aws.then(refusal(400, "NeverHeardOfException"));
  world.aws.then(answer(200));
  const auto got = world.client()->json(Service::dynamodb, "PutItem", kInput);
  EXPECT_TRUE(got) << got.error().what;
  EXPECT_EQ(world.aws.calls(), 4U);
}

TEST(Client, GivesUpAfterItsTriesAndSaysWhatTheVendorSaid) {
  World world;
  world.aws.otherwise(refusal(400, "com.amazonaws.ssm#ThrottlingException"));
  const auto got = world.client()->json(Service::ssm, "SendCommand", {{"secret", "body"}});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::throttled);
  EXPECT_EQ(got.error().what,
            "ssm SendCommand: ThrottlingException (HTTP 400): as told [request 7AB], the last of 4 "
            "tries");
  EXPECT_EQ(world.aws.calls(), 4U);
}

TEST(Client, RepeatsNothingThatWillStayWrong) {
  World world;
  for (const auto* code : {"ConditionalCheckFailedException", "ValidationException",
                           "AccessDeniedException", "ResourceNotFoundException"}) {
    world.aws.then(refusal(400, code));
    const auto got = world.client()->json(Service::dynamodb, "PutItem", kInput);
    EXPECT_FALSE(got);
  }
  EXPECT_EQ(world.aws.calls(), 4U);
}

TEST(Client, StopsRetryingWhenTheTokenBucketIsEmpty) {
  World world;
  world.options.max_tries = 100;
  world.aws.otherwise(refusal(503, "RequestLimitExceeded"));
  const auto client = world.client();
  EXPECT_FALSE(client->query(Service::ec2, "CreateFleet", {}));
  EXPECT_FALSE(client->query(Service::ec2, "CreateFleet", {}));
  // 100 retries of 5 tokens each, and two first tries.
  EXPECT_EQ(world.aws.calls(), 102U);
  // Another service has a bucket of its own.
  EXPECT_FALSE(client->json(Service::sqs, "SendMessage", kInput));
  EXPECT_GT(world.aws.calls(), 103U);
}

TEST(RetryBudget, SuccessesGiveBack) {
  RetryBudget budget;
  int taken = 0;
  while (budget.take(RetryBudget::kRetry)) ++taken;
  EXPECT_EQ(taken, RetryBudget::kCapacity / RetryBudget::kRetry);
  budget.give_back(RetryBudget::kRetry);
  EXPECT_TRUE(budget.take(RetryBudget::kRetry));
  EXPECT_FALSE(budget.take(1));
  budget.give_back(0);
  EXPECT_TRUE(budget.take(1));
}

TEST(Jitter, IsBoundedAndSpread) {
  bool differs = false;
  for (int retry = 1; retry < 40; ++retry) {
    const auto wait = jittered(milliseconds(100), milliseconds(5000), retry);
    EXPECT_GE(wait, milliseconds(0));
    EXPECT_LE(wait, milliseconds(5000));
    EXPECT_LE(wait, milliseconds(100) * (1 << std::min(retry - 1, 10)));
    differs |= wait != jittered(milliseconds(100), milliseconds(5000), retry);
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(jittered(milliseconds(0), milliseconds(0), 3), milliseconds(0));
}

core::Time real_now() {
  return std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
}

// How far the time in a request's signature is from the real one: the server's answers bear the
// real one in their Date.
core::Duration signed_off_by(const net::Request& request) {
  std::string text = header(request, "X-Amz-Date");  // 20261128T120000Z
  for (const std::size_t at : {13U, 11U}) text.insert(at, ":");
  for (const std::size_t at : {6U, 4U}) text.insert(at, "-");
  return std::chrono::abs(net::parse_rfc3339(text).value_or(core::Time{}) - real_now());
}

TEST(Client, LearnsTheTimeFromTheAnswer) {
  World world;
  world.options.now = [] { return real_now() - std::chrono::minutes(90); };
  world.aws.then(refusal(400, "InvalidSignatureException"));
  world.aws.otherwise(answer(200));
  const auto client = world.client();
  EXPECT_TRUE(client->json(Service::dynamodb, "GetItem", kInput));
  EXPECT_TRUE(client->json(Service::sqs, "SendMessage", kInput));
  const auto asked = world.aws.asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_GT(signed_off_by(asked[0]), std::chrono::minutes(80));
  EXPECT_LT(signed_off_by(asked[1]), std::chrono::minutes(5));
  EXPECT_LT(signed_off_by(asked[2]), std::chrono::minutes(5));
}

TEST(Client, MendsTheClockOnceACallOnly) {
  World world;
  world.options.now = [] { return core::Time{}; };
  world.aws.otherwise(refusal(403, "RequestExpired"));
  const auto got = world.client()->query(Service::ec2, "DescribeInstances", {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::unauthorized);
  EXPECT_EQ(world.aws.calls(), 2U);
}

TEST(Client, TakesAWrongKeyForAWrongKeyWhenTheClocksAgree) {
  World world;
  world.aws.otherwise(refusal(403, "SignatureDoesNotMatch"));
  EXPECT_FALSE(world.client()->query(Service::sts, "GetCallerIdentity", {}));
  EXPECT_EQ(world.aws.calls(), 1U);
}

class Renewable final : public CredentialsProvider {
 public:
  core::Result<Credentials> get() override { return test_keys("AKID" + std::to_string(number_)); }
  void expired(std::string_view id) override {
    if (id == "AKID" + std::to_string(number_)) ++number_;
  }

 private:
  int number_ = 1;
};

TEST(Client, FetchesOtherCredentialsWhenAwsCallsTheseExpired) {
  World world;
  world.aws.then(refusal(400, "ExpiredTokenException"));
  world.aws.then(answer(200));
  world.aws.otherwise(refusal(400, "ExpiredTokenException"));
  const auto client = world.client(std::make_shared<Renewable>());
  EXPECT_TRUE(client->json(Service::dynamodb, "GetItem", kInput));
  EXPECT_NE(header(world.aws.asked()[1], "Authorization").find("AKID2/"), std::string::npos);
  EXPECT_FALSE(client->json(Service::dynamodb, "GetItem", kInput));
  EXPECT_EQ(world.aws.calls(), 4U);  // once a call, not for ever
}

TEST(Client, AnErrorBearsTheVendorsOwnCode) {
  World world;
  const auto client = world.client();
  world.aws.then(refusal(400, "com.amazonaws.sqs#QueueDoesNotExist"));
  EXPECT_EQ(client->json(Service::sqs, "SendMessage", kInput).error().code, "QueueDoesNotExist");
  world.aws.then(answer(404, "<Error><Code>NoSuchBucket</Code></Error>"));
  EXPECT_EQ(client->s3("PUT", "jit", "a").error().code, "NoSuchBucket");
  world.aws.then(answer(200, "no XML"));
  const auto unreadable = client->query(Service::ec2, "DescribeInstances", {});
  ASSERT_FALSE(unreadable);
  EXPECT_EQ(unreadable.error().code, "") << "nobody refused it";
}

TEST(Client, IsCancelledByTheHostsDeadline) {
  World world;
  const auto client = world.client();
  client->set_deadline(std::chrono::steady_clock::now() - milliseconds(1));
  auto got = client->json(Service::sqs, "SendMessage", kInput);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::cancelled);
  EXPECT_EQ(world.aws.calls(), 0U);

  world.aws.fall_silent();
  client->set_deadline(std::chrono::steady_clock::now() + milliseconds(50));
  got = client->json(Service::sqs, "SendMessage", kInput);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::cancelled) << got.error().what;
}

TEST(Client, CallsSilenceTransientAndTriesAgain) {
  World world;
  world.options.try_time = milliseconds(500);
  world.options.max_tries = 2;
  world.aws.fall_silent();
  const auto got = world.client()->json(Service::sqs, "SendMessage", kInput);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::transient) << got.error().what;
  EXPECT_NE(got.error().what.find("sqs SendMessage"), std::string::npos);
  EXPECT_EQ(world.aws.calls(), 2U);
}

TEST(Client, WaitsNoLongerThanTheCallMayLast) {
  World world;
  world.options.call_time = milliseconds(5000);
  world.aws.otherwise(refusal(429, "TooManyRequestsException", {{"Retry-After", "60"}}));
  const auto got = world.client()->json(Service::ssm, "SendCommand", kInput);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::throttled);
  EXPECT_EQ(got.error().retry_after, std::chrono::seconds(60));
  EXPECT_EQ(world.aws.calls(), 1U);
}

TEST(Client, AWaitingRetryEndsWhenTheDeadlineMovesBeforeIt) {
  World world;
  world.options.call_time = std::chrono::minutes(10);
  world.aws.otherwise(refusal(429, "TooManyRequestsException", {{"Retry-After", "300"}}));
  const auto client = world.client();
  std::jthread impatient([&] {
    while (world.aws.calls() == 0) std::this_thread::yield();
    client->set_deadline(std::chrono::steady_clock::now());
  });
  EXPECT_FALSE(client->json(Service::ssm, "SendCommand", kInput));
  EXPECT_EQ(world.aws.calls(), 1U);
}

TEST(Client, SaysThatTheAnswerIsNoJson) {
  World world;
  world.aws.otherwise(answer(200, "<html>a proxy's login page</html>"));
  const auto got = world.client()->json(Service::sqs, "SendMessage", kInput);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::transient);
  EXPECT_EQ(got.error().what.find("login"), std::string::npos);
  const auto xml = world.client()->query(Service::ec2, "DescribeInstances", {});
  ASSERT_TRUE(xml);  // XML it is; the caller finds nothing in it
  world.aws.otherwise(answer(200, "{}"));
  EXPECT_EQ(world.client()->query(Service::ec2, "DescribeInstances", {}).error().fault,
            Fault::transient);
}

TEST(Client, NeedsARegion) {
  World world;
  world.options.region.clear();
  const auto got = world.client()->json(Service::sqs, "SendMessage", kInput);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::invalid);
  EXPECT_NE(got.error().what.find("AWS_REGION"), std::string::npos);
}

}  // namespace
}  // namespace jitney::aws
