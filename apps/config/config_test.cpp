// SPDX-License-Identifier: Apache-2.0
#include "apps/config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace jitney::app {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kGithub = R"([[github]]
url = "https://github.com/acme"
token = { env = "GITHUB_TOKEN" }
webhook_secret = { env = "HOOK" }
)";
constexpr const char* kPool = R"([[pool]]
name = "linux"
[pool.process]
runner_dir = "/opt/runner"
)";

Config good(const std::string& text) {
  auto config = parse_config(text, "t.toml");
  EXPECT_TRUE(config) << config.error().what;
  return config ? *config : Config{};
}

std::string mistakes(const std::string& text) {
  const auto config = parse_config(text, "t.toml");
  EXPECT_FALSE(config) << "was taken as good:\n" << text;
  if (config) return "";
  EXPECT_EQ(config.error().fault, core::Fault::invalid);
  return config.error().what;
}

TEST(Config, TellsWhereTheLedgerOnAwsIs) {
  unsetenv("AWS_REGION");
  setenv("AWS_DEFAULT_REGION", "eu-north-1", 1);
  const std::string text =
      "ledger = \"dynamodb\"\ndeployment = \"ci\"\n" + std::string(kGithub) + kPool + R"([aws]
queue_url = "https://sqs.eu-north-1.amazonaws.com/123456789012/ci-create/"
dead_letter_queue_url = "https://sqs.eu-north-1.amazonaws.com/123456789012/ci-dead"
endpoint_url = "http://127.0.0.1:5000"
)";
  const Config config = good(text);
  EXPECT_EQ(config.ledger, LedgerKind::dynamodb);
  EXPECT_EQ(config.aws.region, "eu-north-1");
  EXPECT_EQ(config.aws.table, "ci-ledger");
  EXPECT_EQ(config.aws.queue_url, "https://sqs.eu-north-1.amazonaws.com/123456789012/ci-create");
  EXPECT_EQ(config.aws.stop_queue_url, config.aws.queue_url);
  EXPECT_EQ(config.aws.endpoint_url, "http://127.0.0.1:5000");
  unsetenv("AWS_DEFAULT_REGION");
}

TEST(Config, FillsInDefaults) {
  unsetenv("STATE_DIRECTORY");
  const Config config = good(std::string(kGithub) + kPool);
  EXPECT_EQ(config.deployment.name, "jitney");
  EXPECT_EQ(config.ingress, IngressKind::webhook);
  EXPECT_EQ(config.server.webhook.address, "127.0.0.1");
  EXPECT_EQ(config.server.webhook.port, 8080);
  EXPECT_EQ(config.server.admin.port, 8081);
  EXPECT_EQ(config.server.state_dir, "/var/lib/jitney");
  EXPECT_EQ(config.process.runners_dir, "/var/lib/jitney/runners");
  ASSERT_EQ(config.github.size(), 1U);
  EXPECT_EQ(config.github[0].name, "acme");
  EXPECT_EQ(config.github[0].api_url, "https://api.github.com");
  EXPECT_EQ(config.github[0].token->where, "t.toml:3:9");
  ASSERT_EQ(config.deployment.pools.size(), 1U);
  const core::Pool& pool = config.deployment.pools[0];
  EXPECT_EQ(pool.scope, "acme");
  EXPECT_EQ(pool.labels, (std::vector<std::string>{"linux", "self-hosted"}));
  EXPECT_EQ(pool.max, 10);
  EXPECT_EQ(config.deployment.retry.delays.size(), 6U);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Config, StateDirectoryOfSystemdIsTheDefault) {
  setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
  EXPECT_EQ(good(std::string(kGithub) + kPool).server.state_dir, "/var/lib/one");
  unsetenv("STATE_DIRECTORY");
}

TEST(Config, ExampleLoads) {
  const auto config = load_config(JITNEY_SOURCE_DIR "/apps/config/jitney.example.toml");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_TRUE(config->warnings.empty());
  EXPECT_EQ(config->deployment.pools.size(), 2U);
  const ProcessPool& linux_pool = config->process_pools.at("linux");
  EXPECT_EQ(linux_pool.memory, std::int64_t{8} << 30);
  EXPECT_EQ(linux_pool.runner_dir, "/opt/actions-runner");
  EXPECT_EQ(linux_pool.env.at("LANG"), "C.UTF-8");
  EXPECT_EQ(config->deployment.pools[0].deadlines.max_job_time, 6h);
  // A repository's pool serves that repository alone.
  EXPECT_EQ(config->deployment.pools[1].repositories,
            (std::vector<std::string>{"acme-tools/builder"}));
}

TEST(Config, ReadsEveryKindOfGithubAddress) {
  struct Row {
    const char *url, *api, *owner, *repository;
    GithubScope::Kind kind;
  };
  using Kind = GithubScope::Kind;
  for (const Row& row : std::initializer_list<Row>{
           {"https://github.com/acme/", "https://api.github.com", "acme", "", Kind::organization},
           {"https://www.github.com/a/b", "https://api.github.com", "a", "b", Kind::repository},
           {"https://github.com/Enterprises/Big", "https://api.github.com", "Big", "",
            Kind::enterprise},
           {"https://Tenant.ghe.com/acme", "https://api.tenant.ghe.com", "acme", "",
            Kind::organization},
           {"https://ghes.example:8443/acme", "https://ghes.example:8443/api/v3", "acme", "",
            Kind::organization},
           {"http://127.0.0.1:4100/acme", "http://127.0.0.1:4100/api/v3", "acme", "",
            Kind::organization}}) {
    const Config config =
        good("[[github]]\nurl = \"" + std::string(row.url) +
             "\"\ntoken = { env = \"T\" }\nwebhook_secret = { env = \"H\" }\n" + kPool);
    ASSERT_EQ(config.github.size(), 1U) << row.url;
    EXPECT_EQ(config.github[0].api_url, row.api);
    EXPECT_EQ(config.github[0].owner, row.owner);
    EXPECT_EQ(config.github[0].repository, row.repository);
    EXPECT_EQ(config.github[0].kind, row.kind) << row.url;
  }
}

TEST(Config, PollingNeedsNoWebhookSecret) {
  const Config config =
      good(std::string("ingress = \"poll\"\n[[github]]\nurl = \"https://github.com/a\"\n"
                       "token = { env = \"T\" }\n") +
           kPool);
  EXPECT_EQ(config.ingress, IngressKind::poll);
}

TEST(Config, AppIdMayBeNumberOrText) {
  for (const char* line : {"app_id = 77", "app_id = \"77\"", "client_id = \"77\""}) {
    const Config config = good(std::string("[[github]]\nurl = \"https://github.com/a\"\n") + line +
                               "\ninstallation_id = 5\nprivate_key = { file = \"/k\" }\n"
                               "webhook_secret = { env = \"H\" }\n" +
                               kPool);
    ASSERT_EQ(config.github.size(), 1U);
    EXPECT_EQ(config.github[0].app_id, "77");
  }
}

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
std::string pool_with(const std::string& line) {
  return std::string(kGithub) + "[[pool]]\nname = \"linux\"\n" + line +
         "\n[pool.process]\nrunner_dir = \"/opt/runner\"\n";
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

std::string with_github(const std::string& lines) { return "[[github]]\n" + lines + "\n" + kPool; }

TEST(Config, GithubEntryNamesWhatItLacks) {
  const std::string told = mistakes(with_github("name = \"a\""));
  EXPECT_THAT(
      told,
      HasSubstr(
          "t.toml:1:1: url is missing in [[github]]; write url = \"https://github.com/ORG\""));
  EXPECT_THAT(
      told,
      HasSubstr("token is missing in [[github]]; write token = { env = \"GITHUB_TOKEN\" }, or"));
  EXPECT_THAT(told, HasSubstr("webhook_secret is missing in [[github]]; write"));
}

TEST(Config, AppNamesWhatItLacks) {
  const std::string told = mistakes(
      with_github("url = \"https://github.com/a\"\napp_id = 3\nwebhook_secret = { env = \"H\" }"));
  EXPECT_THAT(told, HasSubstr("installation_id is missing"));
  EXPECT_THAT(told, HasSubstr("private_key is missing"));
}

TEST(Config, RefusesAddressesThatAreNoScope) {
  for (const char* url :
       {"https://github.com", "https://github.com/a/b/c", "github.com/acme",
        "ftp://github.com/acme", "http://github.com/acme", "https://github.com/a?b"}) {
    EXPECT_THAT(
        mistakes(with_github("url = \"" + std::string(url) +
                             "\"\ntoken = { env = \"T\" }\nwebhook_secret = { env = \"H\" }")),
        HasSubstr("t.toml:2:7: url "))
        << url;
  }
}

TEST(Config, TwoScopesOfOneNameAreRefused) {
  EXPECT_THAT(mistakes(std::string(kGithub) + kGithub +
                       pool_with("github = \"acme\"").substr(std::string(kGithub).size())),
              HasSubstr("name is \"acme\", as another [[github]] is named"));
}

TEST(Config, WithSeveralScopesAPoolMustNameOne) {
  EXPECT_THAT(mistakes(std::string(kGithub) + "[[github]]\nname = \"b\"\n" +
                       std::string(kGithub).substr(std::string("[[github]]\n").size()) + kPool),
              HasSubstr("github is missing in [[pool]]; write the name of the [[github]] entry"));
}

TEST(Config, SecretsInClearAreRefusedAndNeverShown) {
  const std::string marked = "ghp_MARKEDmarked0123456789";
  for (const std::string& line :
       {"token = \"" + marked + "\"", "token = { env = \"" + marked + "\" }",
        "token = { file = \"" + marked + "\" }", "token = { credential = \"" + marked + "\" }",
        "token = { value = \"" + marked + "\" }", "token = { " + marked + " = \"x\" }",
        "token = [\"" + marked + "\"]", "webhook_secret = [\"" + marked + "\"]",
        "private_key = \"" + marked + "\"", "app_id = \"" + marked + "\"",
        "proxy = \"http://me:" + marked + "@proxy:3128\"",
        "api_url = \"https://me:" + marked + "@ghes.example/api/v3\"", "token = " + marked,
        "token = '" + marked, marked + " = 1", "token = \"x\" " + marked,
        "url = \"https://x:" + marked + "@github.com/acme\""}) {
    const std::string told = mistakes(with_github(line));
    EXPECT_THAT(told, HasSubstr("t.toml:")) << line;
    EXPECT_THAT(told, Not(HasSubstr("MARKED"))) << line << "\n" << told;
  }
  EXPECT_THAT(mistakes(with_github("token = \"" + marked + "\"")),
              HasSubstr("t.toml:2:9: token is written in clear; write token = { env = \"NAME\" }, "
                        "{ file = \"/path\" } or { credential = \"name\" }, and replace"));
}

TEST(Config, SecretsMayBeKeptByAws) {
  std::string github(kGithub);
  github.replace(github.find("{ env = \"HOOK\" }"), 16,
                 "[{ secret = \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf\" "
                 "}, { parameter = \"/jitney/webhook\" }]");
  const Config config = good(github + kPool);
  const auto& secrets = config.github.at(0).webhook_secrets;
  ASSERT_EQ(secrets.size(), 2U);
  EXPECT_EQ(secrets[0].kind, SecretRef::Kind::secret);
  EXPECT_EQ(secrets[1].kind, SecretRef::Kind::parameter);
  EXPECT_EQ(secrets[1].name, "/jitney/webhook");
  EXPECT_THAT(check_secrets(config).missing,
              Not(::testing::Contains(HasSubstr("/jitney/webhook"))));
  EXPECT_THAT(mistakes(with_github("token = { secret = \"two words\" }")),
              HasSubstr("write the secret's name or ARN"));
}

TEST(Config, TellsAllMistakesInOneRunByPlace) {
  const std::string told =
      mistakes("deployment = \"NO\"\nbogus = 1\n[server]\nworkers = 0\ndrain = 5\n" +
               std::string(kGithub) + "[[pool]]\nname = \"x\"\nmax = \"y\"\nwarm = true\n");
  std::vector<std::string> places;
  std::istringstream lines(told);
  for (std::string line; std::getline(lines, line);)
    places.push_back(line.substr(0, line.find(": ")));
  EXPECT_THAT(places,
              ::testing::ElementsAre("t.toml:1:14", "t.toml:2:1", "t.toml:4:11", "t.toml:5:9",
                                     "t.toml:10:1", "t.toml:12:7", "t.toml:13:8"))
      << told;
}

TEST(Config, OverlapsAndOpenAdminListenersAreWarnings) {
  const Config config =
      good("[server]\nadmin_listen = \"0.0.0.0:9\"\n" + std::string(kGithub) + kPool +
           "[[pool]]\nname = \"big\"\nlabels = [\"self-hosted\", \"linux\"]\n"
           "[pool.process]\nrunner_dir = \"/r\"\n");
  ASSERT_EQ(config.warnings.size(), 2U);
  EXPECT_THAT(config.warnings[0], HasSubstr("t.toml:2:16: admin_listen is 0.0.0.0"));
  EXPECT_THAT(config.warnings[1], HasSubstr("\"big\" overlaps with \"linux\""));
}

TEST(Config, AMissingFileIsNotFound) {
  const auto config = load_config("/nonexistent/jitney.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().fault, core::Fault::not_found);
  EXPECT_THAT(config.error().what, HasSubstr("/nonexistent/jitney.toml"));
  const auto directory = load_config(std::filesystem::temp_directory_path().string());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().fault, core::Fault::invalid);
}

}  // namespace
}  // namespace jitney::app
