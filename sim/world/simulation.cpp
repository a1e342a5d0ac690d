// SPDX-License-Identifier: Apache-2.0
#include "sim/world/simulation.hpp"

#include <algorithm>

#include "sim/world/cloud.hpp"
#include "sim/world/faulty.hpp"
#include "sim/world/host.hpp"
#include "sim/world/hub.hpp"
#include "sim/world/invariants.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::sim {

namespace {

using core::Duration;
using namespace std::chrono_literals;

constexpr core::Time kStart{Duration{1'800'000'000'000}};
constexpr Duration kChaos = 2h;
constexpr Duration kPatience = 6h;  // after the faults have stopped
const char* const kDeployment = "ci";

core::Pool pool(std::string name, int max, int warm) {
  core::Pool made;
  made.name = name;
  made.labels = {"self-hosted", std::move(name)};
  made.scope = "acme";
  made.max = max;
  made.warm = warm;
  return made;
}

class Simulation {
 public:
  Simulation(std::uint64_t seed, const Mix& mix)
      : random_(seed),
        choices_(random_.fork()),
        mix_(mix),
        scheduler_(kStart),
        clock_(scheduler_),
        deployment_(make_deployment()),
        invariants_(deployment_, store_, hub_),
        line_(scheduler_, random_, mix_),
        cloud_(scheduler_, random_, mix_,
               {.started = [this](const auto& i, const auto& jit) { on_started(i, jit); },
                .gone = [this](const auto& i) { hub_.power_off(i.runner); },
                .stopping = [this](const auto& i) { invariants_.stopping(i); }}),
        hub_(scheduler_, random_, mix_, kDeployment,
             {.webhook =
                  [this](const auto& event, auto answered) {
                    host_.webhook(event, [this, event, answered](bool accepted) {
                      if (accepted) invariants_.acknowledged(event);
                      answered(accepted);
                    });
                  },
              .runner_ended = [this](const auto& name, auto code) { on_ended(name, code); }}),
        ledger_(store_, line_, invariants_),
        queue_(messages_, line_, random_, mix_),
        fleet_(cloud_, line_),
        forge_(hub_, line_),
        forges_{{"acme", &forge_}},
        host_(scheduler_, deployment_, {ledger_, queue_, fleet_, forges_, clock_}) {}

  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation() { scheduler_.kill_all(); }

  Verdict run(std::uint64_t seed) {
    plan_users();
    plan_trouble();
    host_.start();
    tick();
    scheduler_.run_until(kStart + kChaos);
    stop_trouble();
    core::Time now = kStart + kChaos;
    while (now < kStart + kChaos + kPatience) {
      now += 5min;
      scheduler_.run_until(now);
      if (invariants_.quiet(cloud_)) break;
    }
    invariants_.at_the_end(cloud_);
    return verdict(seed);
  }

 private:
  core::Deployment make_deployment() {
    core::Deployment made;
    made.name = kDeployment;
    made.pools = {pool("cpu", random_.between(1, 8), random_.chance(250) ? 1 : 0),
                  pool("gpu", random_.between(1, 3), 0)};
    made.batch_size = random_.between(1, 10);
    return made;
  }

  void on_started(const Cloud::Instance& instance, const std::string& jit) {
    machine_of_[instance.runner] = instance.id;
    hub_.run(instance.runner, jit);
  }

  void on_ended(const core::RunnerName& name, std::optional<int> code) {
    const core::MachineId machine = machine_of_.at(name);
    cloud_.runner_ended(machine, code);
    if (!random_.chance(mix_.end_unheard)) host_.machine_ended(machine, code);
  }

  void tick() {
    hub_.tick();
    scheduler_.after(10s, [this] { tick(); });
  }

  JobSpec any_job() {
    return {.name = "job",
            .labels = {"self-hosted", choices_.chance(700) ? "cpu" : "gpu"},
            .steps = {},
            .env = {},
            .waiting = false};
  }

  void plan_users() {
    const int workflows = choices_.between(1, 8);
    for (int w = 0; w < workflows; ++w) {
      WorkflowSpec spec;
      spec.repository = choices_.chance(500) ? "acme/widgets" : "acme/gadgets";
      const int jobs = choices_.between(1, choices_.chance(200) ? 20 : 5);
      for (int j = 0; j < jobs; ++j) spec.jobs.push_back(any_job());
      scheduler_.after(choices_.between(Duration(0), Duration(kChaos)),
                       [this, spec] { hub_.queue(spec); });
    }
    for (Duration t = 1min; t < kChaos; t += 1min) {
      scheduler_.after(t, [this] { meddle(); });
    }
  }

  // Once a minute people cancel and re-run, and other deployments' runners come by.
  void meddle() {
    for (const auto& [id, job] : hub_.world().jobs()) {
      if (job.status == Status::completed || !choices_.chance(mix_.cancelled / 10)) continue;
      hub_.cancel(id);
      break;
    }
    for (const auto& [id, run] : hub_.world().runs()) {
      if (run.status != Status::completed || run.attempt > 2 || !choices_.chance(mix_.rerun / 10)) {
        continue;
      }
      hub_.rerun(id);
      break;
    }
    if (choices_.chance(mix_.stolen)) hub_.add_thief(any_job().labels, 10min);
  }

  void plan_trouble() {
    for (int i = 0; i < mix_.outages; ++i) {
      const Duration from = choices_.between(Duration(0), Duration(kChaos));
      const Duration lasts =
          choices_.between(Duration(10s), Duration(choices_.chance(200) ? 2h : 5min));
      scheduler_.after(from, [this] { hub_.set_outage(true); });
      scheduler_.after(std::min(from + lasts, Duration(kChaos)),
                       [this] { hub_.set_outage(false); });
    }
    for (int i = 0; i < mix_.clock_jumps; ++i) {
      scheduler_.after(choices_.between(Duration(0), Duration(kChaos)), [this] {
        clock_.jump(choices_.between(Duration(-20min), Duration(20min)));
      });
    }
    for (int i = 0; i < mix_.restarts; ++i) {
      scheduler_.after(choices_.between(Duration(0), Duration(kChaos)),
                       [this] { host_.restart(); });
    }
  }

  void stop_trouble() {
    mix_ = calm();
    hub_.set_outage(false);
    clock_.mend();
  }

  Verdict verdict(std::uint64_t seed) {
    Verdict verdict;
    verdict.seed = seed;
    verdict.violations = invariants_.violations();
    verdict.story = invariants_.story();
    verdict.jobs = static_cast<long>(hub_.world().jobs().size());
    verdict.machines = static_cast<long>(cloud_.instances().size());
    verdict.github_calls = hub_.calls();
    verdict.virtual_time = scheduler_.now() - kStart;
    const auto dead = store_.jobs({.pool = {}, .status = {}, .dead_only = true});
    verdict.deaths = dead ? static_cast<long>(dead->size()) : 0;
    return verdict;
  }

  Random random_;   // the world's faults
  Random choices_;  // the users: the same whatever the core does
  Mix mix_;
  Scheduler scheduler_;
  SkewedClock clock_;
  const core::Deployment deployment_;
  fakes::FakeLedger store_;
  fakes::FakeQueue messages_;
  Invariants invariants_;
  Line line_;
  Cloud cloud_;
  Hub hub_;
  FaultyLedger ledger_;
  FaultyQueue queue_;
  FaultyFleet fleet_;
  FaultyForge forge_;
  const std::map<std::string, core::Forge*, std::less<>> forges_;
  Host host_;
  std::map<core::RunnerName, core::MachineId> machine_of_;
};

}  // namespace

Verdict simulate(std::uint64_t seed, const Mix& mix) { return Simulation(seed, mix).run(seed); }

}  // namespace jitney::sim
