// SPDX-License-Identifier: Apache-2.0
#include "apps/config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "apps/config/config_lines_test.hpp"

namespace jitney::app {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

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
           {"https://github.com/a/b", "https://api.github.com", "a", "b", Kind::repository},
           {"https://github.com/Enterprises/Big", "https://api.github.com", "Big", "",
            Kind::enterprise},
           {"https://Tenant.ghe.com/acme", "https://api.tenant.ghe.com", "acme", "",
            Kind::organization},
           {"https://ghes.example:8443/acme", "https://ghes.example:8443/api/v3", "acme", "",
            Kind::organization},
           {"https://www.ghes.example/enterprises/orgs", "https://www.ghes.example/api/v3", "orgs",
            "", Kind::enterprise},
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

std::string with_github(const std::string& lines) { return "[[github]]\n" + lines + "\n" + kPool; }

TEST(Config, ARepositorysPoolMayNameItByPattern) {
  const Config config = good(replaced(pool_with("repositories = [\"Acme/*\", \"*/shop\"]"),
                                      "https://github.com/acme", "https://github.com/acme/shop"));
  EXPECT_EQ(config.deployment.pools.at(0).repositories.size(), 2U);
}

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
