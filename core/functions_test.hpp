// SPDX-License-Identifier: Apache-2.0
// What the tests of the five functions share: one deployment "prod" with one pool "cpu" of the
// scope "acme", on the fakes. One thread.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "core/functions.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_fleet.hpp"
#include "tests/fakes/fake_forge.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::core {

inline void PrintTo(Phase phase, std::ostream* out) { *out << to_string(phase); }
inline void PrintTo(JobStatus status, std::ostream* out) { *out << to_string(status); }
inline void PrintTo(Fault fault, std::ostream* out) { *out << to_string(fault); }
inline void PrintTo(const Message& message, std::ostream* out) {
  *out << to_string(message.kind) << ' ' << message.key << " (" << message.detail << ')';
}

// The fake fleet with a person between: what was asked is kept, answers can get lost on their way,
// and something else can happen just before a call.
class WatchedFleet final : public Fleet {
 public:
  struct Sent {
    std::string request;
    std::string token;
    friend bool operator==(const Sent&, const Sent&) = default;
  };

  explicit WatchedFleet(Fleet& fleet) : fleet_(fleet) {}

  std::vector<Sent> launches;
  std::vector<MachineId> stopped;
  int asked = 0;                         // how often, whether machines answer
  std::function<void()> before_compose;  // run once, after the plan and before the claim
  std::function<void()> before_start;    // run once, after the mint
  int lose_launch_answers = 0;           // the machines are made, the caller hears nothing
  bool lose_start_answer = false;
  bool stop_takes_longer = false;  // stop() answers that none is gone yet
  std::optional<Error> next_rung_error, launch_error, start_error, stop_error, find_error;

  Result<std::string> compose(const Pool& pool, const Batch& batch, int rung, int count) override {
    if (auto once = std::exchange(before_compose, nullptr)) once();
    if (rung > 0 && next_rung_error) return std::unexpected(*next_rung_error);
    return fleet_.compose(pool, batch, rung, count);
  }
  Result<LaunchOutcome> launch(const std::string& request, const std::string& token) override {
    launches.push_back({request, token});
    if (launch_error) return std::unexpected(*launch_error);
    auto outcome = fleet_.launch(request, token);
    if (lose_launch_answers > 0) {
      --lose_launch_answers;
      return core::fail(Fault::transient, "the line to the provider broke");
    }
    return outcome;
  }
  Result<std::vector<MachineId>> answering(std::span<const MachineId> machines) override {
    ++asked;
    return fleet_.answering(machines);
  }
  Status start(const MachineId& machine, const RunnerName& runner, const Secret& jit) override {
    if (auto once = std::exchange(before_start, nullptr)) once();
    if (start_error) return std::unexpected(*start_error);
    Status started = fleet_.start(machine, runner, jit);
    if (!std::exchange(lose_start_answer, false)) return started;
    return core::fail(Fault::transient, "the line to the machine broke");
  }
  Result<std::vector<MachineId>> stop(std::span<const MachineId> machines) override {
    if (stop_error) return std::unexpected(*stop_error);
    if (stop_takes_longer) return std::vector<MachineId>{};
    stopped.insert(stopped.end(), machines.begin(), machines.end());
    return fleet_.stop(machines);
  }
  Result<std::vector<Machine>> list() override { return fleet_.list(); }
  Result<std::optional<Machine>> find(const MachineId& machine) override {
    if (find_error) return std::unexpected(*find_error);
    return fleet_.find(machine);
  }

 private:
  Fleet& fleet_;
};

// The fake GitHub with a person between: lists can miss a name, single calls can be refused.
class WatchedForge final : public Forge {
 public:
  explicit WatchedForge(Forge& forge) : forge_(forge) {}

  RunnerName missing_from_list;
  int refused_redeliveries = 0;
  int jobs_asked = 0;

  Result<std::vector<Registration>> runners() override {
    auto all = forge_.runners();
    if (all) std::erase_if(*all, [&](const auto& one) { return one.name == missing_from_list; });
    return all;
  }
  Status redeliver(std::int64_t delivery) override {
    if (refused_redeliveries == 0) return forge_.redeliver(delivery);
    --refused_redeliveries;
    return core::fail(Fault::transient, "502");
  }
  Result<JobEvent> job(const std::string& repository, JobId id) override {
    ++jobs_asked;
    return forge_.job(repository, id);
  }
  Result<Minted> mint(const RunnerName& name, std::span<const std::string> labels,
                      std::int64_t group) override {
    return forge_.mint(name, labels, group);
  }
  Result<std::optional<Registration>> find(const RunnerName& name) override {
    return forge_.find(name);
  }
  Result<Removal> remove(ForgeId id) override { return forge_.remove(id); }
  Result<std::vector<JobEvent>> run_jobs(const std::string& repository, std::int64_t run) override {
    return forge_.run_jobs(repository, run);
  }
  Result<std::vector<std::string>> repositories() override { return forge_.repositories(); }
  Result<std::vector<JobEvent>> open_jobs(const std::string& repository) override {
    return forge_.open_jobs(repository);
  }
  Result<Deliveries> failed_deliveries(Time since) override {
    return forge_.failed_deliveries(since);
  }
  std::optional<CallBudget> budget() override { return forge_.budget(); }

 private:
  Forge& forge_;
};

class FunctionsTest : public testing::Test {
 protected:
  FunctionsTest() {
    deployment.name = "prod";
    Pool pool;
    pool.name = "cpu";
    pool.labels = {"cpu", "linux", "self-hosted"};
    pool.scope = "acme";
    deployment.pools = {pool};
  }

  Pool& pool() { return deployment.pools.front(); }

  [[nodiscard]] Context context() {
    return {deployment, ledger, queue, fleet, forges, clock, clock.now() + std::chrono::minutes(5)};
  }
  // A call whose time is over before it begins.
  [[nodiscard]] Context late_context() {
    return {deployment, ledger, queue, fleet, forges, clock, clock.now()};
  }

  // A job is queued on GitHub, and the webhook comes.
  JobId queue_job(std::vector<std::string> labels = {"self-hosted", "cpu"}) {
    const JobEvent event = forge.queue("acme/shop", 0, std::move(labels));
    EXPECT_TRUE(autoscaler(context(), std::span(&event, 1)));
    return event.id;
  }
  std::vector<JobId> queue_jobs(int count) {
    std::vector<JobId> ids;
    for (int i = 0; i < count; ++i) ids.push_back(queue_job());
    return ids;
  }
  // The webhook of what GitHub now thinks of the job.
  void tell(JobId id) {
    auto event = forge.job("acme/shop", id);
    ASSERT_TRUE(event);
    event->source = "webhook";
    EXPECT_TRUE(autoscaler(context(), std::span(&*event, 1)));
  }
  // GitHub gives the job to the runner; with `told`, the webhook comes too.
  void take(JobId id, const RunnerName& name, bool told = true) {
    forge.take(id, runner(name).forge_id);
    if (told) tell(id);
  }

  Status create() { return create_runner(context(), "cpu"); }
  Swept swept() {
    const auto result = sweep(context());
    EXPECT_TRUE(result) << result.error().what;
    return result.value_or(Swept{});
  }
  // A deployment that sweeps regularly: the next sweep judges.
  void steady() {
    EXPECT_TRUE(sweep(context()));
    clock.advance(deployment.sweep_interval);
  }
  // Sweeps once an interval for so long.
  Swept sweep_for(Duration duration) {
    Swept all;
    const Time end = clock.now() + duration;
    while (true) {
      const Swept one = swept();
      all.orphans_stopped += one.orphans_stopped;
      all.ghosts_removed += one.ghosts_removed;
      all.runners_stopped += one.runners_stopped;
      all.jobs_checked += one.jobs_checked;
      all.redelivered += one.redelivered;
      if (clock.now() >= end) return all;
      clock.advance(deployment.sweep_interval);
    }
  }

  Job job(JobId id) {
    const auto row = ledger.job(id);
    EXPECT_TRUE(row && *row) << "no job " << id;
    return row && *row ? **row : Job{};
  }
  Runner runner(const RunnerName& name) {
    const auto row = ledger.runner(name);
    EXPECT_TRUE(row && *row) << "no runner " << name;
    return row && *row ? **row : Runner{};
  }
  Batch batch(const BatchId& id) {
    const auto row = ledger.batch(id);
    EXPECT_TRUE(row && *row) << "no batch " << id;
    return row && *row ? **row : Batch{};
  }
  int live() { return ledger.snapshot("cpu").value_or(Snapshot{}).state.live; }
  std::size_t machine_count() { return machines.list().value_or(std::vector<Machine>{}).size(); }
  bool noted(const std::string& key) {
    const auto note = ledger.note(key);
    return note && *note;
  }

  // Takes what is due within `within` out of the queue.
  std::vector<Message> messages(Duration within = Duration::zero()) {
    std::vector<Message> all;
    const auto taken = queue.take(1000, std::chrono::minutes(1), clock.now() + within);
    if (!taken) return all;
    for (const Delivery& delivery : *taken) {
      all.push_back(delivery.message);
      EXPECT_TRUE(queue.done(delivery));
    }
    return all;
  }
  std::vector<DeadLetter> letters() {
    return queue.dead_letters(1000).value_or(std::vector<DeadLetter>{});
  }

  fakes::FakeClock clock;
  fakes::FakeLedger ledger;
  fakes::FakeQueue queue;
  fakes::FakeFleet machines{clock};
  WatchedFleet fleet{machines};
  fakes::FakeForge forge{{}, clock};
  WatchedForge watched_forge{forge};
  Deployment deployment;
  std::map<std::string, Forge*, std::less<>> forges{{"acme", &watched_forge}};
};

}  // namespace jitney::core
