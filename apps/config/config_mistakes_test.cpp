// SPDX-License-Identifier: Apache-2.0
// Every mistake is told once, with its place and what to write instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "apps/config/config_lines_test.hpp"
#include "apps/config/config_reader.hpp"

namespace jitney::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Mistake {
  const char* name;
  std::string text;
  std::string line;  // exact begin of the line that tells
};

// [aws] begins in line 9.
std::string aws_with(const std::string& line) {
  return std::string(kGithub) + kPool + "[aws]\n" + line;
}
constexpr const char* kQueue = "\"https://sqs.eu-west-1.amazonaws.com/1/q\"";
std::string github_with(const std::string& line) { return kGithub + line + "\n" + kPool; }
std::string github_at(const std::string& url) {
  return replaced(std::string(kGithub) + kPool, "https://github.com/acme", url);
}
std::string top_with(const std::string& line) { return line + "\n" + kGithub + kPool; }
std::string process_with(const std::string& line) {
  return std::string(kGithub) + kPool + line + "\n";
}

class ConfigMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsToldWithPlaceAndWhatToWrite) {
  const std::string told = mistakes(GetParam().text);
  EXPECT_THAT("\n" + told, HasSubstr("\n" + GetParam().line)) << told;
  // One mistake, one line: no mistake leads to others.
  EXPECT_THAT(told, Not(HasSubstr("\n"))) << told;
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConfigMistake,
    ::testing::ValuesIn(std::vector<Mistake>{
        {"UnknownKey", top_with("ingres = \"poll\""),
         "t.toml:1:1: \"ingres\" is not known at the top of the file, before every [table]; write "
         "ingress instead?"},
        {"KeyTooLong", pool_with("maximum = 3"),
         "t.toml:7:1: \"maximum\" is not known in [[pool]]; write max instead?"},
        {"KeyWithMoreBehind", top_with("[server]\ndrain_deadline = \"30s\""),
         "t.toml:2:1: \"drain_deadline\" is not known in [server]; write drain instead?"},
        {"KeyInWrongTable", github_with("warm = 3"),
         "t.toml:5:1: \"warm\" is not known in [[github]]; it belongs in [[pool]]"},
        {"UnknownTable", top_with("[zebra]\nx = 1"), "t.toml:1:2: \"zebra\" is not known"},
        {"Deployment", top_with("deployment = \"My Fleet\""),
         "t.toml:1:14: deployment is \"My Fleet\"; write 1 to 20 of"},
        {"Ingress", top_with("ingress = \"push\""),
         "t.toml:1:11: ingress is \"push\"; write \"webhook\" or \"poll\""},
        {"Fleet", top_with("fleet = \"docker\""),
         "t.toml:1:9: fleet is \"docker\"; write \"process\" or \"ec2\""},
        {"Ledger", top_with("ledger = \"mysql\""),
         "t.toml:1:10: ledger is \"mysql\"; write \"sqlite\" or \"dynamodb\""},
        {"QueueInClear", aws_with("queue_url = \"http://sqs.example/1/q\""),
         "t.toml:10:13: queue_url is reached over http, in clear; write https://sqs.REGION"},
        {"QueueNoUrl", aws_with("queue_url = \"jitney\""),
         "t.toml:10:13: queue_url is no web address; write https://sqs.REGION.amazonaws.com/"},
        {"TableName", aws_with("table = \"my table\""),
         "t.toml:10:9: table is \"my table\"; write a DynamoDB table's name: 3 to 255 of"},
        {"Region", aws_with("region = \"eu west 1\""),
         "t.toml:10:10: region is \"eu west 1\"; write a region like \"eu-west-1\""},
        {"QueueMissing",
         "ledger = \"dynamodb\"\n" +
             aws_with("region = \"r\"\ndead_letter_queue_url = " + std::string(kQueue)),
         "t.toml:10:1: queue_url is missing in [aws]; write queue_url = \"https://sqs.REGION"},
        {"DynamoBatch",
         "ledger = \"dynamodb\"\n" + aws_with("region = \"r\"\nqueue_url = " + std::string(kQueue) +
                                              "\ndead_letter_queue_url = " + std::string(kQueue) +
                                              "\n[launch]\nbatch_size = 98"),
         "t.toml:1:10: ledger \"dynamodb\" claims at most 97 runners at once; write a smaller"},
        {"WrongType", pool_with("max = \"ten\""),
         "t.toml:7:7: max is a string; write a whole number from 0 to 10000 without quotes"},
        {"OutOfRange", pool_with("max = -1"), "t.toml:7:7: max is -1; write a whole number from 0"},
        {"WarmAboveMax", pool_with("max = 2\nwarm = 3"),
         "t.toml:8:8: warm makes warm = 3 more than max = 2; write"},
        {"BadLabel", pool_with("labels = [\"a,b\"]"),
         "t.toml:7:10: labels has \"a,b\"; write labels"},
        {"LabelsNoArray", pool_with("labels = \"x64\""),
         "t.toml:7:10: labels is a string; write an array of strings: labels = [\"...\", \"...\"]"},
        {"UnknownGithub", pool_with("github = \"acne\""),
         "t.toml:7:10: github is \"acne\", which no [[github]] is named; write one of \"acme\""},
        {"RepositoryForm", pool_with("repositories = [\"builder\"]"),
         "t.toml:7:16: repositories has \"builder\"; write \"owner/name\""},
        {"GithubNoName", pool_with("github = 3"),
         "t.toml:7:10: github is a whole number; write a string in quotes"},
        {"GithubNoAddress",
         replaced(pool_with("github = \"acme\"\nrepositories = [\"acme/x\"]"),
                  "https://github.com/acme", "github.com/acme"),
         "t.toml:2:7: url is no web address; write for example https://github.com/ORG"},
        {"GithubNameNoText",
         replaced(pool_with("github = \"tools\""), "[[github]]", "[[github]]\nname = 3"),
         "t.toml:2:8: name is a whole number; write a string in quotes"},
        {"OrganisationsPage", github_at("https://github.com/orgs/acme"),
         "t.toml:2:7: url is a page's or a clone's address; write https://github.com/acme"},
        {"OrganisationsSettings",
         github_at("https://github.com/organizations/acme/settings/actions/runners"),
         "t.toml:2:7: url is a page's or a clone's address; write https://github.com/acme"},
        {"OrganisationsPageOfServer", github_at("https://ghes.example:8443/orgs/acme/people"),
         "t.toml:2:7: url is a page's or a clone's address; write https://ghes.example:8443/acme"},
        {"CloneAddress", github_at("https://github.com/acme/shop.git"),
         "t.toml:2:7: url is a page's or a clone's address; write https://github.com/acme/shop"},
        {"HostWithWww", github_at("https://www.github.com/enterprises/big"),
         "t.toml:2:7: url is a page's or a clone's address; write "
         "https://github.com/enterprises/big"},
        {"NoWebhookSecret",
         replaced(top_with(""), "webhook_secret = { env = \"HOOK\" }", "webhook_secret = []"),
         "t.toml:5:18: webhook_secret is empty, so that every webhook would be refused; write "
         "webhook_secret = { env = \"GITHUB_WEBHOOK_SECRET\" }, or ingress = \"poll\" at the top"},
        {"RepositoryBesideTheScopes",
         replaced(pool_with("repositories = [\"acme/shop\", \"acme/other\"]"),
                  "https://github.com/acme", "https://github.com/acme/shop"),
         "t.toml:7:16: repositories has \"acme/other\", but [[github]] \"acme-shop\" is "
         "https://github.com/acme/shop; leave the line out"},
        {"RepositoryOfOthers", pool_with("repositories = [\"other/x\"]"),
         "t.toml:7:16: repositories has \"other/x\", but [[github]] \"acme\" is"},
        {"RunnerGroupByName", pool_with("runner_group = \"big\""),
         "t.toml:7:16: runner_group is a string; write a whole number"},
        {"DuplicatePool", std::string(kGithub) + kPool + kPool,
         "t.toml:10:8: name is \"linux\", as another pool is named; write another name"},
        {"PoolName",
         std::string(kGithub) + "[[pool]]\nname = \"Linux\"\n[pool.process]\nrunner_dir = \"/r\"",
         "t.toml:6:8: name is \"Linux\"; write 1 to 40 of a-z, 0-9, - and _"},
        {"PoolNameMissing", std::string(kGithub) + "[[pool]]\n[pool.process]\nrunner_dir = \"/r\"",
         "t.toml:5:1: name is missing in [[pool]]; write name = \"linux\""},
        {"LongNames",
         "deployment = \"a2345678901234567890\"\n" + std::string(kGithub) +
             "[[pool]]\nname = \"p234567890123456789012345678901234567890\"\n"
             "[pool.process]\nrunner_dir = \"/r\"",
         "t.toml:7:8: name is too long beside the deployment's: GitHub takes runner names of 64 "
         "characters; write one of at most 34"},
        {"NoPool", kGithub, "t.toml:1:1: [[pool]] is missing; write [[pool]] with name and max"},
        {"PoolInSingleBrackets",
         std::string(kGithub) + "[pool]\nname = \"a\"\n[pool.process]\nrunner_dir = \"/r\"",
         "t.toml:5:1: pool is a table; write [[pool]], in double brackets"},
        {"ServerTwice", top_with("[[server]]\n[[server]]"),
         "t.toml:1:1: server stands there more than once; write one [server]"},
        {"NoRunnerDir", std::string(kGithub) + "[[pool]]\nname = \"linux\"",
         "t.toml:5:1: runner_dir is missing in [pool.process]; write runner_dir = "},
        {"RelativeRunnerDir",
         std::string(kGithub) +
             "[[pool]]\nname = \"linux\"\n[pool.process]\nrunner_dir = \"runner\"",
         "t.toml:8:14: runner_dir is \"runner\"; write the whole path, beginning with /"},
        {"RelativeRunnerDirForAll",
         std::string(kGithub) + "[[pool]]\nname = \"linux\"\n[process]\nrunner_dir = \"runner\"",
         "t.toml:8:14: runner_dir is \"runner\"; write the whole path, beginning with /"},
        {"Memory", process_with("memory = \"8 GB\""),
         "t.toml:9:10: memory is \"8 GB\", no size; write a size in quotes, like"},
        {"Cpu", process_with("cpu = -0.5"),
         "t.toml:9:7: cpu is -0.5; write a number from 0 to 4096"},
        {"CpuNotANumber", process_with("cpu = nan"), "t.toml:9:7: cpu is nan; write a number"},
        {"Env", process_with("env = { A = 1 }"),
         "t.toml:9:13: pool.process.env.A is a whole number; write a string in quotes"},
        {"EnvName", process_with("env = { \"A-B\" = \"1\" }"),
         "t.toml:9:7: env has \"A-B\"; write names"},
        {"EnvReserved", process_with("env = { ACTIONS_RUNNER_INPUT_JITCONFIG = \"1\" }"),
         "t.toml:9:7: env has \"ACTIONS_RUNNER_INPUT_JITCONFIG\", which would override"},
        {"DurationWithoutUnit", top_with("[server]\ndrain = 30"),
         "t.toml:2:9: drain is a whole number; write a duration in quotes, like \"90s\""},
        {"Duration", top_with("[server]\ndrain = \"30 s\""),
         "t.toml:2:9: drain is \"30 s\", no duration; write one like \"90s\""},
        {"DurationRange", top_with("[sweep]\ninterval = \"2h\""),
         "t.toml:2:12: interval is \"2h\"; write a duration from \"10ms\" to \"1h\""},
        {"RetryDelay", top_with("[retry]\ndelays = [\"1m\", \"x\"]"),
         "t.toml:2:17: delays is \"x\", no duration; write one like"},
        {"Listen", top_with("[server]\nwebhook_listen = \"8080\""),
         "t.toml:2:18: webhook_listen is \"8080\"; write an IP address and a port"},
        {"SamePort", top_with("[server]\nadmin_listen = \"127.0.0.1:8080\""),
         "t.toml:2:16: admin_listen has port 8080, which the other listener has too; write "
         "another"},
        {"LogLevel", top_with("[server]\nlog_level = \"trace\""),
         "t.toml:2:13: log_level is \"trace\"; write \"debug\", \"info\", \"warning\" or "
         "\"error\""},
        {"Workers", top_with("[server]\nworkers = 0"), "t.toml:2:11: workers is 0; write a whole"},
        {"ApiUrl", github_with("api_url = \"http://ghes.example\""),
         "t.toml:5:11: api_url would send credentials over http in clear; write https://..."},
        {"TokenAndApp", github_with("app_id = 3"),
         "t.toml:3:9: token stands beside an App's keys; write one of the two"},
        {"Proxy", github_with("proxy = \"socks5://x:1\""),
         "t.toml:5:9: proxy is no proxy; write http://host:port"},
        {"Syntax", top_with("deployment = jitney"), "t.toml:1:14: this is no TOML: "}}),
    [](const auto& each) { return std::string(each.param.name); });

// The table of that name, or of the first element of that array; made where it is not there.
toml::table& section_of(toml::table& root, const std::string& name) {
  toml::table* at = &root;
  std::istringstream words(name);
  for (std::string word; std::getline(words, word, '.');) {
    toml::node* node = at->get(word);
    if (node == nullptr) node = &at->insert(word, toml::table()).first->second;
    at = node->is_array() ? node->as_array()->get(0)->as_table() : node->as_table();
  }
  return *at;
}

// No key takes a date.
TEST(ConfigMistakes, OneWrongValueIsOneMistake) {
  const std::string on_ec2 = std::string(kGithub) + R"([[pool]]
name = "linux"
github = "acme"
warm = 2
[pool.ec2]
instance_types = ["m7i.large"]
[aws]
region = "eu-west-1"
bucket = "acme-jit"
[ec2]
runner_script = "s3://acme-jitney/jitney-runner"
machine_role_id = "AROAEXAMPLEEXAMPLE"
)";
  const std::string here = std::string(kGithub) +
                           "[[pool]]\nname = \"linux\"\ngithub = \"acme\"\nmax = 20\n"
                           "warm = 15\nrepositories = [\"acme/*\"]\n[process]\n"
                           "runner_dir = \"/opt/runner\"\n";
  for (const auto& [fleet, text] : {std::pair("process", here), std::pair("ec2", on_ec2)}) {
    for (const auto& [section, key] : known_keys()) {
      // Beside a token an App's keys are a mistake, whatever they are.
      if (section == "github" && (key == "app_id" || key == "client_id" ||
                                  key == "installation_id" || key == "private_key")) {
        continue;
      }
      toml::table table = toml::parse(text);
      table.insert_or_assign("fleet", fleet);
      section_of(table, section).insert_or_assign(key, toml::date{2026, 1, 2});
      std::ostringstream written;
      written << table;
      EXPECT_THAT(mistakes(written.str()), Not(HasSubstr("\n")))
          << key << " in [" << section << "], fleet " << fleet;
    }
  }
}

}  // namespace
}  // namespace jitney::app
