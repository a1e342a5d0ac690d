// SPDX-License-Identifier: Apache-2.0
// The real binary with `fleet = "ec2"`: GitHub is the simulated one, EC2, Systems Manager and S3
// are the stub of tests/aws/cloud.hpp, and the machine's runner is the stand-in package.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "apps/serve/serve_process_test.hpp"
#include "sim/github/github.hpp"
#include "tests/aws/cloud.hpp"

namespace jitney::app {
namespace {

// What runner/jitney-runner does with a JIT configuration, as far as GitHub sees it.
class Listener {
 public:
  Listener(const TestDirectory& directory, const std::string& jit) {
    const std::string root = directory.path("machine");
    std::filesystem::copy(JITNEY_RUNNER_PACKAGE, root, std::filesystem::copy_options::recursive);
    std::vector<std::string> words{root + "/bin/Runner.Listener", "run"};
    std::vector<std::string> all{"ACTIONS_RUNNER_INPUT_JITCONFIG=" + jit, "PATH=/usr/bin:/bin"};
    char* const argv[] = {words[0].data(), words[1].data(), nullptr};
    char* const envp[] = {all[0].data(), all[1].data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, root.c_str());
    const std::string out = directory.path("listener.log");
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    if (posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, argv, envp) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Listener() {
    if (pid_ <= 0 || status_) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::optional<int> ended() {
    int status = 0;
    if (!status_ && pid_ > 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    }
    return status_;
  }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

class ServeEc2Test : public testing::Test {
 protected:
  static constexpr const char* kSecret = "a webhook secret of the tests";

  void SetUp() override {
    cloud_.add_template("template_cpu");
    directory_.write("token", "ghp_token_of_the_tests\n");
    cloud_.put_parameter("/jitney/webhook-secret", kSecret);
    sim::SimOptions options;
    options.repositories = {"acme/shop"};
    options.tokens = {{.token = "ghp_token_of_the_tests", .owners = {}}};
    auto github = sim::SimGithub::start(std::move(options));
    ASSERT_TRUE(github) << github.error().what;
    github_ = std::move(*github);
    directory_.write(
        "jitney.toml",
        "deployment = \"test\"\nfleet = \"ec2\"\n[server]\nwebhook_listen = \"127.0.0.1:0\"\n"
        "admin_listen = \"127.0.0.1:0\"\nstate_dir = \"" +
            directory_.path("state") + "\"\n[[github]]\nurl = \"" + github_->url() +
            "/acme\"\ntoken = { file = \"" + directory_.path("token") +
            "\" }\nwebhook_secret = { parameter = \"/jitney/webhook-secret\" }\nwrite_spacing = "
            "\"0ms\"\n[sweep]\nsettle = \"300ms\"\n"
            "[[pool]]\nname = \"template_cpu\"\nmax = 3\n"
            "[pool.ec2]\ninstance_types = [\"m7i.large\"]\nsubnets = [\"subnet-a\"]\n"
            "[aws]\nregion = \"us-east-1\"\nbucket = \"jit-bucket\"\nendpoint_url = \"" +
            cloud_.url() +
            "\"\n[ec2]\nmachine_role_id = \"AROAEXAMPLE\"\n"
            "runner_script = \"s3://scripts/jitney-runner\"\n");
  }

  void queue_job() {
    sim::WorkflowSpec spec;
    spec.repository = "acme/shop";
    spec.jobs.push_back({.name = "job",
                         .labels = {"self-hosted", "template_cpu"},
                         .steps = {"true"},
                         .env = {},
                         .waiting = false});
    ASSERT_TRUE(github_->queue(spec));
  }
  bool job_succeeded() {
    bool found = false;
    github_->with([&](sim::State& state, sim::Time) {
      for (const auto& [id, job] : state.world.jobs()) {
        found |= job.status == sim::Status::completed && job.conclusion == "success";
      }
    });
    return found;
  }
  tests::CloudInstance machine() {
    const auto all = cloud_.instances();
    return all.empty() ? tests::CloudInstance{} : all.front();
  }

  tests::Cloud cloud_;
  TestDirectory directory_;
  std::unique_ptr<sim::SimGithub> github_;
};

TEST_F(ServeEc2Test, AJobRunsOnAMachineOfItsOwnThatIsThenTerminated) {
  ServeProcess serve(directory_, "jitney.toml", "log",
                     {"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret"});
  ASSERT_TRUE(serve.serves());
  github_->add_hook(sim::HookKind::organization, "acme",
                    "http://127.0.0.1:" + std::to_string(serve.webhook_port()) + "/webhook",
                    core::Secret(kSecret));
  queue_job();
  ASSERT_TRUE(within_bound([&] { return !machine().id.empty(); })) << serve.log();
  cloud_.settle();
  ASSERT_TRUE(within_bound([&] { return machine().starts == 1; })) << serve.log();
  EXPECT_EQ(machine().tags.at("jitney:pool"), "template_cpu");
  EXPECT_TRUE(cloud_.objects().empty());
  {
    Listener listener(directory_, machine().jit);
    ASSERT_TRUE(within_bound([&] { return listener.ended().has_value(); })) << serve.log();
    cloud_.end_runner(machine().id, listener.ended().value_or(-1));
  }
  EXPECT_TRUE(job_succeeded());
  EXPECT_TRUE(within_bound([&] { return machine().state == "shutting-down"; })) << serve.log();
  EXPECT_EQ(cloud_.spot_requests().at(machine().spot_request), "cancelled");
  EXPECT_EQ(cloud_.instances().size(), 1U);
  EXPECT_EQ(serve.log().find(machine().jit), std::string::npos);
  EXPECT_EQ(cloud_.all_that_was_said().find(machine().jit), std::string::npos);
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.exit_status(), 0) << serve.log();
}

TEST_F(ServeEc2Test, ASecretThatAwsDoesNotHaveKeepsItFromStartingAndIsNamed) {
  cloud_.refuse_next("GetParameter", {400, "ParameterNotFound", "", ""});
  ServeProcess serve(directory_, "jitney.toml", "log",
                     {"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret"});
  EXPECT_EQ(serve.exit_status(), 78) << serve.log();
  EXPECT_NE(serve.log().find("the AWS parameter /jitney/webhook-secret cannot be read"),
            std::string::npos)
      << serve.log();
}

}  // namespace
}  // namespace jitney::app
