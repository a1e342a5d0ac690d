// SPDX-License-Identifier: Apache-2.0
// The same commands show a deployment on AWS as one on this machine: the built program over the
// table and queues of moto, beside the same records in a database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <map>

#include "apps/host/aws_ledger.hpp"
#include "apps/jitney/cli_world_test.hpp"
#include "aws/message_text.hpp"
#include "local/database.hpp"
#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "net/json.hpp"
#include "tests/aws/moto.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::app {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

// Tables and queues of moto, as Terraform would put them up, and the file it would write.
class CliOnAws : public ::testing::Test {
 protected:
  CliOnAws() {
    for (const char* name : {"JITNEY_CONFIG", "AWS_PROFILE", "AWS_ENDPOINT_URL"}) unsetenv(name);
    setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "not-so-secret", 1);
    const std::string table = tests::Moto::fresh_name("ledger");
    call(aws::Service::dynamodb, "CreateTable", aws::table_definition(table));
    const std::string more = "[aws]\nregion = \"eu-west-1\"\ntable = \"" + table +
                             "\"\nqueue_url = \"" + queue("create") + "\"\nstop_queue_url = \"" +
                             queue("stop") + "\"\ndead_letter_queue_url = \"" + queue("dead") +
                             "\"\nendpoint_url = \"" + tests::Moto::shared().url() + "\"\n";
    configure(on_aws_, "ledger = \"dynamodb\"\n", more);
    configure(here_, "", "");
    const auto config = load_config(on_aws_);
    if (!config) throw std::runtime_error(config.error().what);
    config_ = *config;
    opened_ = open_aws_ledger(config_, clock_);
  }

  json::value call(aws::Service service, std::string_view operation, const json::value& input) {
    auto answer = client_->json(service, operation, input);
    if (!answer) throw std::runtime_error(answer.error().what);
    return *std::move(answer);
  }
  std::string queue(const std::string& what) {
    const auto made = call(aws::Service::sqs, "CreateQueue",
                           json::object{{"QueueName", tests::Moto::fresh_name(what)}});
    return net::get_string_or(made, "QueueUrl", "");
  }
  void configure(const std::string& path, const std::string& top, const std::string& more) {
    std::ofstream(path) << top << "[server]\nstate_dir = \"" << directory_.path()
                        << "\"\nadmin_listen = \"127.0.0.1:0\"\n[[github]]\nname = \"acme\"\nurl = "
                           "\"https://github.com/acme\"\ntoken = { env = \"NO_SUCH_TOKEN\" }\n"
                           "webhook_secret = { env = \"NO_SUCH_SECRET\" }\n[process]\nrunner_dir = "
                           "\"/nonexistent/runner\"\n[[pool]]\nname = \"linux\"\nmax = 1\n"
                        << more;
  }
  json::value parsed(const Ran& ran) {
    EXPECT_EQ(ran.status, 0) << ran.err;
    auto value = net::parse_json(ran.out);
    EXPECT_TRUE(value) << ran.out;
    return value ? *value : json::value(nullptr);
  }
  Ran jitney(const std::string& config, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", config});
    return run_jitney(std::move(arguments));
  }

  fakes::TemporaryDirectory directory_;
  std::string on_aws_ = directory_.path() + "/aws.toml";
  std::string here_ = directory_.path() + "/here.toml";
  WallClock clock_;
  std::unique_ptr<aws::Client> client_ = tests::Moto::shared().client();
  Config config_;
  AwsLedger opened_;
};

TEST_F(CliOnAws, EveryListAndStoryIsTheSameAsOnOneMachine) {
  const core::Time now = clock_.now();
  fill_records(*opened_.ledger, *opened_.queue, now);
  auto database = local::Database::open({.path = directory_.path() + "/jitney.db"});
  ASSERT_TRUE(database) << database.error().what;
  local::SqliteLedger ledger(**database);
  local::SqliteQueue letters(**database);
  fill_records(ledger, letters, now);

  const std::vector<std::vector<std::string>> commands = {
      {"jobs"},         {"jobs", "--all"},      {"jobs", "--pool", "linux"}, {"runners"},
      {"pools"},        {"explain", "101"},     {"explain", "102"},          {"explain", "105"},
      {"dead", "list"}, {"dead", "show", "103"}};
  for (std::vector<std::string> command : commands) {
    const std::string words = ::testing::PrintToString(command);
    command.insert(command.end(), {"-o", "json"});
    const Ran there = jitney(on_aws_, command);
    const Ran here = jitney(here_, command);
    EXPECT_EQ(there.status, 0) << words << there.err;
    EXPECT_EQ(there.out, here.out) << words;
    EXPECT_GT(there.out.size(), 40U) << words << " shows something";
  }
  EXPECT_EQ(jitney(on_aws_, {"explain", "999"}).status, 3);
}

TEST_F(CliOnAws, ARedriveWakesThePoolThroughSqs) {
  fill_records(*opened_.ledger, *opened_.queue, clock_.now());
  const Ran ran = jitney(on_aws_, {"dead", "redrive", "103"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "Redriven: 103\n");
  EXPECT_FALSE((*opened_.ledger->job(103))->dead);
  EXPECT_TRUE(opened_.queue->dead_letters(10)->empty());
  const auto woken = opened_.queue->take(10, std::chrono::minutes(1), clock_.now());
  ASSERT_TRUE(woken && woken->size() == 1U);
  EXPECT_EQ(woken->front().message, (core::Message{core::MessageKind::create_runner, "linux", ""}));
}

TEST_F(CliOnAws, RedrivingAllSendsBackWhatSqsGaveUp) {
  const core::Message wake{core::MessageKind::create_runner, "linux", ""};
  call(aws::Service::sqs, "SendMessage",
       json::object{{"QueueUrl", config_.aws.dead_letter_queue_url},
                    {"MessageBody", aws::write_message(wake)}});
  const json::value told = parsed(jitney(on_aws_, {"dead", "redrive", "--all", "-o", "json"}));
  EXPECT_EQ(told.at("given_up"), 1);
  const auto woken = opened_.queue->take(10, std::chrono::minutes(1), clock_.now());
  ASSERT_TRUE(woken && woken->size() == 1U);
  EXPECT_EQ(woken->front().message, wake);
  EXPECT_EQ(jitney(on_aws_, {"dead", "redrive", "--all"}).out,
            "No dead letters: nothing to redrive\n");
}

TEST_F(CliOnAws, AMissingTableIsSaidWithItsCodeAndNothingIsMade) {
  call(aws::Service::dynamodb, "DeleteTable", json::object{{"TableName", config_.aws.table}});
  const Ran ran = jitney(on_aws_, {"runners"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("ResourceNotFoundException"));
  EXPECT_EQ(ran.out, "");
}

// check: its finding
std::map<std::string, json::value> checks_of(const Ran& ran) {
  std::map<std::string, json::value> checks;
  const auto report = net::parse_json(ran.out);
  EXPECT_TRUE(report) << ran.out << ran.err;
  if (!report) return checks;
  for (const json::value& one : report->at("checks").as_array()) {
    checks[net::get_string_or(one, "check", "")] = one;
  }
  return checks;
}

TEST_F(CliOnAws, DoctorLooksAtTableQueuesAndFunctions) {
  auto checks = checks_of(jitney(on_aws_, {"doctor", "-o", "json"}));
  for (const char* fine :
       {"table", "create queue", "stop queue", "given up by SQS", "dead letters"}) {
    EXPECT_EQ(checks[fine].at("verdict"), "ok") << json::serialize(checks[fine]);
  }
  // moto has no Lambda that was ever called.
  EXPECT_EQ(checks["jitney-sweep"].at("verdict"), "failed");
  EXPECT_EQ(checks["jitney-autoscaler"].at("verdict"), "ok");

  fill_records(*opened_.ledger, *opened_.queue, clock_.now());
  call(aws::Service::sqs, "SendMessage",
       json::object{{"QueueUrl", config_.aws.dead_letter_queue_url}, {"MessageBody", "x"}});
  checks = checks_of(jitney(on_aws_, {"doctor", "-o", "json"}));
  EXPECT_EQ(checks["given up by SQS"].at("verdict"), "warning");
  EXPECT_EQ(checks["dead letters"].at("verdict"), "warning");

  call(aws::Service::dynamodb, "DeleteTable", json::object{{"TableName", config_.aws.table}});
  const Ran ran = jitney(on_aws_, {"doctor", "-o", "json"});
  EXPECT_EQ(ran.status, 1);
  checks = checks_of(ran);
  EXPECT_EQ(checks["table"].at("verdict"), "failed");
  EXPECT_EQ(checks["create queue"].at("verdict"), "ok") << "one thing missing hides no other";
}

TEST_F(CliOnAws, DoctorLooksAtWhatMachinesAreLaunchedFrom) {
  const std::string name = tests::Moto::fresh_name("linux");
  const auto made =
      client_->query(aws::Service::ec2, "CreateLaunchTemplate",
                     {{"LaunchTemplateName", name},
                      {"LaunchTemplateData.ImageId", "ami-12c6146b"},
                      {"LaunchTemplateData.InstanceInitiatedShutdownBehavior", "terminate"},
                      {"LaunchTemplateData.MetadataOptions.HttpTokens", "required"},
                      {"LaunchTemplateData.IamInstanceProfile.Name", "machines"}});
  ASSERT_TRUE(made) << made.error().what;
  const std::string ec2 = directory_.path() + "/ec2.toml";
  const auto write = [&](const std::string& launch_template, const std::string& types) {
    configure(ec2, "fleet = \"ec2\"\n",
              "[pool.ec2]\nlaunch_template = \"" + launch_template + "\"\ninstance_types = [" +
                  types +
                  "]\n[aws]\nregion = \"eu-west-1\"\nbucket = "
                  "\"no-such-bucket-here\"\nendpoint_url = \"" +
                  tests::Moto::shared().url() +
                  "\"\n[ec2]\nmachine_role_id = \"AROAEXAMPLE\"\nrunner_script = "
                  "\"s3://no-such-bucket-here/jitney-runner\"\n");
  };
  write(name, "\"m5.large\", \"m4.large\"");
  auto checks = checks_of(jitney(ec2, {"doctor", "-o", "json"}));
  for (const char* fine : {"linux: template", "linux: image", "linux: types", "linux: subnets"}) {
    EXPECT_EQ(checks[fine].at("verdict"), "ok") << json::serialize(checks[fine]);
  }
  EXPECT_EQ(checks["JIT bucket"].at("verdict"), "failed");
  write(tests::Moto::fresh_name("none"), "\"m5.large\", \"m6g.large\"");
  checks = checks_of(jitney(ec2, {"doctor", "-o", "json"}));
  EXPECT_EQ(checks["linux: template"].at("verdict"), "failed");
  EXPECT_EQ(checks["linux: image"].at("verdict"), "skipped");
  write(name, "\"m5.large\", \"m6g.large\"");
  checks = checks_of(jitney(ec2, {"doctor", "-o", "json"}));
  EXPECT_EQ(checks["linux: image"].at("verdict"), "failed") << "m6g runs no x86_64";
}

TEST_F(CliOnAws, DoctorWithoutCredentialsSaysSoAndAsksNothingMore) {
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) unsetenv(name);
  setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
  setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
  auto checks = checks_of(jitney(on_aws_, {"doctor", "-o", "json"}));
  for (const char* name : {"AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE"})
    unsetenv(name);
  EXPECT_EQ(checks["the rest"].at("verdict"), "skipped");
  EXPECT_FALSE(checks.contains("table"));
}

TEST_F(CliOnAws, AServerDoesNotKeepThatLedger) {
  setenv("NO_SUCH_TOKEN", "t", 1);
  setenv("NO_SUCH_SECRET", "s", 1);
  const Ran ran = jitney(on_aws_, {"serve"});
  unsetenv("NO_SUCH_TOKEN");
  unsetenv("NO_SUCH_SECRET");
  EXPECT_EQ(ran.status, 78);
  EXPECT_THAT(ran.err, HasSubstr("is kept by the Lambda functions"));
}

}  // namespace
}  // namespace jitney::app
