// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/host.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <sstream>

#include "core/functions_test.hpp"
#include "net/crypto.hpp"
#include "net/json.hpp"

namespace jitney::lambda {
namespace {

using namespace std::chrono_literals;
using core::Fault;
using core::MessageKind;

class HostTest : public core::FunctionsTest {
 protected:
  Host host(Function function, int questions = 0) {
    HostOptions options{.function = function, .questions = questions};
    app::WebhookScope scope;
    scope.name = "acme";
    scope.secrets.emplace_back("it's a secret");
    scope.serves = [](std::string_view repository) { return repository.starts_with("acme/"); };
    scope.has_pool = scope.serves;
    options.webhooks.push_back(std::move(scope));
    return Host(std::move(options), {.context =
                                         [this](core::Time deadline) {
                                           auto made = context();
                                           made.deadline = deadline;
                                           return made;
                                         },
                                     .metrics = metrics,
                                     .metrics_out = out});
  }
  aws::Invocation invocation(std::string payload) {
    aws::Invocation made;
    made.request_id = "r-1";
    made.payload = std::move(payload);
    made.deadline = clock.now() + 30s;
    return made;
  }
  core::Result<std::string> invoke(Function function, std::string payload) {
    return host(function).handle(invocation(std::move(payload)));
  }
  // A webhook as API Gateway hands it over.
  static std::string webhook(const std::string& event, const std::string& body,
                             const std::string& secret = "it's a secret") {
    const auto digest = net::hmac_sha256(core::Secret(secret), body);
    return boost::json::serialize(boost::json::object{
        {"version", "2.0"},
        {"rawPath", "/webhook"},
        {"rawQueryString", ""},
        {"headers", boost::json::object{{"x-github-event", event},
                                        {"x-github-delivery", "d-1"},
                                        {"content-type", "application/json"},
                                        {"x-hub-signature-256", "sha256=" + net::hex(digest)}}},
        {"requestContext",
         boost::json::object{
             {"requestId", "q"},
             {"http", boost::json::object{{"method", "POST"}, {"path", "/webhook"}}}}},
        {"body", body},
        {"isBase64Encoded", false}});
  }
  static std::string queued(const std::string& labels = R"("self-hosted","cpu")") {
    return R"({"action":"queued","workflow_job":{"id":77,"run_id":7,"run_attempt":1,"name":"test",)"
           R"("status":"queued","labels":[)" +
           labels +
           R"(],"created_at":"2026-11-28T12:00:00Z"},"repository":{"full_name":"acme/shop"}})";
  }
  static std::int64_t status_of(const core::Result<std::string>& answer) {
    EXPECT_TRUE(answer) << answer.error().what;
    const auto parsed = net::parse_json(answer.value_or("{}"));
    return parsed ? net::get_int(*parsed, "statusCode").value_or(0) : 0;
  }

  EmbeddedMetrics metrics{"prod"};
  std::ostringstream out;
};

TEST_F(HostTest, TheAutoscalerStoresASignedJobBeforeItAnswers) {
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("workflow_job", queued()))), 202);
  EXPECT_EQ(job(77).pool, "cpu");
  const auto woken = messages();
  ASSERT_EQ(woken.size(), 1U);
  EXPECT_EQ(woken[0].kind, MessageKind::create_runner);
}

TEST_F(HostTest, TheAutoscalerAnswersWhatItDidNotStore) {
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("ping", R"({"zen":"x"})"))), 200);
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("workflow_job", queued("\"other\"")))),
            200);
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("workflow_job", "{}"))), 400);
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("workflow_job", queued(), "guessed"))),
            401);
  EXPECT_TRUE(messages(1h).empty());
}

TEST_F(HostTest, TheAutoscalerAnswers503WhenNothingWasStored) {
  ledger.fail_next(Fault::transient);
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("workflow_job", queued()))), 503);
  EXPECT_NE(out.str().find(R"("result":"failed")"), std::string::npos);
}

TEST_F(HostTest, ARunIsAskedAboutOnceItsJobsHadTimeToCome) {
  const std::string body =
      R"({"action":"requested","workflow_run":{"id":7},"repository":{"full_name":"acme/shop"}})";
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("workflow_run", body))), 202);
  EXPECT_TRUE(messages().empty());
  const auto later = messages(deployment.settle);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].key, "acme acme/shop 7");
  queue.fail_next(Fault::transient);
  EXPECT_EQ(status_of(invoke(Function::autoscaler, webhook("workflow_run", body))), 503);
}

TEST_F(HostTest, QueuesWakeTheFunctionsThatTakeFromThem) {
  const std::string batch =
      R"({"Records":[{"messageId":"m-1","receiptHandle":"h","body":"{\"kind\":\"create_runner\",)"
      R"(\"key\":\"cpu\"}","attributes":{"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs"},)"
      R"({"messageId":"m-2","receiptHandle":"h","body":"?","attributes":)"
      R"({"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs"}]})";
  queue_job();
  const auto answer = invoke(Function::create_runner, batch);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(*answer, R"({"batchItemFailures":[{"itemIdentifier":"m-2"}]})");
  EXPECT_EQ(runner("prod-cpu-1").phase, core::Phase::registered);
  for (const Function function : {Function::autoscaler, Function::sweep, Function::move_jobs}) {
    const auto refused = invoke(function, batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::invalid);
  }
}

TEST_F(HostTest, SchedulesAndPeopleWakeTheSweep) {
  const std::string schedule =
      R"({"version":"0","id":"e","detail-type":"Scheduled Event","source":"aws.events",)"
      R"("account":"1","time":"2026-11-28T12:00:00Z","region":"us-east-1","resources":[],)"
      R"("detail":{}})";
  EXPECT_TRUE(invoke(Function::sweep, schedule));
  EXPECT_TRUE(noted("sweep-last"));
  EXPECT_TRUE(invoke(Function::sweep, "{}"));
  EXPECT_TRUE(invoke(Function::move_jobs, schedule));
  ledger.fail_next(Fault::transient, 100);
  EXPECT_FALSE(invoke(Function::sweep, schedule));
}

TEST_F(HostTest, TheSweepTellsHowManyDeadLettersThereAreAlsoWhenThereAreNone) {
  ASSERT_TRUE(invoke(Function::sweep, "{}"));
  EXPECT_NE(out.str().find(R"("DeadLetters":[0E0])"), std::string::npos) << out.str();
  out.str("");
  const core::Message wake_up{.kind = MessageKind::create_runner, .key = "cpu", .detail = {}};
  ASSERT_TRUE(queue.bury(wake_up, "failed too often", clock.now()));
  ASSERT_TRUE(invoke(Function::sweep, "{}"));
  EXPECT_NE(out.str().find(R"("DeadLetters":[1E0])"), std::string::npos) << out.str();
}

TEST_F(HostTest, TheSweepAsksGitHubForOpenJobsWithinItsAllowance) {
  forge.queue("acme/shop", 0, {"self-hosted", "cpu"});
  auto asking = host(Function::sweep, 10);
  ASSERT_TRUE(asking.handle(invocation("{}")));
  EXPECT_EQ(ledger.jobs({}).value().size(), 1U);
}

TEST_F(HostTest, UnknownEventsAreAcceptedAndMalformedOnesAreErrors) {
  EXPECT_TRUE(invoke(Function::create_runner, R"({"source":"aws.health","detail-type":"x"})"));
  EXPECT_TRUE(invoke(Function::autoscaler, "{}"));
  EXPECT_FALSE(invoke(Function::autoscaler, "no json"));
  EXPECT_FALSE(invoke(Function::create_runner, R"({"Records":[{"eventSource":"aws:sqs"}]})"));
  EXPECT_FALSE(invoke(Function::create_runner, webhook("ping", "{}")));
  // News of machines comes by the queue: without it, a failure would be lost.
  EXPECT_FALSE(invoke(
      Function::stop_runner,
      R"({"version":"0","source":"aws.ec2","detail-type":"EC2 Instance State-change Notification",)"
      R"("detail":{"instance-id":"i-1","state":"terminated"}})"));
}

TEST(Deadline, LeavesTimeForTheAnswer) {
  const core::Time now(1h);
  EXPECT_EQ(last_beginning(now + 120s, now), now + 117s);
  EXPECT_EQ(last_beginning(now + 4s, now), now + 3s);
  EXPECT_LE(last_beginning(now - 1s, now), now);
}

TEST_F(HostTest, BeginsNothingWhenTheTimeIsOver) {
  queue_job();
  aws::Invocation late = invocation(
      R"({"Records":[{"messageId":"m-1","receiptHandle":"h","body":"{\"kind\":\"create_runner\",)"
      R"(\"key\":\"cpu\"}","attributes":{"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs"}]})");
  late.deadline = clock.now() - 1s;
  const auto answer = host(Function::create_runner).handle(late);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(*answer, R"({"batchItemFailures":[{"itemIdentifier":"m-1"}]})");
}

TEST(Function, IsPickedByTheHandler) {
  for (const auto function : {Function::autoscaler, Function::create_runner, Function::stop_runner,
                              Function::move_jobs, Function::sweep}) {
    EXPECT_EQ(parse_function(to_string(function)), function);
    EXPECT_EQ(parse_function("bootstrap." + std::string(to_string(function))), function);
  }
  for (const auto* handler : {"", "hello", "sweep ", "create_runner."}) {
    EXPECT_EQ(parse_function(handler), std::nullopt) << handler;
  }
  EXPECT_FALSE(uses_forges(Function::autoscaler));
  EXPECT_TRUE(uses_forges(Function::sweep));
}

// One metric of one line.
std::pair<boost::json::object, std::string> only_line(const std::string& text) {
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
  const auto parsed = net::parse_json(text);
  EXPECT_TRUE(parsed) << text;
  const auto& object = parsed->as_object();
  const auto& directive = object.at("_aws").at("CloudWatchMetrics").at(0);
  return {object, boost::json::serialize(directive)};
}

TEST(EmbeddedMetrics, AreLinesThatCloudWatchReads) {
  EmbeddedMetrics metrics("prod");
  metrics.queue_to_busy("cpu", 1234ms);
  metrics.queue_to_busy("cpu", 20ms);
  const auto [line, directive] = only_line(metrics.flush(core::Time(1'700'000'000'123ms)));
  EXPECT_EQ(directive, R"({"Namespace":"Jitney","Dimensions":[["deployment","pool"]],"Metrics":)"
                       R"([{"Name":"QueueToBusy","Unit":"Milliseconds"}]})");
  EXPECT_EQ(line.at("_aws").at("Timestamp").as_int64(), 1'700'000'000'123);
  EXPECT_EQ(line.at("deployment").as_string(), "prod");
  EXPECT_EQ(line.at("pool").as_string(), "cpu");
  EXPECT_EQ(boost::json::serialize(line.at("QueueToBusy")), "[1.234E3,2E1]");
  EXPECT_EQ(metrics.flush({}), "");
}

TEST(EmbeddedMetrics, CountsAreSumsAndEmptyDimensionsNamed) {
  EmbeddedMetrics metrics("prod");
  for (int i = 0; i < 250; ++i) metrics.job_completed("cpu", "");
  const auto [line, directive] = only_line(metrics.flush({}));
  EXPECT_EQ(line.at("conclusion").as_string(), "none");
  EXPECT_EQ(boost::json::serialize(line.at("JobsCompleted")), "[2.5E2]");
}

TEST(EmbeddedMetrics, ALineHoldsAHundredValuesAtMost) {
  EmbeddedMetrics metrics("prod");
  for (int i = 0; i < 250; ++i) metrics.stage("cpu", "claim_to_busy", 1ms);
  const std::string text = metrics.flush({});
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
}

}  // namespace
}  // namespace jitney::lambda
