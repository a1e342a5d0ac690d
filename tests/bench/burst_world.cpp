// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/burst_world.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "sim/world/ec2.hpp"
#include "sim/world/faulty.hpp"
#include "sim/world/hub.hpp"
#include "sim/world/sqs.hpp"
#include "tests/fakes/fake_ledger.hpp"

namespace jitney::bench {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr core::Time kStart{Duration{1'800'000'000'000}};
constexpr Duration kPatience = 1h;
constexpr Duration kTick = 1s;

// One call of a port, with all its calls over the wire. No account of ours was there to measure
// them in: what AWS and GitHub publish, and what users report, rounded up.
constexpr std::array<std::pair<std::string_view, Duration>, 17> kLatencies{{
    {"ledger.record", 35ms},      // BatchGetItem, TransactWriteItems
    {"ledger.claim", 70ms},       // the same, of a hundred rows
    {"ledger.advance", 35ms},     // BatchGetItem, TransactWriteItems
    {"ledger.update", 25ms},      // TransactWriteItems
    {"ledger.snapshot", 30ms},    // GetItem and a long Query
    {"ledger.runner", 8ms},       // BatchGetItem
    {"ledger.runner_on", 14ms},   // GetItem, BatchGetItem
    {"ledger.note", 6ms},         // GetItem
    {"ledger.put", 10ms},         // PutItem
    {"ledger.erase_note", 10ms},  // DeleteItem
    {"queue.push", 15ms},         // SendMessage
    {"fleet.compose", 50ms},      // DescribeLaunchTemplates, cached mostly
    {"fleet.launch", 2'000ms},    // CreateFleet, which answers with the machines
    {"fleet.answering", 120ms},   // DescribeInstanceInformation
    {"fleet.start", 200ms},       // PutObject, SendCommand
    {"forge.mint", 300ms},        // POST generate-jitconfig
    {"forge.remove", 250ms},      // DELETE
}};
constexpr Duration kOtherLedger = 20ms;
constexpr Duration kOther = 250ms;

Duration usual(std::string_view name) {
  const auto known =
      std::ranges::find(kLatencies, name, &std::pair<std::string_view, Duration>::first);
  if (known != kLatencies.end()) return known->second;
  return name.starts_with("ledger.") ? kOtherLedger : kOther;
}

class Unseen final : public sim::Witness {
 public:
  void claimed(const core::Batch&) override {}
  void wrote(std::string_view, std::string_view) override {}
};

class Burst {
 public:
  explicit Burst(const BurstOptions& options)
      : options_(options),
        random_(options.seed),
        scheduler_(kStart),
        clock_(scheduler_),
        sqs_(random_, mix_),
        line_(scheduler_, random_, mix_, [this](std::string_view name) { return latency(name); }),
        hub_(scheduler_, random_, mix_, "ci", hub_hooks(), {"acme/widgets"}, options.pace),
        ec2_(scheduler_, random_, mix_, machine_hooks(), options.pace),
        ledger_(store_, line_, unseen_),
        queue_(sqs_, line_, unseen_),
        wire_(ec2_, line_),
        fleet_(wire_, scheduler_, random_),
        forge_(hub_, line_),
        functions_(scheduler_, random_, deployment_, {ledger_, queue_, fleet_, forges_, clock_},
                   sqs_, options.functions) {
    core::Pool pool;
    pool.name = "cpu";
    pool.labels = {"self-hosted", "cpu"};
    pool.scope = "acme";
    pool.max = options.jobs + 100;
    deployment_.name = "ci";
    deployment_.pools = {pool};
    deployment_.batch_size = options.batch_size;
  }
  Burst(const Burst&) = delete;
  Burst& operator=(const Burst&) = delete;
  ~Burst() { scheduler_.kill_all(); }

  BurstReport run() {
    functions_.start();
    tick();
    // Everything is up, and idle, when they come.
    scheduler_.run_until(kStart + 10s);
    sim::WorkflowSpec spec;
    spec.repository = "acme/widgets";
    for (int i = 0; i < options_.jobs; ++i) {
      sim::JobSpec job;
      job.name = "job" + std::to_string(i);
      job.labels = {"self-hosted", "cpu"};
      spec.jobs.push_back(job);
    }
    hub_.queue(spec);
    while (!all_have_runners() && scheduler_.now() < kStart + kPatience) {
      scheduler_.run_until(scheduler_.now() + kTick);
    }
    return report();
  }

 private:
  sim::Hub::Hooks hub_hooks() {
    return {.webhook = [this](const sim::Webhook& hook,
                              auto answered) { functions_.webhook(hook, answered); },
            .runner_ended = [this](const core::RunnerName& name,
                                   auto code) { ec2_.runner_ended(machine_of_.at(name), code); }};
  }

  sim::Machines::Hooks machine_hooks() {
    return {.run =
                [this](const sim::Box& box) {
                  machine_of_[box.runner] = box.id;
                  hub_.run(box.runner, box.jit);
                },
            .gone = [this](const sim::Box& box) { hub_.power_off(box.runner); },
            .stopping = [](const sim::Box&) {},
            .notice = [this](const sim::Notice& notice) { functions_.notice(notice); }};
  }

  // Mostly as usual, a little more or less; now and then much more.
  Duration latency(std::string_view name) {
    ++calls_[std::string(name)];
    const Duration whole = usual(name);
    if (random_.chance(20)) return 4 * whole;
    return random_.between(whole * 7 / 10, whole * 13 / 10);
  }

  void tick() {
    hub_.tick();
    scheduler_.after(kTick, [this] { tick(); });
  }

  [[nodiscard]] bool all_have_runners() const {
    return std::ranges::all_of(hub_.world().jobs(), [](const auto& entry) {
      return entry.second.started_at != core::Time{};
    });
  }

  BurstReport report() {
    BurstReport report;
    for (const auto& [id, job] : hub_.world().jobs()) {
      if (job.started_at == core::Time{}) {
        ++report.never;
        continue;
      }
      const sim::Box& box = ec2_.boxes().at(machine_of_.at(job.runner_name));
      const auto& runners = hub_.world().runners();
      const auto runner = runners.find(job.runner_id);
      if (runner == runners.end()) throw std::logic_error("a runner left before its job ended");
      report.waits.push_back({.launched = box.launched_at - job.queued_at,
                              .answered = box.answers_at - job.queued_at,
                              .registered = runner->second.created_at - job.queued_at,
                              .busy = job.started_at - job.queued_at});
    }
    report.machines = ec2_.boxes().size();
    report.github_calls = hub_.calls();
    report.throttled = fleet_.throttled();
    report.invocations = functions_.invocations();
    report.calls = calls_;
    return report;
  }

  const BurstOptions options_;
  const sim::Mix mix_ = sim::calm();
  sim::Random random_;
  sim::Scheduler scheduler_;
  sim::SkewedClock clock_;
  core::Deployment deployment_;
  fakes::FakeLedger store_;
  sim::Sqs sqs_;
  Unseen unseen_;
  sim::Line line_;
  sim::Hub hub_;
  sim::Ec2 ec2_;
  sim::FaultyLedger ledger_;
  sim::FaultyQueue queue_;
  sim::FaultyFleet wire_;
  RetryingFleet fleet_;
  sim::FaultyForge forge_;
  const std::map<std::string, core::Forge*, std::less<>> forges_{{"acme", &forge_}};
  Functions functions_;
  std::map<core::RunnerName, core::MachineId> machine_of_;
  std::map<std::string, long> calls_;
};

}  // namespace

BurstReport run_burst(const BurstOptions& options) { return Burst(options).run(); }

}  // namespace jitney::bench
