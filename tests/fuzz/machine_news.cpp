// SPDX-License-Identifier: Apache-2.0
// What a queue hands to a function: one message's body a line. The function carries it out in a
// deployment "prod" with a busy runner prod-cpu-1, an idle one and one more job.
#include <algorithm>
#include <map>

#include "apps/lambda/batch.hpp"
#include "core/functions.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_fleet.hpp"
#include "tests/fakes/fake_forge.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

constexpr std::size_t kMostRecords = 10;
constexpr const char* kBusy = "prod-cpu-1";
constexpr const char* kIdle = "prod-cpu-2";

class World {
 public:
  World() {
    core::Pool pool;
    pool.name = "cpu";
    pool.labels = {"cpu", "self-hosted"};
    pool.scope = "acme";
    pool.max = 4;
    deployment_.name = "prod";
    deployment_.pools = {pool};
    const core::JobId first = queue_job();
    queue_job();
    static_cast<void>(core::create_runner(context(), "cpu"));
    forge_.take(first, runner(kBusy).forge_id);
    tell(first);
    expect(runner(kBusy).phase == core::Phase::busy, "the world has a busy runner");
    expect(runner(kIdle).phase == core::Phase::registered, "the world has an idle runner");
    static_cast<void>(queue_.take(100, std::chrono::hours(1), clock_.now()));
  }

  core::Context context() {
    return {deployment_,
            ledger_,
            queue_,
            fleet_,
            forges_,
            clock_,
            clock_.now() + std::chrono::minutes(1)};
  }
  core::Runner runner(const char* name) {
    return ledger_.runner(name).value().value_or(core::Runner{});
  }
  bool machine_lives(const core::MachineId& id) {
    const auto machine = fleet_.find(id);
    return machine && *machine && (*machine)->state == core::MachineState::running;
  }
  std::size_t machines() { return fleet_.list()->size(); }
  std::size_t pushed() { return *queue_.depth(); }

 private:
  core::JobId queue_job() {
    const core::JobEvent event = forge_.queue("acme/shop", 0, {"self-hosted", "cpu"});
    static_cast<void>(core::autoscaler(context(), std::span(&event, 1)));
    return event.id;
  }
  void tell(core::JobId id) {
    const auto event = forge_.job("acme/shop", id);
    if (event) static_cast<void>(core::autoscaler(context(), std::span(&*event, 1)));
  }

  fakes::FakeClock clock_;
  fakes::FakeLedger ledger_;
  fakes::FakeQueue queue_;
  fakes::FakeFleet fleet_{clock_};
  fakes::FakeForge forge_{{}, clock_};
  std::map<std::string, core::Forge*, std::less<>> forges_{{"acme", &forge_}};
  core::Deployment deployment_;
};

aws::SqsEvent read_batch(std::string_view input) {
  aws::SqsEvent event;
  for (Lines lines(input); !lines.done() && event.records.size() < kMostRecords;) {
    const std::string number = std::to_string(event.records.size() + 1);
    event.records.push_back(
        {.id = "m-" + number, .handle = "h-" + number, .body = std::string(lines.take())});
  }
  return event;
}

}  // namespace

void target(std::string_view input) {
  World world;
  const core::Runner busy = world.runner(kBusy);
  const core::Runner idle = world.runner(kIdle);
  const aws::SqsEvent event = read_batch(input);
  const lambda::BatchOptions options{
      .settle = {}, .carry_out = core::handle, .spread = [] { return 0.0; }};
  const auto failed = lambda::carry_out_batch(world.context(), event, options);

  expect(failed.size() <= event.records.size(), "each message fails once at most");
  for (const std::string& id : failed) {
    expect(std::ranges::count(failed, id) == 1, "a message is named once");
    expect(std::ranges::count(event.records, id, &aws::SqsRecord::id) == 1,
           "what failed is of the batch");
  }
  expect(world.machines() <= 4, "no news makes more machines than the cap");
  expect(world.pushed() <= 4 * (event.records.size() + 1), "wake-ups are bounded");
  // What does not speak of a runner leaves it alone; escapes may hide a name.
  const auto speaks_of = [&](const core::Runner& runner) {
    return input.find('\\') != std::string_view::npos ||
           input.find(runner.machine) != std::string_view::npos ||
           input.find(runner.name) != std::string_view::npos;
  };
  if (!speaks_of(busy)) {
    expect(world.runner(kBusy).phase == core::Phase::busy, "a busy runner is left to its job");
    expect(world.machine_lives(busy.machine), "a busy runner's machine is left to its job");
  }
  if (!speaks_of(idle)) {
    expect(world.machine_lives(idle.machine), "a stranger's news ends no machine of ours");
  }
}

}  // namespace jitney::fuzz
