// SPDX-License-Identifier: Apache-2.0
// The simulated world keeps the contracts of the ports it stands for: what passes here may be used
// in the simulator, nothing else. Each call takes a second of virtual time; threads take turns.
#include <mutex>

#include "sim/world/computer.hpp"
#include "sim/world/ec2.hpp"
#include "sim/world/faulty.hpp"
#include "sim/world/hub.hpp"
#include "sim/world/sqs.hpp"
#include "tests/contract/fleet_contract.hpp"
#include "tests/contract/forge_contract.hpp"
#include "tests/contract/ledger_contract.hpp"
#include "tests/contract/queue_contract.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::contract {

namespace {

// Sees nothing: the checks are the simulation's.
class NoWitness final : public sim::Witness {
 public:
  void claimed(const core::Batch&) override {}
  void wrote(std::string_view, std::string_view) override {}
};

// A world without faults, and the line that all calls go through.
class World {
 public:
  sim::Mix mix = sim::calm();
  sim::Scheduler scheduler{kNow};
  sim::Random random{7};
  sim::Line line{scheduler, random, mix};
  NoWitness witness;

  void pass(core::Duration time) {
    scheduler.after(time, [] {});  // the scheduler goes no further than its last event
    scheduler.run_until(scheduler.now() + time);
  }
};

class LedgerOfTheWorld final : public LedgerHome {
 public:
  core::Ledger& ledger() override { return ledger_; }

 private:
  World world_;
  fakes::FakeLedger store_;
  sim::FaultyLedger ledger_{store_, world_.line, world_.witness};
};

// A queue of the world draws from its random source, which is one thread's.
class QueueInTurns final : public core::Queue {
 public:
  explicit QueueInTurns(core::Queue& queue) : queue_(queue) {}

  core::Status push(const core::Message& message, core::Duration delay, core::Time now) override {
    return turn([&] { return queue_.push(message, delay, now); });
  }
  core::Result<std::vector<core::Delivery>> take(int max, core::Duration lease,
                                                 core::Time now) override {
    return turn([&] { return queue_.take(max, lease, now); });
  }
  core::Status done(const core::Delivery& delivery) override {
    return turn([&] { return queue_.done(delivery); });
  }
  core::Status retry(const core::Delivery& delivery, core::Duration after,
                     core::Time now) override {
    return turn([&] { return queue_.retry(delivery, after, now); });
  }
  core::Status bury(const core::Message& message, const std::string& cause,
                    core::Time now) override {
    return turn([&] { return queue_.bury(message, cause, now); });
  }
  core::Result<std::vector<core::DeadLetter>> dead_letters(std::size_t limit) override {
    return turn([&] { return queue_.dead_letters(limit); });
  }
  core::Status forget(core::MessageKind kind, const std::string& key) override {
    return turn([&] { return queue_.forget(kind, key); });
  }
  core::Result<std::size_t> depth() override {
    return turn([&] { return queue_.depth(); });
  }

 private:
  template <class Call>
  auto turn(Call&& call) -> decltype(call()) {
    const std::lock_guard lock(mutex_);
    return call();
  }
  core::Queue& queue_;
  std::mutex mutex_;
};

template <class Inner>
class QueueOfTheWorld final : public QueueHome {
 public:
  core::Queue& queue() override { return turns_; }

 private:
  static std::unique_ptr<core::Queue> make(World& world) {
    if constexpr (std::is_same_v<Inner, sim::Sqs>) {
      return std::make_unique<sim::Sqs>(world.random, world.mix);
    } else {
      return std::make_unique<Inner>();
    }
  }
  World world_;
  std::unique_ptr<core::Queue> inner_ = make(world_);
  sim::FaultyQueue queue_{*inner_, world_.line, world_.witness};
  QueueInTurns turns_{queue_};
};

// Calls of several threads, one after the other, each with a moment of virtual time.
class OneAtATime final : public core::Fleet {
 public:
  OneAtATime(core::Fleet& fleet, World& world) : fleet_(fleet), world_(world) {}

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override {
    return turn([&] { return fleet_.compose(pool, batch, rung, count); });
  }
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override {
    return turn([&] { return fleet_.launch(request, token); });
  }
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override {
    return turn([&] { return fleet_.answering(machines); });
  }
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override {
    return turn([&] { return fleet_.start(machine, runner, jit); });
  }
  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override {
    return turn([&] { return fleet_.stop(machines); });
  }
  core::Result<std::vector<core::Machine>> list() override {
    return turn([&] { return fleet_.list(); });
  }
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override {
    return turn([&] { return fleet_.find(machine); });
  }

 private:
  template <class Call>
  auto turn(Call&& call) -> decltype(call()) {
    const std::lock_guard lock(mutex_);
    world_.pass(std::chrono::milliseconds(100));
    return call();
  }
  core::Fleet& fleet_;
  World& world_;
  std::mutex mutex_;
};

template <class Model>
class FleetOfTheWorld final : public FleetHome {
 public:
  core::Fleet& fleet() override { return turns_; }
  core::Pool pool() override {
    core::Pool pool;
    pool.name = "cpu";
    return pool;
  }
  core::Secret jit() override { return core::Secret("jit"); }
  void end_runner(const core::MachineId& machine, int exit_code) override {
    settle_start();
    model_.runner_ended(machine, exit_code);
  }
  int starts(const core::MachineId& machine) override {
    settle_start();
    return starts_[machine];
  }
  bool answering_knows_ends() override { return !std::is_same_v<Model, sim::Ec2>; }
  void settle() override { world_.pass(3min); }

 private:
  void settle_start() { world_.pass(10s); }  // a command takes a moment to arrive

  World world_;
  std::map<core::MachineId, int> starts_;
  Model model_{world_.scheduler,
               world_.random,
               world_.mix,
               {.run = [this](const sim::Box& box) { ++starts_[box.id]; },
                .gone = [](const sim::Box&) {},
                .stopping = [](const sim::Box&) {},
                .notice = [](const sim::Notice&) {}}};
  sim::FaultyFleet fleet_{model_, world_.line};
  OneAtATime turns_{fleet_, world_};
};

// Every call takes a second, so that deliveries and time-outs of GitHub's come to pass.
class Passing final : public core::Forge {
 public:
  Passing(core::Forge& forge, World& world) : forge_(forge), world_(world) {}

  core::Result<core::Minted> mint(const core::RunnerName& name, std::span<const std::string> labels,
                                  std::int64_t group) override {
    return then().mint(name, labels, group);
  }
  core::Result<std::optional<core::Registration>> find(const core::RunnerName& name) override {
    return then().find(name);
  }
  core::Result<core::Removal> remove(core::ForgeId id) override { return then().remove(id); }
  core::Result<std::vector<core::Registration>> runners() override { return then().runners(); }
  core::Result<core::JobEvent> job(const std::string& repository, core::JobId id) override {
    return then().job(repository, id);
  }
  core::Result<std::vector<core::JobEvent>> run_jobs(const std::string& repository,
                                                     std::int64_t run) override {
    return then().run_jobs(repository, run);
  }
  core::Result<std::vector<std::string>> repositories() override { return then().repositories(); }
  core::Result<std::vector<core::JobEvent>> open_jobs(const std::string& repository) override {
    return then().open_jobs(repository);
  }
  core::Result<core::Deliveries> failed_deliveries(core::Time since) override {
    return then().failed_deliveries(since);
  }
  core::Status redeliver(std::int64_t delivery) override { return then().redeliver(delivery); }
  std::optional<core::CallBudget> budget() override { return forge_.budget(); }

 private:
  core::Forge& then() {
    world_.pass(1s);
    return forge_;
  }
  core::Forge& forge_;
  World& world_;
};

class ForgeOfTheWorld final : public ForgeHome {
 public:
  core::Forge& forge() override { return passing_; }
  core::Time now() override { return world_.scheduler.now(); }

  std::int64_t queue(const std::vector<std::vector<std::string>>& jobs) override {
    sim::WorkflowSpec spec{.repository = kRepository};
    for (const auto& labels : jobs) {
      spec.jobs.push_back(
          {.name = "job " + std::to_string(spec.jobs.size()), .labels = labels, .steps = {}});
    }
    const auto run = hub_.world().queue(spec, now());
    EXPECT_TRUE(run) << run.error().what;
    hub_.tick();
    return run.value_or(0);
  }
  void connect(core::ForgeId runner) override {
    const auto session = hub_.world().open_session(runner, now());
    EXPECT_TRUE(session);
    session_ = session.value_or(0);
  }
  void take(core::JobId job, core::ForgeId runner) override {
    EXPECT_TRUE(hub_.world().poll(session_, now()));
    hub_.world().tick(now());
    EXPECT_EQ(hub_.world().runner(runner)->job, job);
    EXPECT_NE(hub_.world().message(session_, now()), nullptr);
    EXPECT_TRUE(hub_.world().start(session_, job, now()));
  }
  void finish(core::JobId job) override {
    EXPECT_TRUE(hub_.world().finish(session_, job, "success", now()));
  }
  void cancel(core::JobId job) override { EXPECT_TRUE(hub_.world().cancel_job(job, now())); }
  void fill_group() override { hub_.world().rules().group_size = hub_.world().runners().size(); }
  void fail_delivery() override {
    world_.pass(10s);
    hub_.lose_next_webhook();
    queue({{"cpu"}});
    world_.pass(20s);
  }
  void outage(bool on) override { hub_.set_outage(on); }

 private:
  World world_;
  sim::Hub hub_{world_.scheduler,
                world_.random,
                world_.mix,
                "prod",
                {.webhook = [](const sim::Webhook&, auto answered) { answered(true); },
                 .runner_ended = [](const core::RunnerName&, std::optional<int>) {}},
                {kRepository}};
  sim::FaultyForge line_{hub_, world_.line};
  Passing passing_{line_, world_};
  std::int64_t session_ = 0;
};

template <class Home, class Made>
std::unique_ptr<Home> make() {
  return std::make_unique<Made>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(World, LedgerContract,
                         ::testing::Values(LedgerMaker{"simulated",
                                                       make<LedgerHome, LedgerOfTheWorld>}));
INSTANTIATE_TEST_SUITE_P(
    World, QueueContract,
    ::testing::Values(QueueMaker{"simulated_sqs", make<QueueHome, QueueOfTheWorld<sim::Sqs>>},
                      QueueMaker{"simulated_sqlite",
                                 make<QueueHome, QueueOfTheWorld<fakes::FakeQueue>>}));
INSTANTIATE_TEST_SUITE_P(
    World, FleetContract,
    ::testing::Values(FleetMaker{"simulated_ec2", make<FleetHome, FleetOfTheWorld<sim::Ec2>>},
                      FleetMaker{"simulated_processes",
                                 make<FleetHome, FleetOfTheWorld<sim::Computer>>}));
INSTANTIATE_TEST_SUITE_P(World, ForgeContract,
                         ::testing::Values(ForgeMaker{"simulated",
                                                      make<ForgeHome, ForgeOfTheWorld>}));

}  // namespace jitney::contract
