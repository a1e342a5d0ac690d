// SPDX-License-Identifier: Apache-2.0
// The same commands show a deployment on AWS as one on this machine: the built program over the
// table and queues of moto, beside the same records in a database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json/object.hpp>
#include <fstream>

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
