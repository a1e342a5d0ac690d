// SPDX-License-Identifier: Apache-2.0
// The real Runner.Listener binary against the simulated GitHub: jobs, signals, exit codes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "net/crypto.hpp"
#include "sim/github/github.hpp"
#include "sim/github/sim_client_test.hpp"

namespace jitney::sim {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// One runner root with its process.
class Process {
 public:
  explicit Process(const fs::path& root) : root_(root) {
    fs::copy(JITNEY_RUNNER_PACKAGE, root, fs::copy_options::recursive);
  }
  ~Process() {
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void start(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    const std::string program = root_ / "bin" / "Runner.Listener";
    arguments.insert(arguments.begin(), program);
    environment.push_back("PATH=/usr/bin:/bin");
    environment.push_back("HOME=" + root_.string());
    std::vector<char*> argv;
    std::vector<char*> envp;
    for (std::string& each : arguments) argv.push_back(each.data());
    for (std::string& each : environment) envp.push_back(each.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    const std::string output = root_ / "output";
    pid_ = fork();
    if (pid_ == 0) {
      setpgid(0, 0);
      const int file = open(output.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      dup2(file, 1);
      dup2(file, 2);
      // The simulation's listening sockets among them: they would stay open through an outage.
      close_range(3, ~0U, 0);
      execve(program.c_str(), argv.data(), envp.data());
      _exit(126);
    }
  }

  // The exit code, -signal, or nullopt when it still runs after `within`.
  std::optional<int> wait(milliseconds within = seconds(60)) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (std::chrono::steady_clock::now() < until) {
      int raw = 0;
      if (waitpid(pid_, &raw, WNOHANG) == pid_) {
        pid_ = 0;
        return WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
      }
      usleep(5000);
    }
    return std::nullopt;
  }

  bool says(const std::string& text, milliseconds within = seconds(30)) const {
    const auto until = std::chrono::steady_clock::now() + within;
    while (std::chrono::steady_clock::now() < until) {
      if (output().find(text) != std::string::npos) return true;
      usleep(5000);
    }
    return false;
  }

  void signal(int number) const { kill(pid_, number); }
  std::string output() const { return slurp(root_ / "output"); }
  const fs::path& root() const { return root_; }
  std::string job_log() const {
    std::string text;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root_ / "_diag" / "pages", none)) {
      text += slurp(entry.path());
    }
    return text;
  }

 private:
  fs::path root_;
  pid_t pid_ = 0;
};

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() {
    std::string pattern = fs::temp_directory_path() / "jitney-listener-XXXXXX";
    directory = mkdtemp(pattern.data());
    SimOptions options;
    options.repositories = {"acme/shop"};
    options.tokens = {{.token = "ghp_x", .owners = {}}};
    options.poll_time = milliseconds(1000);
    auto started = SimGithub::start(std::move(options));
    EXPECT_TRUE(started);
    sim = std::move(*started);
    caller = std::make_unique<Caller>(sim->url(), "ghp_x");
  }
  ~ListenerTest() override { fs::remove_all(directory); }

  std::unique_ptr<Process> runner(const std::string& name = "r1") {
    return std::make_unique<Process>(directory / name);
  }

  std::string mint(const std::string& name = "r1") {
    const json::value made = caller->expect(
        201, "POST", "/orgs/acme/actions/runners/generate-jitconfig",
        json::object{{"name", name}, {"runner_group_id", 1}, {"labels", json::array{"cpu"}}});
    runner_id = made.at("runner").at("id").as_int64();
    return std::string(made.at("encoded_jit_config").as_string());
  }

  void start(Process& runner, std::vector<std::string> environment = {}) {
    environment.push_back("ACTIONS_RUNNER_INPUT_JITCONFIG=" + mint());
    runner.start({"run"}, std::move(environment));
  }

  std::int64_t queue(std::vector<std::string> steps, std::map<std::string, std::string> env = {}) {
    const auto run = sim->queue(WorkflowSpec{.repository = "acme/shop",
                                             .jobs = {JobSpec{.name = "build",
                                                              .labels = {"cpu"},
                                                              .steps = std::move(steps),
                                                              .env = std::move(env)}}});
    EXPECT_TRUE(run);
    std::int64_t id = 0;
    sim->with([&](State& state, Time) { id = state.world.run(*run)->jobs.front(); });
    return id;
  }

  std::string conclusion(std::int64_t id) {
    std::string found;
    sim->with([&](State& state, Time) { found = state.world.job(id)->conclusion; });
    return found;
  }

  bool running(std::int64_t id) {
    return sim->wait_for(
        [&](const State& state) { return state.world.job(id)->status == Status::in_progress; },
        seconds(30));
  }

  std::size_t registrations() {
    std::size_t count = 0;
    sim->with([&](State& state, Time) { count = state.world.runners().size(); });
    return count;
  }

  fs::path directory;
  std::unique_ptr<SimGithub> sim;
  std::unique_ptr<Caller> caller;
  std::int64_t runner_id = 0;
};

TEST_F(ListenerTest, RunsOneJobAndEnds) {
  const std::int64_t job = queue({"echo greeting=$GREETING >> $GITHUB_ENV",
                                  "echo $greeting from $RUNNER_NAME in $GITHUB_REPOSITORY", "env"},
                                 {{"GREETING", "hello"}});
  auto it = runner();
  start(*it);
  EXPECT_EQ(it->wait(), 0) << it->output();
  EXPECT_EQ(conclusion(job), "success");
  EXPECT_NE(it->job_log().find("hello from r1 in acme/shop"), std::string::npos) << it->job_log();
  EXPECT_EQ(it->job_log().find("JITCONFIG"), std::string::npos) << "the job must not inherit it";
  for (const char* line :
       {"√ Connected to GitHub", "Current runner version: '2.336.0'", "Listening for Jobs",
        "Running job: build", "Job build completed with result: Succeeded"}) {
    EXPECT_NE(it->output().find(line), std::string::npos) << line;
  }
  EXPECT_FALSE(fs::exists(it->root() / ".runner"));
  EXPECT_FALSE(fs::exists(it->root() / ".credentials_rsaparams"));
  EXPECT_EQ(registrations(), 0u);
}

TEST_F(ListenerTest, AFailingStepFailsTheJobAndSkipsTheRest) {
  const std::int64_t job = queue({"exit 3", "echo not reached"});
  auto it = runner();
  start(*it);
  EXPECT_EQ(it->wait(), 0);
  EXPECT_EQ(conclusion(job), "failure");
  EXPECT_EQ(it->job_log().find("not reached\n"), std::string::npos);
  sim->with([&](State& state, Time) {
    const std::vector<Step>& steps = state.world.job(job)->steps;
    EXPECT_EQ(steps.at(1).conclusion, "failure");
    EXPECT_EQ(steps.at(2).conclusion, "skipped");
  });
}

TEST_F(ListenerTest, AcceptsTheConfigurationAsAnArgumentToo) {
  const std::int64_t job = queue({"true"});
  auto it = runner();
  it->start({"run", "--jitconfig", mint()});
  EXPECT_EQ(it->wait(), 0) << it->output();
  EXPECT_EQ(conclusion(job), "success");
}

TEST_F(ListenerTest, HooksRunAroundTheJob) {
  const fs::path before = directory / "before.sh";
  const fs::path after = directory / "after.sh";
  std::ofstream(before) << "echo HOOKED=yes >> $GITHUB_ENV\necho before $GITHUB_RUN_ID\n";
  std::ofstream(after) << "echo after\n";
  const std::int64_t job = queue({"test $HOOKED = yes", "false"});
  auto it = runner();
  start(*it, {"ACTIONS_RUNNER_HOOK_JOB_STARTED=" + before.string(),
              "ACTIONS_RUNNER_HOOK_JOB_COMPLETED=" + after.string()});
  EXPECT_EQ(it->wait(), 0);
  EXPECT_EQ(conclusion(job), "failure");
  const std::string log = it->job_log();
  EXPECT_LT(log.find("before 1"), log.find("after\n"));
  EXPECT_NE(log.find("after\n"), std::string::npos);
}

TEST_F(ListenerTest, AMissingHookFailsTheJob) {
  const std::int64_t job = queue({"true"});
  auto it = runner();
  start(*it, {"ACTIONS_RUNNER_HOOK_JOB_STARTED=/nowhere/hook.sh"});
  EXPECT_EQ(it->wait(), 0);
  EXPECT_EQ(conclusion(job), "failure");
}

TEST_F(ListenerTest, OrphansOfTheJobAreKilled) {
  const fs::path pid_file = directory / "pid";
  const std::int64_t job = queue({"setsid sleep 300 & echo $! > " + pid_file.string()});
  auto it = runner();
  start(*it);
  EXPECT_EQ(it->wait(), 0);
  EXPECT_EQ(conclusion(job), "success");
  const pid_t orphan = std::stoi(slurp(pid_file));
  const auto until = std::chrono::steady_clock::now() + seconds(10);
  // Whoever inherited it may be slow to reap it: a zombie is dead enough.
  const auto alive = [&] {
    const std::string stat = slurp("/proc/" + std::to_string(orphan) + "/stat");
    return !stat.empty() && stat.find(") Z") == std::string::npos;
  };
  while (alive() && std::chrono::steady_clock::now() < until) usleep(5000);
  EXPECT_FALSE(alive());
}

TEST_F(ListenerTest, ACancelledJobEndsCanceled) {
  const std::int64_t job = queue({"echo started; sleep 300", "echo more"});
  auto it = runner();
  start(*it);
  ASSERT_TRUE(running(job));
  sim->with([&](State& state, Time now) { EXPECT_TRUE(state.world.cancel_job(job, now)); });
  EXPECT_EQ(it->wait(), 0);
  EXPECT_EQ(conclusion(job), "cancelled");
  EXPECT_TRUE(it->says("completed with result: Canceled"));
}

TEST_F(ListenerTest, SigtermCancelsTheJobWithinThirtySeconds) {
  const std::int64_t job = queue({"trap '' INT; sleep 300 & wait"});
  auto it = runner();
  start(*it);
  ASSERT_TRUE(it->says("Running job"));
  it->signal(SIGTERM);
  EXPECT_EQ(it->wait(seconds(30)), 0);
  EXPECT_EQ(conclusion(job), "cancelled");
}

TEST_F(ListenerTest, SigtermAndSigintEndAnIdleRunnerButNotItsRegistration) {
  for (const int number : {SIGTERM, SIGINT}) {
    auto it = runner("r" + std::to_string(number));
    it->start({"run"}, {"ACTIONS_RUNNER_INPUT_JITCONFIG=" + mint("r" + std::to_string(number))});
    ASSERT_TRUE(it->says("Listening for Jobs"));
    it->signal(number);
    EXPECT_EQ(it->wait(seconds(10)), 0) << it->output();
  }
  EXPECT_EQ(registrations(), 2u) << "GitHub keeps them, offline";
  sim->with([](State& state, Time) {
    for (const auto& [id, each] : state.world.runners()) EXPECT_FALSE(state.world.online(each));
  });
}

TEST_F(ListenerTest, ADeletedRegistrationEndsTheRunnerWithZero) {
  auto it = runner();
  start(*it);
  ASSERT_TRUE(it->says("Listening for Jobs"));
  EXPECT_EQ(
      caller->call("DELETE", "/orgs/acme/actions/runners/" + std::to_string(runner_id)).status,
      204);
  EXPECT_EQ(it->wait(), 0);
  EXPECT_TRUE(it->says("registration has been deleted"));
}

TEST_F(ListenerTest, ARegistrationThatIsGoneBeforeTheStartIsOne) {
  const std::string jit = mint();
  caller->call("DELETE", "/orgs/acme/actions/runners/" + std::to_string(runner_id));
  auto it = runner();
  it->start({"run"}, {"ACTIONS_RUNNER_INPUT_JITCONFIG=" + jit});
  EXPECT_EQ(it->wait(), 1);
}

TEST_F(ListenerTest, BadConfigurationsAndArgumentsAreOne) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"run", "--jitconfig", "rubbish"},
                                             {"run"},
                                             {"run", "--nonsense"},
                                             {"remove", "--jitconfig", "x"}}) {
    auto it = runner("bad-" + net::hex(net::random_bytes(4)));
    it->start(arguments);
    EXPECT_EQ(it->wait(), 1) << it->output();
  }
}

TEST_F(ListenerTest, VersionAndHelp) {
  auto it = runner();
  it->start({"--version"});
  EXPECT_EQ(it->wait(), 0);
  EXPECT_EQ(it->output(), "2.336.0\n");
  auto other = runner("r2");
  other->start({"--help"});
  EXPECT_EQ(other->wait(), 0);
  EXPECT_TRUE(other->says("--jitconfig"));
}

TEST_F(ListenerTest, ASecondSessionIsAConflict) {
  const std::string jit = mint();
  auto first = runner("r1");
  first->start({"run"}, {"ACTIONS_RUNNER_INPUT_JITCONFIG=" + jit});
  ASSERT_TRUE(first->says("Listening for Jobs"));
  auto second = runner("r2");
  second->start({"run"},
                {"ACTIONS_RUNNER_INPUT_JITCONFIG=" + jit, "JITNEY_SIM_SESSION_CONFLICT_SECONDS=1"});
  EXPECT_EQ(second->wait(), 5) << second->output();
}

TEST_F(ListenerTest, TheSimulationMayAskForAnyExitCodeOrDeath) {
  sim->with([](State& state, Time) {
    state.faults.runners.push_back(
        RunnerFault{.when = RunnerFault::When::session, .exit_code = 3, .name = "*"});
  });
  auto it = runner();
  start(*it);
  EXPECT_EQ(it->wait(), 3);
  EXPECT_TRUE(fs::exists(it->root() / ".runner")) << "a restart finds its configuration";
  sim->with([](State& state, Time) {
    state.faults.runners.push_back(
        RunnerFault{.when = RunnerFault::When::started, .exit_code = std::nullopt, .name = "*"});
    state.world.rules().offline_after = milliseconds(100);
    state.world.rules().lost_after = milliseconds(1500);
  });
  const std::int64_t job = queue({"true"});
  it->start({"run"});
  EXPECT_EQ(it->wait(), -SIGKILL) << it->output();
  EXPECT_TRUE(sim->wait_for(
      [&](const State& state) { return state.world.job(job)->conclusion == "failure"; },
      seconds(20)));
}

TEST_F(ListenerTest, OutlivesAnOutage) {
  const std::int64_t job = queue({"sleep 2"});
  auto it = runner();
  start(*it);
  ASSERT_TRUE(running(job));
  Caller control(sim->control_url(), "");
  control.expect(200, "POST", "/_sim/outage", json::object{{"kind", "refused"}, {"for_ms", 4000}});
  EXPECT_EQ(it->wait(), 0) << it->output();
  EXPECT_EQ(conclusion(job), "success");
}

TEST_F(ListenerTest, ManyRunnersShareManyJobs) {
  std::vector<std::unique_ptr<Process>> runners;
  for (int i = 0; i < 8; ++i) queue({"true"});
  for (int i = 0; i < 8; ++i) {
    runners.push_back(runner("m" + std::to_string(i)));
    runners.back()->start({"run"},
                          {"ACTIONS_RUNNER_INPUT_JITCONFIG=" + mint("m" + std::to_string(i))});
  }
  for (const auto& each : runners) EXPECT_EQ(each->wait(), 0) << each->output();
  sim->with([](State& state, Time) {
    for (const auto& [id, job] : state.world.jobs()) EXPECT_EQ(job.conclusion, "success");
  });
  EXPECT_EQ(registrations(), 0u);
}

}  // namespace
}  // namespace jitney::sim
