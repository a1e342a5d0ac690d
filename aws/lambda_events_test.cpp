// SPDX-License-Identifier: Apache-2.0
#include "aws/lambda_events.hpp"

#include <gtest/gtest.h>

#include <random>

#include "net/crypto.hpp"
#include "net/json.hpp"

namespace jitney::aws {
namespace {

constexpr std::string_view kHttp = R"({
 "version":"2.0","routeKey":"POST /webhook","rawPath":"/webhook","rawQueryString":"a=1&b=%2F",
 "cookies":["c=1","d=2"],
 "headers":{"x-github-event":"workflow_job","x-hub-signature-256":"sha256=00","accept":"a, b",
            "content-type":"application/json"},
 "queryStringParameters":{"a":"1"},
 "requestContext":{"accountId":"123456789012","apiId":"r3pmxmplak","domainName":"x.example",
  "http":{"method":"POST","path":"/webhook","protocol":"HTTP/1.1","sourceIp":"192.0.2.1",
          "userAgent":"GitHub-Hookshot/044aadd"},
  "requestId":"JKJaXmPLvHcESHA=","routeKey":"POST /webhook","stage":"$default",
  "time":"12/Mar/2020:19:03:58 +0000","timeEpoch":1583348638390},
 "body":"{\"zen\":\"Gr\u00fc\u00dfe\"}","isBase64Encoded":false})";

template <class T>
T good(std::string_view payload) {
  auto event = parse_event(payload);
  EXPECT_TRUE(event) << event.error().what;
  if constexpr (std::is_same_v<T, HttpEvent> || std::is_same_v<T, SqsEvent>) {
    return std::get<T>(*std::move(event));
  } else {
    return std::get<T>(std::get<Notice>(*std::move(event)));
  }
}

std::string bad(std::string_view payload) {
  const auto event = parse_event(payload);
  EXPECT_FALSE(event) << payload;
  if (event) return "";
  EXPECT_EQ(event.error().fault, core::Fault::invalid);
  return event.error().what;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string all(text);
  const auto at = all.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return all.replace(at, what.size(), with);
}

TEST(HttpEvent, BecomesTheRequestThatWasSent) {
  const auto event = good<HttpEvent>(kHttp);
  EXPECT_EQ(event.request.method, "POST");
  EXPECT_EQ(event.request.target, "/webhook?a=1&b=%2F");
  EXPECT_EQ(event.request.path(), "/webhook");
  EXPECT_EQ(event.request.query("b"), "/");
  EXPECT_EQ(event.request.headers.get("X-GitHub-Event"), "workflow_job");
  EXPECT_EQ(event.request.headers.get("Accept"), "a, b");
  EXPECT_EQ(event.request.headers.get("Cookie"), "c=1; d=2");
  EXPECT_EQ(event.request.body, "{\"zen\":\"Grüße\"}");
  EXPECT_EQ(event.request_id, "JKJaXmPLvHcESHA=");
}

// The signature covers the bytes, and these need not be text.
TEST(HttpEvent, DecodesABodyInBase64) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const auto payload = replaced(
      replaced(kHttp, R"("{\"zen\":\"Gr\u00fc\u00dfe\"}")", "\"" + net::base64(bytes) + "\""),
      "\"isBase64Encoded\":false", "\"isBase64Encoded\":true");
  EXPECT_EQ(good<HttpEvent>(payload).request.body, bytes);
  bad(replaced(payload, "\"body\":\"", "\"body\":\"?"));
}

TEST(HttpEvent, NeedsNeitherBodyNorHeadersNorQuery) {
  const auto event =
      good<HttpEvent>(R"({"version":"2.0","routeKey":"$default","rawPath":"/","requestContext":)"
                      R"({"http":{"method":"GET","path":"/"},"stage":"$default"}})");
  EXPECT_EQ(event.request.method, "GET");
  EXPECT_EQ(event.request.target, "/");
  EXPECT_TRUE(event.request.body.empty());
}

TEST(HttpEvent, OfAFunctionUrlIsTheSame) {
  const auto payload =
      replaced(kHttp, "\"routeKey\":\"POST /webhook\"", "\"routeKey\":\"$default\"");
  EXPECT_EQ(good<HttpEvent>(payload).request.target, "/webhook?a=1&b=%2F");
}

TEST(HttpEvent, LosesTheNameOfItsStage) {
  const auto staged = replaced(replaced(kHttp, "\"stage\":\"$default\"", "\"stage\":\"prod\""),
                               "\"rawPath\":\"/webhook\"", "\"rawPath\":\"/prod/webhook\"");
  EXPECT_EQ(good<HttpEvent>(staged).request.path(), "/webhook");
  const auto other = replaced(staged, "/prod/webhook", "/production/webhook");
  EXPECT_EQ(good<HttpEvent>(other).request.path(), "/production/webhook");
}

TEST(HttpEvent, FailsLoudlyWhenMalformed) {
  bad(replaced(kHttp, "\"method\":\"POST\"", "\"method\":\"PO ST\""));
  bad(replaced(kHttp, "\"method\":\"POST\",", ""));
  bad(replaced(kHttp, "\"rawPath\":\"/webhook\"", "\"rawPath\":\"webhook\""));
  bad(replaced(kHttp, "\"x-github-event\"", "\"x github event\""));
  bad(replaced(kHttp, "\"accept\":\"a, b\"", "\"accept\":3"));
  bad(replaced(kHttp, "\"isBase64Encoded\":false", "\"isBase64Encoded\":true"));
  EXPECT_NE(bad(R"({"httpMethod":"POST","requestContext":{"stage":"x"}})").find("2.0"),
            std::string::npos);
}

TEST(HttpAnswer, IsWhatApiGatewayReads) {
  const net::Response response{.status = 202,
                               .headers = {{"Content-Type", "application/json"},
                                           {"Vary", "a"},
                                           {"VARY", "b"},
                                           {"Set-Cookie", "c=1"},
                                           {"Set-Cookie", "d=2"}},
                               .body = "{\"a\":\"ü\"}"};
  const auto answer = net::parse_json(http_answer(response));
  ASSERT_TRUE(answer);
  EXPECT_EQ(net::get_int(*answer, "statusCode"), 202);
  EXPECT_EQ(net::get_string(*answer, "body"), response.body);
  EXPECT_EQ(net::get_bool(*answer, "isBase64Encoded"), false);
  EXPECT_EQ(net::get_strings(*answer, "cookies"), (std::vector<std::string>{"c=1", "d=2"}));
  const auto* headers = net::get_object(*answer, "headers");
  ASSERT_NE(headers, nullptr);
  EXPECT_EQ(net::get_string(*headers, "content-type"), "application/json");
  EXPECT_EQ(net::get_string(*headers, "vary"), "a, b");
}

TEST(HttpAnswer, CarriesBytesAsBase64) {
  for (const std::string body : {"\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "a\xe2\x82", "\x80"}) {
    const auto answer = net::parse_json(http_answer({.status = 200, .headers = {}, .body = body}));
    ASSERT_TRUE(answer);
    EXPECT_EQ(net::get_bool(*answer, "isBase64Encoded"), true);
    EXPECT_EQ(net::unbase64(net::get_string_or(*answer, "body", "")), body);
  }
}

constexpr std::string_view kSqs = R"({"Records":[
 {"messageId":"19dd0b57-b21e-4ac1-bd88-01bbb068cb78","receiptHandle":"MessageReceiptHandle",
  "body":"{\"kind\":\"create_runner\",\"key\":\"linux\"}",
  "attributes":{"ApproximateReceiveCount":"3","SentTimestamp":"1523232000000",
   "SenderId":"123456789012","ApproximateFirstReceiveTimestamp":"1523232000001"},
  "messageAttributes":{"k":{"stringValue":"v","dataType":"String","stringListValues":[],
   "binaryListValues":[]}},
  "md5OfBody":"7b270e59b47ff90a553787216d55d91d","eventSource":"aws:sqs",
  "eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:MyQueue","awsRegion":"us-east-1"},
 {"messageId":"2e1424d4-f796-459a-8184-9c92662be6da","receiptHandle":"AQEBzWwaftRI0KuVm4tP",
  "body":"not ours","attributes":{},"eventSource":"aws:sqs"}]})";

TEST(SqsEvent, HasItsRecords) {
  const auto event = good<SqsEvent>(kSqs);
  ASSERT_EQ(event.records.size(), 2U);
  EXPECT_EQ(event.records[0].id, "19dd0b57-b21e-4ac1-bd88-01bbb068cb78");
  EXPECT_EQ(event.records[0].handle, "MessageReceiptHandle");
  EXPECT_EQ(event.records[0].receives, 3);
  EXPECT_EQ(event.records[1].receives, 1);
  const auto notice = parse_notice(event.records[0].body);
  ASSERT_TRUE(notice);
  EXPECT_EQ(std::get<MessageText>(*notice).message.key, "linux");
  // One bad body does not hold up the batch: it fails when it is read by itself.
  EXPECT_FALSE(parse_notice(event.records[1].body));
}

TEST(SqsEvent, FailsLoudlyWhenARecordCannotBeNamedAsFailed) {
  bad(replaced(kSqs, "\"messageId\":\"19dd0b57-b21e-4ac1-bd88-01bbb068cb78\"", "\"x\":\"y\""));
  bad(replaced(kSqs, "\"messageId\":\"19dd0b57-b21e-4ac1-bd88-01bbb068cb78\"",
               "\"messageId\":\"\""));
  bad(replaced(kSqs, "\"body\":\"not ours\"", "\"body\":null"));
  bad(R"({"Records":[{"eventSource":"aws:sqs"}]})");
  bad(R"({"Records":[{"eventSource":"aws:sqs","messageId":"a","body":"b"},7]})");
}

TEST(SqsEvent, OfAnotherServiceIsUnknown) {
  good<Unknown>(R"({"Records":[{"eventSource":"aws:s3","s3":{}}]})");
  good<Unknown>(R"({"Records":[]})");
}

TEST(BatchAnswer, NamesWhatFailed) {
  EXPECT_EQ(batch_answer({}), R"({"batchItemFailures":[]})");
  const std::vector<std::string> failed = {"a", "b"};
  EXPECT_EQ(batch_answer(failed),
            R"({"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]})");
}

std::string envelope(std::string_view type, std::string_view source, std::string_view resource,
                     std::string_view detail) {
  return R"({"version":"0","id":"7bf73129-1428-4cd3-a780-95db273d1602","detail-type":")" +
         std::string(type) + R"(","source":")" + std::string(source) +
         R"(","account":"123456789012","time":"2026-11-23T22:00:00Z","region":"us-east-1",)"
         R"("resources":[")" +
         std::string(resource) + R"("],"detail":)" + std::string(detail) + "}";
}

constexpr std::string_view kMachineArn =
    "arn:aws:ec2:us-east-1:123456789012:instance/i-0abcdef1234567890";
constexpr std::string_view kChanged = "EC2 Instance State-change Notification";
constexpr std::string_view kWarning = "EC2 Spot Instance Interruption Warning";
constexpr std::string_view kRebalance = "EC2 Instance Rebalance Recommendation";
constexpr std::string_view kCommand = "EC2 Command Invocation Status-change Notification";

TEST(Notices, TellWhatBecameOfAMachine) {
  for (const std::string state :
       {"pending", "running", "stopping", "stopped", "shutting-down", "terminated"}) {
    const auto changed = good<MachineChanged>(
        envelope(kChanged, "aws.ec2", kMachineArn,
                 R"({"instance-id":"i-0abcdef1234567890","state":")" + state + "\"}"));
    EXPECT_EQ(changed.machine, "i-0abcdef1234567890");
    EXPECT_EQ(changed.state, state);
  }
}

// Its ARN has a zone where others have a region, and no account.
TEST(Notices, TellOfASpotInterruption) {
  const auto warned = good<MachineInterrupted>(
      envelope(kWarning, "aws.ec2", "arn:aws:ec2:us-east-1b:instance/i-0b662ef9931388ba0",
               R"({"instance-id":"i-0b662ef9931388ba0","instance-action":"terminate"})"));
  EXPECT_EQ(warned.machine, "i-0b662ef9931388ba0");
  EXPECT_EQ(warned.action, "terminate");
}

TEST(Notices, TellOfARebalanceRecommendation) {
  EXPECT_EQ(good<MachineAtRisk>(envelope(kRebalance, "aws.ec2",
                                         "arn:aws:ec2:us-east-1b:instance/i-0b662ef9931388ba0",
                                         R"({"instance-id":"i-0b662ef9931388ba0"})"))
                .machine,
            "i-0b662ef9931388ba0");
}

TEST(Notices, TellWhatBecameOfACommand) {
  const auto changed = good<CommandChanged>(envelope(
      kCommand, "aws.ssm", kMachineArn,
      R"({"command-id":"ef2b0cf5-a4b5-4e4b-8a49-d0a4a0dc4c3e","document-name":"AWS-RunRemoteScript",
          "instance-id":"i-0abcdef1234567890","requested-date-time":"2026-11-23T22:00:00Z",
          "status":"TimedOut"})"));
  EXPECT_EQ(changed.machine, "i-0abcdef1234567890");
  EXPECT_EQ(changed.command, "ef2b0cf5-a4b5-4e4b-8a49-d0a4a0dc4c3e");
  EXPECT_EQ(changed.document, "AWS-RunRemoteScript");
  EXPECT_EQ(changed.status, "TimedOut");
}

TEST(Notices, TellOfSchedules) {
  EXPECT_EQ(good<Scheduled>(envelope("Scheduled Event", "aws.events",
                                     "arn:aws:events:us-east-1:123456789012:rule/sweep", "{}"))
                .rule,
            "arn:aws:events:us-east-1:123456789012:rule/sweep");
  EXPECT_EQ(good<Scheduled>(R"({"detail-type":"Scheduled Event","source":"aws.scheduler"})").rule,
            "");
}

TEST(Notices, UnknownOnesAreAccepted) {
  EXPECT_EQ(
      good<Unknown>(envelope("EBS Volume Notification", "aws.ec2", kMachineArn, "{}")).detail_type,
      "EBS Volume Notification");
  // The name alone does not make it EC2's.
  EXPECT_EQ(good<Unknown>(envelope(kChanged, "custom.app", kMachineArn,
                                   R"({"instance-id":"i-1","state":"terminated"})"))
                .source,
            "custom.app");
  // Of a whole command, on all its machines: each of them tells its own end.
  good<Unknown>(envelope("EC2 Command Status-change Notification", "aws.ssm", kMachineArn,
                         R"({"command-id":"a","status":"Success"})"));
  good<Unknown>("{}");
  good<Unknown>("null");
  good<Unknown>("[1,2]");
  good<Unknown>("\"text\"");
}

TEST(Notices, MalformedOnesFailLoudly) {
  for (const std::string detail :
       {R"({"state":"running"})", R"({"instance-id":"i-1"})",
        R"({"instance-id":7,"state":"running"})", R"({"instance-id":"i-1","state":""})",
        R"({"instance-id":"","state":"running"})",
        R"({"instance-id":"i-1/../x","state":"running"})", "[]", "null"}) {
    bad(envelope(kChanged, "aws.ec2", kMachineArn, detail));
  }
  bad(envelope(kWarning, "aws.ec2", kMachineArn, R"({"instance-id":"i-1"})"));
  bad(envelope(kRebalance, "aws.ec2", kMachineArn, "{}"));
  bad(envelope(kCommand, "aws.ssm", kMachineArn, R"({"instance-id":"i-1","command-id":"c"})"));
  bad(envelope(kCommand, "aws.ssm", kMachineArn, R"({"instance-id":"i-1","status":"Success"})"));
  bad("");
  bad("{");
  bad(R"({"kind":"create_runner"})");
  bad(std::string(100, '['));
}

// Never an exception, never a crash; what is quoted could be anything.
TEST(Events, SurviveAnyDamage) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  const std::vector<std::string> samples = {
      std::string(kHttp), std::string(kSqs),
      envelope(kChanged, "aws.ec2", kMachineArn, R"({"instance-id":"i-1","state":"running"})"),
      envelope(kCommand, "aws.ssm", kMachineArn,
               R"({"instance-id":"i-1","command-id":"c","status":"Success"})")};
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = samples[random() % samples.size()];
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = static_cast<char>(random() % 256);
      } else {
        text.erase(at, 1 + random() % 20);
      }
      if (text.empty()) text = " ";
    }
    const auto event = parse_event(text);
    accepted += event ? 1 : 0;
    if (!event) {
      ASSERT_EQ(event.error().fault, core::Fault::invalid);
    }
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace jitney::aws
