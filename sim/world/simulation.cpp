// SPDX-License-Identifier: Apache-2.0
#include "sim/world/simulation.hpp"

#include <algorithm>
#include <memory>

#include "sim/world/computer.hpp"
#include "sim/world/ec2.hpp"
#include "sim/world/faulty.hpp"
#include "sim/world/hub.hpp"
#include "sim/world/invariants.hpp"
#include "sim/world/lambda.hpp"
#include "sim/world/server.hpp"
#include "sim/world/sqs.hpp"
#include "sim/world/users.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::sim {

namespace {

using core::Duration;
using namespace std::chrono_literals;

constexpr core::Time kStart{Duration{1'800'000'000'000}};
constexpr Duration kTrouble = 2h;
constexpr Duration kLateJobs = 20min;  // people go on for a while after it
constexpr Duration kPatience = 6h;
constexpr Duration kClocksDiffer = 1500ms;
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
        shape_(static_cast<Shape>(choices_.below(3))),
        scheduler_(kStart),
        clock_(scheduler_),
        deployment_(make_deployment()),
        messages_(make_queue()),
        line_(scheduler_, random_, mix_),
        hub_(scheduler_, random_, mix_, kDeployment, hub_hooks(), {"acme/widgets", "acme/gadgets"}),
        users_(scheduler_, choices_, mix_, hub_),
        invariants_(deployment_, store_, *messages_, hub_),
        machines_(make_machines()),
        ledger_(store_, line_, invariants_),
        queue_(*messages_, line_, invariants_),
        fleet_(*machines_, line_),
        forge_(hub_, line_),
        forges_{{"acme", &forge_}},
        host_(make_host()) {}

  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation() { scheduler_.kill_all(); }

  Verdict run(std::uint64_t seed) {
    hub_.add_neighbours();
    users_.plan(kTrouble);
    plan_trouble();
    host_->start();
    tick();
    watch();
    scheduler_.run_until(kStart + kTrouble);
    stop_trouble();
    core::Time now = kStart + kTrouble + kLateJobs;
    scheduler_.run_until(now);
    while (!invariants_.quiet(*machines_) && now < kStart + kTrouble + kPatience) {
      now += 5min;
      scheduler_.run_until(now);
    }
    invariants_.at_the_end(*machines_, now - kStart);
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

  std::unique_ptr<core::Queue> make_queue() {
    if (shape_ == Shape::lambda) return std::make_unique<Sqs>(random_, mix_);
    return std::make_unique<fakes::FakeQueue>();
  }

  std::unique_ptr<Machines> make_machines() {
    Machines::Hooks hooks{.run =
                              [this](const Box& box) {
                                machine_of_[box.runner] = box.id;
                                hub_.run(box.runner, box.jit);
                              },
                          .gone = [this](const Box& box) { hub_.power_off(box.runner); },
                          .stopping = [this](const Box& box) { invariants_.stopping(box); },
                          .notice = [this](const Notice& notice) { host_->notice(notice); }};
    if (shape_ == Shape::serve) {
      return std::make_unique<Computer>(scheduler_, random_, mix_, std::move(hooks));
    }
    return std::make_unique<Ec2>(scheduler_, random_, mix_, std::move(hooks));
  }

  std::unique_ptr<Host> make_host() {
    const Host::Ports ports{ledger_, queue_, fleet_, forges_, clock_};
    if (shape_ == Shape::lambda) {
      if (mix_.clock_jumps > 0) clock_.differ(kClocksDiffer);
      return std::make_unique<Lambda>(scheduler_, random_, mix_, deployment_, ports);
    }
    return std::make_unique<Server>(scheduler_, random_, deployment_, ports,
                                    shape_ == Shape::serve);
  }

  Hub::Hooks hub_hooks() {
    return {
        .webhook =
            [this](const Webhook& hook, auto answered) {
              host_->webhook(hook, [this, hook, answered](bool accepted) {
                if (accepted && hook.run.empty()) invariants_.acknowledged(hook.job);
                answered(accepted);
              });
            },
        .runner_ended = [this](const auto& name,
                               auto code) { machines_->runner_ended(machine_of_.at(name), code); }};
  }

  void tick() {
    hub_.tick();
    scheduler_.after(10s, [this] { tick(); });
  }

  void watch() {
    invariants_.watch(*machines_);
    scheduler_.after(1min, [this] { watch(); });
  }

  // `times` in all, at any time during the trouble.
  void plan(int times, const std::function<void()>& event) {
    for (int i = 0; i < times; ++i) {
      scheduler_.after(choices_.between(Duration(0), Duration(kTrouble)), event);
    }
  }

  void plan_trouble() {
    for (int i = 0; i < mix_.outages; ++i) {
      const Duration from = choices_.between(Duration(0), Duration(kTrouble));
      const Duration lasts =
          choices_.between(Duration(10s), Duration(choices_.chance(200) ? 2h : 5min));
      scheduler_.after(from, [this] { hub_.set_outage(true); });
      scheduler_.after(std::min(from + lasts, Duration(kTrouble)),
                       [this] { hub_.set_outage(false); });
    }
    plan(mix_.clock_jumps,
         [this] { clock_.jump(choices_.between(Duration(-20min), Duration(20min))); });
    plan(mix_.restarts, [this] { host_->restart(choices_.between(Duration(0), Duration(90s))); });
    plan(mix_.templates, [this] { machines_->new_template(); });
    if (shape_ == Shape::serve) {
      plan(mix_.reboots, [this] {
        machines_->reboot();
        host_->restart(choices_.between(Duration(30s), Duration(4min)));
      });
    }
  }

  void stop_trouble() {
    mix_ = calm();
    hub_.set_outage(false);
    hub_.relieve();
    machines_->relieve();
    host_->relieve();
    // What GitHub told us to wait for stands, and what a clock wrote that was ahead.
    const Duration told = std::max(hub_.told_until() - scheduler_.now(), Duration::zero());
    const Duration ahead = clock_.ahead();
    clock_.mend();
    users_.approve_all();
    users_.plan_late(kLateJobs);
    invariants_.trouble_stopped(told + ahead);
  }

  Verdict verdict(std::uint64_t seed) {
    Verdict verdict;
    verdict.seed = seed;
    verdict.shape = shape_;
    verdict.violations = invariants_.violations();
    verdict.story = invariants_.story();
    verdict.jobs = static_cast<long>(hub_.world().jobs().size());
    verdict.machines = static_cast<long>(machines_->boxes().size());
    verdict.github_calls = hub_.calls();
    verdict.fleet_calls = machines_->calls();
    verdict.longest_wait = invariants_.longest_wait();
    verdict.deepest_queue = invariants_.deepest_queue();
    verdict.virtual_time = scheduler_.now() - kStart;
    const auto dead = store_.jobs({.pool = {}, .status = {}, .dead_only = true});
    verdict.deaths = dead ? static_cast<long>(dead->size()) : 0;
    return verdict;
  }

  Random random_;   // the world's faults
  Random choices_;  // the users: the same whatever the core does
  Mix mix_;
  const Shape shape_;
  Scheduler scheduler_;
  SkewedClock clock_;
  const core::Deployment deployment_;
  fakes::FakeLedger store_;
  const std::unique_ptr<core::Queue> messages_;
  Line line_;
  Hub hub_;
  Users users_;
  Invariants invariants_;
  const std::unique_ptr<Machines> machines_;
  FaultyLedger ledger_;
  FaultyQueue queue_;
  FaultyFleet fleet_;
  FaultyForge forge_;
  const std::map<std::string, core::Forge*, std::less<>> forges_;
  const std::unique_ptr<Host> host_;
  std::map<core::RunnerName, core::MachineId> machine_of_;
};

}  // namespace

std::string_view to_string(Shape shape) {
  switch (shape) {
    case Shape::serve:
      return "serve";
    case Shape::serve_ec2:
      return "serve with EC2";
    case Shape::lambda:
      return "Lambda";
  }
  return "unknown";
}

Verdict simulate(std::uint64_t seed, const Mix& mix) { return Simulation(seed, mix).run(seed); }

std::string told(const Verdict& verdict, std::string_view mix) {
  std::string text =
      "seed " + std::to_string(verdict.seed) + " (" + std::string(to_string(verdict.shape)) + ")\n";
  for (const std::string& violation : verdict.violations) text += "  " + violation + "\n";
  for (const std::string& line : verdict.story) text += "    " + line + "\n";
  return text + "  replay: sim_world --mix " + std::string(mix) + " --from " +
         std::to_string(verdict.seed) + " --seeds 1\n";
}

}  // namespace jitney::sim
