// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/demo.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <map>
#include <memory>

#include "apps/jitney/demo_home.hpp"
#include "apps/jitney/demo_screen.hpp"
#include "apps/serve/serve.hpp"
#include "apps/serve/serve_signals.hpp"
#include "core/plan.hpp"
#include "net/log.hpp"
#include "sim/github/github.hpp"

namespace jitney::app {

namespace {

using Steady = std::chrono::steady_clock;

constexpr const char* kRepository = "acme/shop";
constexpr core::Duration kFrame = std::chrono::milliseconds(100);
constexpr core::Duration kCleanUp = std::chrono::seconds(60);  // after the last job
// No demo of short jobs takes longer than this for each of them, however slow the machine.
constexpr core::Duration kBase = std::chrono::minutes(3);
constexpr core::Duration kEach = std::chrono::seconds(3);

core::Duration since(Steady::time_point start) {
  return std::chrono::duration_cast<core::Duration>(Steady::now() - start);
}

sim::WorkflowSpec workflow(int jobs) {
  static constexpr const char* kNames[] = {"build", "unit", "lint", "package", "train"};
  sim::WorkflowSpec spec;
  spec.repository = kRepository;
  spec.name = "CI";
  for (int i = 0; i < jobs; ++i) {
    const bool gpu = i % 5 == 4;
    sim::JobSpec job;
    job.name = std::string(kNames[i % 5]) + "-" + std::to_string(i + 1);
    job.labels = {"self-hosted", gpu ? "template_gpu" : "template_cpu"};
    job.steps = {"echo \"$(id -un) on $(uname -n) in $(pwd)\"",
                 "sleep 0." + std::to_string(2 + i % 7), "expr 6 '*' 7"};
    spec.jobs.push_back(std::move(job));
  }
  return spec;
}

// What is still there when nothing should be.
struct Leftovers {
  std::size_t registrations = 0;
  std::size_t machines = 0;
  std::size_t roots = 0;
  int live = 0;
  [[nodiscard]] bool any() const { return registrations + machines + roots != 0 || live != 0; }
  [[nodiscard]] std::size_t most() const {
    return std::max({registrations, machines, roots, static_cast<std::size_t>(live)});
  }
};

class Demo {
 public:
  explicit Demo(const DemoOptions& options)
      : options_(options),
        terminal_(isatty(STDOUT_FILENO) == 1),
        screen_(std::cout, terminal_, columns()) {}

  int run();

 private:
  static int columns() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
  }

  core::Status start();
  bool watch();
  void show();
  Leftovers leftovers();
  void settle();
  int finish(bool completed);
  void summary(const Leftovers& left, bool completed);
  void remove_runners();

  const DemoOptions options_;
  const bool terminal_;
  Signals signals_;
  DemoScreen screen_;
  std::optional<DemoHome> home_;
  std::unique_ptr<sim::SimGithub> github_;
  std::unique_ptr<Server> server_;
  Steady::time_point began_ = Steady::now();
  core::Duration took_{};
  std::vector<DemoJob> jobs_;
  std::optional<int> signal_;
};

core::Status Demo::start() {
  auto home = DemoHome::make(options_.state_dir);
  if (!home) return std::unexpected(home.error());
  home_ = std::move(*home);
  sim::SimOptions wish;
  wish.repositories = {kRepository};
  wish.tokens = {{.token = std::string(home_->token().reveal()), .owners = {}}};
  auto github = sim::SimGithub::start(std::move(wish));
  if (!github) return std::unexpected(github.error());
  github_ = std::move(*github);
  auto config = home_->configure(github_->url(), options_.cpu_max, options_.gpu_max);
  if (!config) return std::unexpected(config.error());
  auto server = Server::start(*config);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  github_->add_hook(sim::HookKind::organization, "acme",
                    "http://127.0.0.1:" + std::to_string(server_->webhook_port()) + "/webhook",
                    home_->webhook_secret());
  return {};
}

int Demo::run() {
  std::cout
      << "GitHub is simulated in this process. The server, its database, the signed webhooks and\n"
         "the runner processes are real; the runner is a stand-in that runs steps as shell\n"
         "commands.\n\n"
      << std::flush;
  net::set_log_level(net::LogLevel::error);
  if (core::Status started = start(); !started) {
    std::cerr << "jitney demo: " << started.error().what << '\n';
    return 1;
  }
  std::cout << "webhooks  http://127.0.0.1:" << server_->webhook_port() << "/webhook\n"
            << "admin     http://127.0.0.1:" << server_->admin_port() << "\n"
            << "state     " << home_->directory() << "\n"
            << "runners   " << home_->user_text() << "\n\n";
  if (auto run = github_->queue(workflow(options_.jobs)); !run) {
    std::cerr << "jitney demo: " << run.error().what << '\n';
    return 1;
  }
  began_ = Steady::now();
  const bool completed = watch();
  took_ = since(began_);
  if (completed) settle();
  return finish(completed);
}

// True when all jobs are completed; false when interrupted or too late.
bool Demo::watch() {
  const core::Duration longest = kBase + options_.jobs * kEach;
  for (;;) {
    show();
    const auto done = std::ranges::count(jobs_, "completed", &DemoJob::status);
    if (done == static_cast<std::ptrdiff_t>(jobs_.size())) return true;
    if (since(began_) > longest) return false;
    signal_ = signals_.wait(kFrame);
    if (signal_) return false;
  }
}

void Demo::show() {
  jobs_.clear();
  github_->with([&](sim::State& state, sim::Time now) {
    for (const auto& [id, job] : state.world.jobs()) {
      const bool gpu = std::ranges::find(job.labels, "template_gpu") != job.labels.end();
      const bool waits = job.started_at == sim::Time{};
      jobs_.push_back({.id = id,
                       .name = job.name,
                       .pool = gpu ? "template_gpu" : "template_cpu",
                       .status = std::string(sim::to_string(job.status)),
                       .conclusion = job.conclusion,
                       .runner = job.runner_name,
                       .wait = (waits ? now : job.started_at) - job.created_at});
    }
  });
  std::vector<DemoPool> pools;
  const core::Context context = server_->context(std::chrono::seconds(5));
  for (const core::Pool& pool : context.deployment.pools) {
    DemoPool shown{.name = pool.name, .booting = 0, .live = 0, .max = pool.max};
    if (const auto snapshot = context.ledger.snapshot(pool.name)) {
      shown.live = snapshot->state.live;
      for (const core::Runner& runner : snapshot->runners) shown.booting += runner.supply() ? 1 : 0;
    }
    pools.push_back(shown);
  }
  screen_.show(jobs_, pools, since(began_));
}

Leftovers Demo::leftovers() {
  Leftovers left;
  github_->with(
      [&](sim::State& state, sim::Time) { left.registrations = state.world.runners().size(); });
  const core::Context context = server_->context(std::chrono::seconds(5));
  if (const auto machines = context.fleet.list()) left.machines = machines->size();
  if (const auto live = context.ledger.live_runners()) left.live = static_cast<int>(live->size());
  left.roots = home_->roots();
  return left;
}

// The last runners end by themselves; the server notices and cleans up.
void Demo::settle() {
  const Steady::time_point from = Steady::now();
  while (leftovers().any() && since(from) < kCleanUp && !signal_) {
    show();
    signal_ = signals_.wait(kFrame);
  }
  show();
}

int Demo::finish(bool completed) {
  const Leftovers left = leftovers();
  summary(left, completed);
  const core::Context context = server_->context(std::chrono::seconds(5));
  const auto dead = context.ledger.jobs(
      {.pool = {}, .status = {}, .dead_only = true, .open_only = false, .limit = 1000});
  const std::size_t dead_jobs = dead ? dead->size() : 0;
  const std::uint64_t launched = server_->metrics().claimed();
  if (!options_.exit && completed && !signal_) {
    std::cout << "\nThe server goes on until Ctrl-C.\n" << std::flush;
    while (!signal_) signal_ = signals_.wait(std::nullopt);
  }
  server_->drain();
  remove_runners();
  std::vector<core::Duration> waits;
  std::size_t done = 0;
  for (const DemoJob& job : jobs_) {
    if (job.status != "completed") continue;
    waits.push_back(job.wait);
    done += job.conclusion == "success" ? 1 : 0;
  }
  server_.reset();
  github_.reset();
  if (options_.exit) {
    const boost::json::object line{{"jobs", jobs_.size()},
                                   {"completed", done},
                                   {"dead", dead_jobs},
                                   {"runners_launched", launched},
                                   {"runners_left", left.most()},
                                   {"wait_ms_p50", percentile(waits, 50).count()},
                                   {"wait_ms_p99", percentile(waits, 99).count()}};
    std::cout << boost::json::serialize(line) << std::endl;
  }
  return completed && done == jobs_.size() && dead_jobs == 0 && !left.any() ? 0 : 1;
}

void Demo::summary(const Leftovers& left, bool completed) {
  std::vector<core::Duration> waits;
  for (const DemoJob& job : jobs_) {
    if (job.status == "completed") waits.push_back(job.wait);
  }
  std::cout << '\n';
  if (!completed) {
    std::cout << waits.size() << " of " << jobs_.size() << " jobs completed in "
              << in_seconds(since(began_))
              << (signal_ ? ", then you stopped it.\n" : ": too slow.\n");
    return;
  }
  std::cout << "All " << jobs_.size() << " jobs completed in " << in_seconds(took_)
            << "; half of them waited " << in_seconds(percentile(waits, 50))
            << " or less for a runner, the last " << in_seconds(percentile(waits, 100)) << ".\n"
            << server_->metrics().claimed()
            << " runners were launched, one a job; left over: " << left.registrations
            << " registrations, " << left.machines << " processes, " << left.roots
            << " directories.\n";
  if (options_.exit) {
    std::cout << "\nTo look around while the server runs: jitney demo, without --exit\n";
    return;
  }
  const std::string admin = "http://127.0.0.1:" + std::to_string(server_->admin_port());
  const std::string job = jobs_.empty() ? "JOB" : std::to_string(jobs_.back().id);
  std::cout << "\nTry, in another terminal:\n" << home_->commands(admin, job);
}

// Interrupted, some jobs may still run: nothing of the demo outlives it.
void Demo::remove_runners() {
  const core::Context context = server_->context(std::chrono::seconds(30));
  const auto machines = context.fleet.list();
  if (!machines || machines->empty()) return;
  std::vector<core::MachineId> ids;
  for (const core::Machine& machine : *machines) ids.push_back(machine.id);
  const Steady::time_point from = Steady::now();
  for (;;) {
    const auto gone = context.fleet.stop(ids);
    if ((gone && gone->size() == ids.size()) || since(from) > std::chrono::seconds(20)) return;
    static_cast<void>(signals_.wait(kFrame));
  }
}

}  // namespace

int demo(const DemoOptions& options) { return Demo(options).run(); }

}  // namespace jitney::app
