// SPDX-License-Identifier: Apache-2.0
// The real binary, started and stopped, against the simulated GitHub.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <memory>

#include "apps/serve/serve_process_test.hpp"
#include "net/crypto.hpp"
#include "sim/github/github.hpp"

namespace jitney::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ServeTest : public testing::Test {
 protected:
  static constexpr const char* kSecret = "a webhook secret of the tests";

  void SetUp() override {
    directory_.write("token", "ghp_token_of_the_tests\n");
    directory_.write("secret", std::string(kSecret) + "\n");
    sim::SimOptions options;
    options.repositories = {"acme/shop"};
    options.tokens = {{.token = "ghp_token_of_the_tests", .owners = {}}};
    auto github = sim::SimGithub::start(std::move(options));
    ASSERT_TRUE(github) << github.error().what;
    github_ = std::move(*github);
    write_config("127.0.0.1:0", JITNEY_RUNNER_PACKAGE);
  }

  void write_config(const std::string& webhook_listen, const std::string& runner_dir,
                    const std::string& name = "jitney.toml", const std::string& secret = "") const {
    const std::string where =
        secret.empty() ? "{ file = \"" + directory_.path("secret") + "\" }" : secret;
    directory_.write(
        name, "deployment = \"test\"\n[server]\nwebhook_listen = \"" + webhook_listen +
                  "\"\nadmin_listen = \"127.0.0.1:0\"\nstate_dir = \"" + directory_.path("state") +
                  "\"\ndrain = \"20s\"\n[[github]]\nurl = \"" + github_->url() +
                  "/acme\"\ntoken = { file = \"" + directory_.path("token") +
                  "\" }\nwebhook_secret = " + where +
                  "\nwrite_spacing = \"0ms\"\n[sweep]\ninterval = \"500ms\"\nsettle = \"300ms\"\n"
                  "orphan_grace = \"1s\"\n[process]\nrunner_dir = \"" +
                  runner_dir +
                  "\"\nmin_free_disk = \"1MiB\"\nstop_grace = \"2s\"\n"
                  "[[pool]]\nname = \"template_cpu\"\nmax = 3\ndeadlines = { surplus = \"1s\" }\n");
    std::filesystem::create_directories(directory_.path("state"));
    chmod(directory_.path("state").c_str(), 0711);
  }

  void hook(const ServeProcess& serve) {
    github_->add_hook(sim::HookKind::organization, "acme",
                      "http://127.0.0.1:" + std::to_string(serve.webhook_port()) + "/webhook",
                      core::Secret(kSecret));
  }
  void queue_jobs(int count, const std::string& step) {
    sim::WorkflowSpec spec;
    spec.repository = "acme/shop";
    for (int i = 0; i < count; ++i) {
      spec.jobs.push_back({.name = "job-" + std::to_string(i),
                           .labels = {"self-hosted", "template_cpu"},
                           .steps = {step},
                           .env = {},
                           .waiting = false});
    }
    ASSERT_TRUE(github_->queue(spec));
  }
  // How many jobs have this status, and conclusion if one is given.
  std::ptrdiff_t count(sim::Status status, const std::string& conclusion = "") {
    std::ptrdiff_t found = 0;
    github_->with([&](sim::State& state, sim::Time) {
      for (const auto& [id, job] : state.world.jobs()) {
        found += job.status == status && (conclusion.empty() || job.conclusion == conclusion);
      }
    });
    return found;
  }
  bool nothing_left(ServeProcess& serve) {
    const auto runners = serve.get("/api/v1/runners");
    if (runners.status != 200) return false;
    bool registered = true;
    github_->with(
        [&](sim::State& state, sim::Time) { registered = !state.world.runners().empty(); });
    return !registered && boost::json::parse(runners.body).at("runners").as_array().empty();
  }
  static net::Request webhook(const std::string& body, const std::string& event,
                              const std::string& secret) {
    net::Request request{.method = "POST", .target = "/webhook", .headers = {}, .body = body};
    request.headers.add("Content-Type", "application/json");
    request.headers.add("X-GitHub-Event", event);
    request.headers.add("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    if (!secret.empty()) {
      request.headers.add("X-Hub-Signature-256",
                          "sha256=" + net::hex(net::hmac_sha256(core::Secret(secret), body)));
    }
    return request;
  }

  TestDirectory directory_;
  std::unique_ptr<sim::SimGithub> github_;
};

TEST_F(ServeTest, JobsRunToTheEndAndNothingIsLeft) {
  ServeProcess serve(directory_, "jitney.toml", "log");
  ASSERT_TRUE(serve.serves());
  hook(serve);
  queue_jobs(7, "true");
  EXPECT_TRUE(within_bound([&] { return count(sim::Status::completed, "success") == 7; }))
      << serve.log();
  EXPECT_TRUE(within_bound([&] { return nothing_left(serve); })) << serve.log();
  const net::Response health = serve.get("/healthz");
  EXPECT_EQ(health.status, 200) << health.body;
  const std::string metrics = serve.get("/metrics").body;
  EXPECT_NE(metrics.find("jitney_pool_live{pool=\"template_cpu\"} 0\n"), std::string::npos);
  EXPECT_NE(metrics.find("jitney_queue_to_busy_seconds_count{pool=\"template_cpu\"} 7\n"),
            std::string::npos)
      << metrics;
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.exit_status(), 0) << serve.log();
  EXPECT_EQ(serve.log().find(kSecret), std::string::npos);
  EXPECT_EQ(serve.log().find("ghp_token"), std::string::npos);
}

TEST_F(ServeTest, ATokenThatGitHubRefusesIsToldWhereOperatorsLook) {
  directory_.write("token", "ghp_of_nobody");
  ServeProcess serve(directory_, "jitney.toml", "log");
  ASSERT_TRUE(serve.serves());
  EXPECT_TRUE(within_bound([&] {
    return serve.get("/healthz").body.find("401") != std::string::npos;
  })) << serve.log();
  EXPECT_EQ(serve.get("/healthz").status, 200) << "another start would not mend it";
  EXPECT_NE(serve.get("/metrics").body.find("jitney_complete_sweep_age_seconds -1\n"),
            std::string::npos);
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.exit_status(), 0) << serve.log();
  EXPECT_EQ(serve.log().find("ghp_of_nobody"), std::string::npos);
}

TEST_F(ServeTest, BadWebhooksGetAClearAnswerAndChangeNothing) {
  ServeProcess serve(directory_, "jitney.toml", "log");
  ASSERT_TRUE(serve.serves());
  const auto answer = [&](const net::Request& request) {
    return serve.ask(serve.webhook_port(), request).status;
  };
  EXPECT_EQ(answer(webhook("{}", "workflow_job", "")), 401);
  EXPECT_EQ(answer(webhook("{}", "workflow_job", "another secret")), 401);
  EXPECT_EQ(answer(webhook("{", "workflow_job", kSecret)), 400);
  EXPECT_EQ(answer(webhook(R"({"zen":"Keep it logically awesome."})", "ping", kSecret)), 200);
  EXPECT_EQ(answer(webhook(R"({"action":"opened"})", "pull_request", kSecret)), 200);
  net::Request elsewhere = webhook("{}", "ping", kSecret);
  elsewhere.target = "/elsewhere";
  EXPECT_EQ(answer(elsewhere), 404);
  elsewhere.target = "/webhook/nobody";
  EXPECT_EQ(answer(elsewhere), 404);
  elsewhere.target = "/webhook/acme";
  EXPECT_EQ(answer(elsewhere), 200);
  EXPECT_EQ(answer({.method = "GET", .target = "/webhook", .headers = {}, .body = ""}), 405);
  EXPECT_TRUE(boost::json::parse(serve.get("/api/v1/jobs").body).at("jobs").as_array().empty());
}

TEST_F(ServeTest, ARunningJobOutlivesTheServerAndIsAdoptedByTheNext) {
  {
    ServeProcess serve(directory_, "jitney.toml", "log1");
    ASSERT_TRUE(serve.serves());
    hook(serve);
    queue_jobs(1, "while [ ! -e " + directory_.path("go") + " ]; do sleep 0.05; done");
    ASSERT_TRUE(within_bound([&] { return count(sim::Status::in_progress) == 1; })) << serve.log();
    serve.signal(SIGTERM);
    EXPECT_EQ(serve.exit_status(), 0) << serve.log();
    EXPECT_EQ(serve.log().find("deadline has passed"), std::string::npos) << "a job held the drain";
  }
  EXPECT_EQ(count(sim::Status::in_progress), 1);
  ServeProcess serve(directory_, "jitney.toml", "log2");
  ASSERT_TRUE(serve.serves());
  hook(serve);
  EXPECT_TRUE(within_bound([&] { return serve.get("/healthz").status == 200; }));
  const auto runners = boost::json::parse(serve.get("/api/v1/runners").body);
  EXPECT_EQ(runners.at("runners").as_array().size(), 1U) << serve.log();
  std::ofstream(directory_.path("go")) << "go on";
  EXPECT_TRUE(within_bound([&] { return count(sim::Status::completed, "success") == 1; }));
  EXPECT_TRUE(within_bound([&] { return nothing_left(serve); })) << serve.log();
}

TEST_F(ServeTest, ASecondSignalEndsAtOnce) {
  // A GitHub that does not answer holds the first sweep, and so the drain.
  github_->with([](sim::State& state, sim::Time) {
    sim::CallFault slow;
    slow.kind = sim::CallFault::Kind::slow;
    slow.delay = seconds(20);
    state.faults.calls.push_back(slow);
  });
  ServeProcess serve(directory_, "jitney.toml", "log");
  ASSERT_TRUE(serve.serves());
  serve.signal(SIGTERM);
  ASSERT_TRUE(
      within_bound([&] { return serve.logged("draining; running jobs go on").has_value(); }));
  const auto before = std::chrono::steady_clock::now();
  serve.signal(SIGINT);
  EXPECT_EQ(serve.exit_status(), 128 + SIGINT) << serve.log();
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(10));
}

TEST_F(ServeTest, ATakenPortIsNamed) {
  ServeProcess first(directory_, "jitney.toml", "log1");
  ASSERT_TRUE(first.serves());
  const std::string port = std::to_string(first.webhook_port());
  const TestDirectory other;
  std::filesystem::create_directories(other.path("state"));
  std::string config = directory_.read("jitney.toml");
  config.replace(config.find("127.0.0.1:0"), 11, "127.0.0.1:" + port);
  const std::string state = directory_.path("state");
  config.replace(config.find(state), state.size(), other.path("state"));
  other.write("jitney.toml", config);
  ServeProcess second(other, "jitney.toml", "log");
  EXPECT_EQ(second.exit_status(), 78);
  EXPECT_NE(second.log().find(port), std::string::npos) << second.log();
}

TEST_F(ServeTest, ASecondServerOnTheSameDatabaseIsRefused) {
  ServeProcess first(directory_, "jitney.toml", "log1");
  ASSERT_TRUE(first.serves());
  ServeProcess second(directory_, "jitney.toml", "log2");
  const auto status = second.exit_status();
  ASSERT_TRUE(status.has_value());
  EXPECT_NE(*status, 0);
  EXPECT_NE(second.log().find("jitney.db"), std::string::npos) << second.log();
  EXPECT_EQ(first.get("/healthz").status == 200 || first.get("/healthz").status == 503, true);
}

TEST_F(ServeTest, AMissingSecretIsNamedAndNothingStarts) {
  write_config("127.0.0.1:0", JITNEY_RUNNER_PACKAGE, "jitney.toml",
               "{ env = \"JITNEY_TEST_SECRET_THAT_IS_NOT_SET\" }");
  ServeProcess serve(directory_, "jitney.toml", "log");
  EXPECT_EQ(serve.exit_status(), 78);
  EXPECT_NE(serve.log().find("JITNEY_TEST_SECRET_THAT_IS_NOT_SET"), std::string::npos)
      << serve.log();
}

TEST_F(ServeTest, ARunnerDirectoryWithoutAListenerIsNamed) {
  std::filesystem::create_directories(directory_.path("empty"));
  write_config("127.0.0.1:0", directory_.path("empty"));
  ServeProcess serve(directory_, "jitney.toml", "log");
  EXPECT_EQ(serve.exit_status(), 78);
  EXPECT_NE(serve.log().find("Runner.Listener"), std::string::npos) << serve.log();
}

TEST_F(ServeTest, TellsSystemdWhenItIsReadyAndStopping) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory_.path("notify");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  timeval bound{.tv_sec = 60, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  const auto next = [&] {
    std::string text(512, '\0');
    const ssize_t got = recv(fd, text.data(), text.size(), 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  };
  ServeProcess serve(directory_, "jitney.toml", "log", {"NOTIFY_SOCKET=" + path});
  EXPECT_TRUE(next().starts_with("READY=1")) << serve.log();
  serve.signal(SIGTERM);
  EXPECT_TRUE(next().starts_with("STOPPING=1"));
  EXPECT_EQ(serve.exit_status(), 0);
  close(fd);
}

}  // namespace
}  // namespace jitney::app
