// SPDX-License-Identifier: Apache-2.0
// The built program as people call it: help, exit statuses, tables, JSON, beside a server and
// without one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/jitney/cli_world_test.hpp"
#include "apps/serve/admin.hpp"
#include "core/functions.hpp"
#include "core/launch.hpp"
#include "local/database.hpp"
#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "net/json.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
namespace json = boost::json;

// A deployment with a configuration, and a database where a test opens one.
class Cli : public ::testing::Test {
 protected:
  Cli() {
    unsetenv("JITNEY_CONFIG");
    configure(0);
  }

  void configure(int admin_port, const std::string& more = "") {
    std::ofstream(config_)
        << "[server]\nstate_dir = \"" << directory_.path()
        << "\"\nadmin_listen = \"127.0.0.1:" << admin_port
        << "\"\n[[github]]\nname = \"acme\"\nurl = \"https://github.com/acme\"\n"
           "token = { env = \"NO_SUCH_TOKEN\" }\nwebhook_secret = { env = "
           "\"NO_SUCH_SECRET\" }\n[process]\nrunner_dir = \"/nonexistent/runner\"\n"
           "[[pool]]\nname = \"linux\"\nmax = 1\n"
        << more;
  }

  Ran jitney(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", config_});
    return run_jitney(std::move(arguments));
  }
  json::value parsed(const Ran& ran) {
    EXPECT_EQ(ran.status, 0) << ran.err;
    auto value = net::parse_json(ran.out);
    EXPECT_TRUE(value) << ran.out;
    return value ? *value : json::value(nullptr);
  }

  // Opens the database as a server does, which locks it.
  void open_database() {
    auto opened = local::Database::open({.path = directory_.path() + "/jitney.db"});
    ASSERT_TRUE(opened) << opened.error().what;
    database_ = std::move(*opened);
    ledger_ = std::make_unique<local::SqliteLedger>(*database_);
    queue_ = std::make_unique<local::SqliteQueue>(*database_);
  }
  void close_database() {
    queue_.reset();
    ledger_.reset();
    database_.reset();
  }

  void fill() {
    open_database();
    fill_records(*ledger_, *queue_, clock_.now());
  }

  fakes::TemporaryDirectory directory_;
  std::string config_ = directory_.path() + "/jitney.toml";
  WallClock clock_;
  std::unique_ptr<local::Database> database_;
  std::unique_ptr<local::SqliteLedger> ledger_;
  std::unique_ptr<local::SqliteQueue> queue_;
};

TEST_F(Cli, EveryCommandHasHelp) {
  for (const std::string words :
       {"", "serve", "demo", "jobs", "runners", "pools", "explain", "dead", "dead list",
        "dead show", "dead redrive", "config", "config check", "doctor", "webhook",
        "webhook install", "version"}) {
    std::vector<std::string> arguments;
    std::istringstream in(words);
    for (std::string word; in >> word;) arguments.push_back(word);
    arguments.emplace_back("--help");
    const Ran ran = run_jitney(arguments);
    EXPECT_EQ(ran.status, 0) << words;
    EXPECT_THAT(ran.out, HasSubstr("Usage: jitney" + (words.empty() ? "" : " " + words)));
    EXPECT_EQ(ran.err, "");
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  }
  EXPECT_THAT(run_jitney({"--help"}).out,
              AllOf(HasSubstr("Exit status:"), HasSubstr("JITNEY_CONFIG"), Not(HasSubstr("shim"))));
}

TEST_F(Cli, WrongCommandLinesAnswerTwoAndSayWhereHelpIs) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"frob"}, "See: jitney --help"},
      {{"jobs", "--limit", "0"}, "See: jitney jobs --help"},
      {{"jobs", "--status", "asleep"}, "--status"},
      {{"-o", "xml", "jobs"}, "xml"},
      {{"explain"}, "JOB is required"},
      {{"dead"}, "dead needs one of: list, show, redrive"},
      {{"dead", "redrive"}, "takes IDs or --all"},
      {{"dead", "redrive", "1", "--all"}, "takes IDs or --all"},
      {{"webhook", "install", "--hook", "abc"}, "--hook: takes the webhook's number"},
      {{"webhook", "install", "--hook", "0"}, "--hook: takes the webhook's number"},
      {{"webhook", "install", "--hook=-1"}, "--hook: takes the webhook's number"},
      {{"webhook", "install", "--hook", "7x"}, "--hook: takes the webhook's number"},
      {{"webhook", "install", "--hook", "99999999999999999999"}, "--hook: takes the webhook's"},
      {{"webhook", "install", "--yes", "--url", "foo"}, "no web address"},
      {{"webhook", "install", "--yes", "--url", "https://ci.example/x"}, "answers 404 there"},
      {{"explain", "seventeen"}, "a job is named by its number"},
      {{"explain", "https://github.com/acme/app/pull/3"}, "this address names no job"}};
  for (const auto& [arguments, told] : rows) {
    const Ran ran = jitney(arguments);
    EXPECT_EQ(ran.status, 2) << told << "\n" << ran.out << ran.err;
    EXPECT_THAT(ran.err, AllOf(StartsWith("jitney: "), HasSubstr(told)));
    EXPECT_EQ(ran.out, "");
    EXPECT_LT(ran.err.size(), 300U) << ran.err;
  }
  EXPECT_EQ(run_jitney({}).status, 2);
}

TEST_F(Cli, ADemoTakesNoDirectoryThatIsInUse) {
  for (const char* name : {"jitney.toml", "jitney.db", "token", "webhook_secret", "runners"}) {
    std::filesystem::remove_all(directory_.path());
    std::filesystem::create_directory(directory_.path());
    std::ofstream(directory_.path() + "/" + name) << "before";
    const Ran ran = run_jitney({"demo", "--jobs", "1", "--exit", "--state-dir", directory_.path()});
    EXPECT_EQ(ran.status, 1) << name;
    EXPECT_THAT(ran.err, AllOf(HasSubstr(directory_.path() + " holds " + name),
                               HasSubstr("name a new directory")));
    EXPECT_THAT(ran.out, Not(HasSubstr("admin ")));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1)
        << "nothing was written beside " << name;
  }
}

TEST_F(Cli, ADemoWithoutItsRunnerSaysHowToGetIt) {
  const std::string alone = directory_.path() + "/bin/jitney";
  std::filesystem::create_directory(directory_.path() + "/bin");
  std::filesystem::copy_file(JITNEY_BINARY, alone);
  const std::string told = directory_.path() + "/told";
  const int status = std::system((alone + " demo --exit > /dev/null 2> " + told).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  std::stringstream text;
  text << std::ifstream(told).rdbuf();
  EXPECT_THAT(text.str(), AllOf(HasSubstr("script/install"),
                                HasSubstr(directory_.path() + "/share/jitney/runner-package")));
}

TEST_F(Cli, AMissingConfigurationSaysWhereItWasLookedFor) {
  const Ran ran = run_jitney({"jobs", "--config", "/nonexistent/jitney.toml"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("/nonexistent/jitney.toml"));
  // systemd must not restart a server that cannot start.
  EXPECT_EQ(run_jitney({"serve", "--config", "/nonexistent/jitney.toml"}).status, 78);
}

TEST_F(Cli, TheEnvironmentMayNameTheConfiguration) {
  setenv("JITNEY_CONFIG", config_.c_str(), 1);
  const Ran ran = run_jitney({"config", "check", "--file-only"});
  unsetenv("JITNEY_CONFIG");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr(config_ + " is well written: deployment jitney, 1 pool"));
}

TEST_F(Cli, WithoutADatabaseItSaysHowToGetOne) {
  for (const char* command : {"jobs", "runners", "pools"}) {
    const Ran ran = jitney({command});
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, AllOf(HasSubstr("there is no database at"), HasSubstr("jitney serve")));
  }
}

TEST_F(Cli, EmptyListsSayWhatToDoNext) {
  open_database();
  EXPECT_THAT(jitney({"jobs"}).out, HasSubstr("jitney jobs --all"));
  EXPECT_THAT(jitney({"jobs", "--all"}).out, HasSubstr("webhook"));
  EXPECT_THAT(jitney({"runners"}).out, HasSubstr("jitney jobs"));
  EXPECT_THAT(jitney({"dead", "list"}).out, HasSubstr("Nothing was given up"));
  EXPECT_THAT(jitney({"dead", "redrive", "--all"}).out, HasSubstr("nothing to redrive"));
}

TEST_F(Cli, ListsJobsBesideARunningServer) {
  fill();
  const Ran ran = jitney({"jobs"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("JOB  STATUS   FOR"));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("101  running"), HasSubstr("jitney-linux-1"),
                             HasSubstr("102  queued"), HasSubstr("103  dead")));
  // At the beginning of a line: "104ms" may stand elsewhere.
  EXPECT_THAT(ran.out, AllOf(Not(HasSubstr("\n104 ")), Not(HasSubstr("\n105 "))));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("build?[2J me"), Not(HasSubstr("\033"))));
  EXPECT_THAT(jitney({"jobs", "--all"}).out,
              AllOf(HasSubstr("104  success"), HasSubstr("105  ignored")));
  EXPECT_THAT(jitney({"jobs", "--all", "--limit", "2"}).out, HasSubstr("The newest 2 are shown"));
  EXPECT_THAT(jitney({"jobs", "--status", "completed"}).out, HasSubstr("\n104 "));
  const Ran wrong = jitney({"jobs", "--pool", "windows"});
  EXPECT_EQ(wrong.status, 3);
  EXPECT_THAT(wrong.err, HasSubstr("configured are: linux"));
}

TEST_F(Cli, JsonIsOneDocumentWithEveryField) {
  fill();
  const json::value jobs = parsed(jitney({"jobs", "--all", "-o", "json"}));
  ASSERT_EQ(jobs.at("jobs").as_array().size(), 5U);
  for (const json::value& job : jobs.at("jobs").as_array()) {
    for (const char* key : {"id", "name", "repository", "run_id", "labels", "pool", "status",
                            "conclusion", "runner", "queued_at", "failures", "dead"}) {
      EXPECT_TRUE(job.as_object().contains(key)) << key;
    }
  }
  const json::value runners = parsed(jitney({"runners", "-o", "json"}));
  EXPECT_EQ(runners.at("runners").at(0).at("name"), "jitney-linux-1");
  EXPECT_EQ(runners.at("runners").at(0).at("phase"), "busy");
  EXPECT_EQ(runners.at("runners").at(0).at("job"), 101);
  const json::value pools = parsed(jitney({"pools", "-o", "json"}));
  EXPECT_EQ(pools.at("pools").at(0).at("live"), 1);
  EXPECT_EQ(pools.at("pools").at(0).at("demand"), 1);
  EXPECT_EQ(pools.at("pools").at(0).at("jobs").at("in_progress"), 1);
  const json::value dead = parsed(jitney({"dead", "list", "-o", "json"}));
  EXPECT_EQ(dead.at("dead").at(0).at("key"), "103");
  const json::value shown = parsed(jitney({"dead", "show", "103", "-o", "json"}));
  EXPECT_EQ(shown.at("job").at("id"), 103);
  EXPECT_TRUE(parsed(jitney({"version", "-o", "json"})).as_object().contains("version"));
}

TEST_F(Cli, ListsRunnersAndPools) {
  fill();
  EXPECT_THAT(jitney({"runners"}).out, AllOf(HasSubstr("jitney-linux-1"), HasSubstr("busy"),
                                             HasSubstr("101"), HasSubstr("m1")));
  EXPECT_THAT(jitney({"pools"}).out, AllOf(HasSubstr("linux"), HasSubstr("1 of 1")));
}

TEST_F(Cli, ExplainsInASentenceThenTellsTheStory) {
  fill();
  const Ran waits = jitney({"explain", "102"});
  EXPECT_EQ(waits.status, 0) << waits.err;
  EXPECT_THAT(waits.out, StartsWith("Job 102 (test in acme/shop) waits for a free place"));
  EXPECT_THAT(waits.out, HasSubstr("webhook 7"));

  const Ran runs = jitney({"explain", "https://github.com/acme/shop/actions/runs/1/job/101?pr=4"});
  EXPECT_EQ(runs.status, 0) << runs.err;
  EXPECT_THAT(runs.out, StartsWith("Job 101"));
  // The runner's and the batch's lines stand among the job's.
  EXPECT_THAT(runs.out,
              AllOf(HasSubstr("runner:jitney-linux-1"), HasSubstr("batch:jitney-linux-1")));
  EXPECT_THAT(runs.out, Not(HasSubstr("\033")));

  const json::value all = parsed(jitney({"explain", "102", "-o", "json"}));
  EXPECT_EQ(all.at("explanation").at("waits_for"), "cap");
  EXPECT_FALSE(all.at("timeline").as_array().empty());
  EXPECT_THAT(jitney({"explain", "105"}).out, HasSubstr("no pool covers the labels [gpu]"));

  const Ran unknown = jitney({"explain", "999"});
  EXPECT_EQ(unknown.status, 3);
  EXPECT_THAT(unknown.err, HasSubstr("job 999 is unknown here"));
}

TEST_F(Cli, SaysWhenNobodyWorksOnWhatItShows) {
  fill();
  for (const char* list : {"jobs", "runners", "pools"}) EXPECT_EQ(jitney({list}).err, "") << list;
  close_database();
  for (const char* list : {"jobs", "runners", "pools"}) {
    const Ran ran = jitney({list, "-o", "json"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.err, StartsWith("jitney: no server runs: this is what the last one left."));
    EXPECT_TRUE(parsed(ran).as_object().contains(list));
  }
  const Ran waits = jitney({"explain", "102"});
  EXPECT_THAT(waits.out, AllOf(StartsWith("No server runs"), HasSubstr("start jitney serve")));
  EXPECT_THAT(waits.out, HasSubstr("waits for a free place"));
  EXPECT_EQ(parsed(jitney({"explain", "102", "-o", "json"})).at("explanation").at("waits_for"),
            "server");
  EXPECT_THAT(jitney({"explain", "104"}).out, StartsWith("Job 104")) << "done needs no server";
}

TEST_F(Cli, WhyAPoolLaunchesNothingIsASentenceBelowTheTable) {
  fill();
  ASSERT_TRUE(ledger_->put({.key = core::hold_key("linux"),
                            .value = "3 GiB of free disk, below the floor of 5 GiB",
                            .at = clock_.now(),
                            .expires = clock_.now() + std::chrono::minutes(1)}));
  EXPECT_THAT(jitney({"pools"}).out,
              AllOf(HasSubstr("\n\nPool linux launches nothing: 3 GiB of free disk, below the "),
                    HasSubstr("The next try is in")));
}

TEST_F(Cli, ShowsDeadLetters) {
  fill();
  EXPECT_THAT(jitney({"dead", "list"}).out,
              AllOf(HasSubstr("103"), HasSubstr("runner package is missing"),
                    HasSubstr("jitney dead redrive")));
  EXPECT_THAT(jitney({"dead", "show", "103"}).out,
              AllOf(StartsWith("runner package is missing"), HasSubstr("broken in acme/shop")));
  EXPECT_EQ(jitney({"dead", "show", "102"}).status, 3);
}

TEST_F(Cli, RedrivesInTheDatabaseWhenNoServerRuns) {
  fill();
  close_database();
  const Ran ran = jitney({"dead", "redrive", "103"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "Redriven: 103\n");
  open_database();
  EXPECT_FALSE((*ledger_->job(103))->dead);
  EXPECT_TRUE(queue_->dead_letters(10)->empty());
  const auto woken = queue_->take(10, std::chrono::minutes(1), clock_.now());
  ASSERT_TRUE(woken);
  ASSERT_EQ(woken->size(), 1U);
  EXPECT_EQ(woken->front().message, (core::Message{core::MessageKind::create_runner, "linux", ""}));
}

TEST_F(Cli, AServerThatDoesNotAnswerIsNotWrittenBehind) {
  fill();  // the database stays locked, and nobody listens
  const Ran ran = jitney({"dead", "redrive", "--all"});
  EXPECT_EQ(ran.status, 4) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("does not answer"));
  EXPECT_TRUE((*ledger_->job(103))->dead);
}

// The admin listener of a server, over the database of the test.
class Listening {
 public:
  Listening(const std::string& deployment, core::Ledger& ledger, core::Queue& queue) {
    deployment_.name = deployment;
    deployment_.pools = {test_pool("linux", 1)};
    metrics_ = std::make_unique<Metrics>(deployment_.pools, std::vector<std::string>{"acme"});
    AdminOptions options;
    options.context = [this, &ledger, &queue](core::Duration time) {
      return core::Context{deployment_,        ledger, queue, fleet_, forges_, clock_,
                           clock_.now() + time};
    };
    admin_ = std::make_unique<Admin>(std::move(options), *metrics_);
    auto server = net::HttpServer::listen({}, [this](net::Request request, net::Responder respond) {
      admin_->handle(std::move(request), std::move(respond));
    });
    EXPECT_TRUE(server);
    server_ = std::move(*server);
  }
  [[nodiscard]] int port() const { return server_->port(); }

 private:
  core::Deployment deployment_;
  ForbiddenFleet fleet_;
  std::map<std::string, core::Forge*, std::less<>> forges_;
  WallClock clock_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(Cli, RedrivesThroughTheRunningServer) {
  fill();
  const Listening server("jitney", *ledger_, *queue_);
  configure(server.port());
  const json::value answer = parsed(jitney({"dead", "redrive", "--all", "-o", "json"}));
  EXPECT_EQ(answer.at("redriven"), (json::array{"103"}));
  EXPECT_TRUE(answer.at("failed").as_array().empty());
  EXPECT_FALSE((*ledger_->job(103))->dead);
}

TEST_F(Cli, AnotherDeploymentsServerIsNotAsked) {
  fill();
  const Listening server("other", *ledger_, *queue_);
  configure(server.port());
  EXPECT_EQ(jitney({"dead", "redrive", "103"}).status, 4);
  EXPECT_TRUE((*ledger_->job(103))->dead);
}

TEST_F(Cli, ConfigCheckTellsMistakesSecretsAndMachine) {
  const Ran machine = jitney({"config", "check"});
  EXPECT_EQ(machine.status, 1);
  EXPECT_THAT(machine.out, AllOf(HasSubstr("environment variable NO_SUCH_TOKEN"),
                                 HasSubstr("/nonexistent/runner/bin/Runner.Listener")));
  configure(0, "maximum = 3\nwarm = \"one\"\n");
  const Ran mistakes = jitney({"config", "check"});
  EXPECT_EQ(mistakes.status, 2);
  EXPECT_THAT(mistakes.out,
              AllOf(HasSubstr(config_ + ":14:1: \"maximum\" is not known in [[pool]]"),
                    HasSubstr(config_ + ":15:8: warm is a string"), HasSubstr("2 mistakes")));
  const Ran as_json = jitney({"config", "check", "-o", "json"});
  EXPECT_EQ(as_json.status, 2);
  const auto value = net::parse_json(as_json.out);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("ok"), false);
  EXPECT_EQ(value->at("mistakes").as_array().size(), 2U);
  // Every other command refuses such a file as well.
  EXPECT_EQ(jitney({"pools"}).status, 2);
  EXPECT_EQ(jitney({"serve"}).status, 78);
}

TEST_F(Cli, BrokenOutputIsAnError) {
  fill();
  const std::string shell =
      std::string(JITNEY_BINARY) + " jobs --config " + config_ + " > /dev/full";
  const int status = std::system((shell + " 2> /dev/null").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
}  // namespace jitney::app
