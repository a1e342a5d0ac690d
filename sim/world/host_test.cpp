// SPDX-License-Identifier: Apache-2.0
// What the hosts of the simulated world do to functions, messages and webhooks.
#include <gtest/gtest.h>

#include <memory>

#include "sim/world/faulty.hpp"
#include "sim/world/lambda.hpp"
#include "sim/world/server.hpp"
#include "tests/fakes/fake_fleet.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::sim {
namespace {

using namespace std::chrono_literals;

constexpr core::Time kStart{core::Duration{1'800'000'000'000}};

class Blind final : public Witness {
 public:
  void claimed(const core::Batch&) override {}
  void wrote(std::string_view, std::string_view) override {}
};

class HostTest : public testing::Test {
 protected:
  HostTest() {
    deployment.name = "ci";
    core::Pool pool;
    pool.name = "cpu";
    pool.labels = {"cpu"};
    pool.scope = "acme";
    deployment.pools = {pool};
  }
  ~HostTest() override { scheduler.kill_all(); }

  void serve() {
    host = std::make_unique<Server>(scheduler, random, deployment, ports(), true);
    host->start();
  }
  void invoke() { host = std::make_unique<Lambda>(scheduler, random, mix, deployment, ports()); }
  Host::Ports ports() { return {ledger, queue, fleet, forges, clock}; }
  void pass(core::Duration time) { scheduler.run_until(scheduler.now() + time); }
  static Webhook queued(core::JobId id) {
    Webhook hook;
    hook.job.id = id;
    hook.job.scope = "acme";
    hook.job.repository = "acme/shop";
    hook.job.labels = {"cpu"};
    return hook;
  }
  bool stored(core::JobId id) { return store.job(id).value().has_value(); }

  Mix mix = calm();
  Scheduler scheduler{kStart};
  Random random{2};
  SkewedClock clock{scheduler};
  Blind witness;
  Line line{scheduler, random, mix};
  fakes::FakeLedger store;
  fakes::FakeQueue messages;
  fakes::FakeFleet machines{clock};
  FaultyLedger ledger{store, line, witness};
  FaultyQueue queue{messages, line, witness};
  FaultyFleet fleet{machines, line};
  const std::map<std::string, core::Forge*, std::less<>> forges;
  core::Deployment deployment;
  std::unique_ptr<Host> host;  // outlives its fibers, which ~HostTest ends
};

TEST_F(HostTest, AServerThatIsDownAnswersNoWebhook) {
  serve();
  host->restart(30s);
  int answers = 0;
  host->webhook(queued(1), [&](bool) { ++answers; });
  pass(20s);
  EXPECT_EQ(answers, 0);
  EXPECT_FALSE(stored(1));
  pass(20s);
  host->webhook(queued(2), [&](bool ok) { answers += ok ? 1 : 0; });
  pass(20s);
  EXPECT_EQ(answers, 1);
  EXPECT_TRUE(stored(2));
}

TEST_F(HostTest, ARestartKillsWhatRunsBeforeItsNextCall) {
  mix.slow = 10s;
  serve();
  bool answered = false;
  host->webhook(queued(1), [&](bool) { answered = true; });
  pass(1ms);
  EXPECT_EQ(scheduler.tasks(), 1u);
  host->restart(0s);
  pass(50s);
  EXPECT_FALSE(answered);
  EXPECT_FALSE(stored(1));
}

TEST_F(HostTest, LambdaKillsAFunctionWhoseTimeIsOverAndItsMessageComesAgain) {
  mix.slow = 200s;  // one call is longer than the function
  invoke();
  host->start();
  ASSERT_TRUE(messages.push({.kind = core::MessageKind::create_runner, .key = "cpu"}, 0s, kStart));
  pass(2s);
  EXPECT_EQ(messages.depth().value(), 0u) << "taken";
  pass(200s);
  const auto again = messages.take(10, 1min, scheduler.now() + 10min);
  ASSERT_EQ(again->size(), 1u) << "never removed";
  EXPECT_GE(again->at(0).receives, 2);
}

TEST_F(HostTest, LambdaRefusesWebhooksBeyondItsConcurrency) {
  mix.slow = 5s;
  invoke();
  int refused = 0;
  for (core::JobId id = 1; id <= 25; ++id) {
    host->webhook(queued(id), [&](bool ok) { refused += ok ? 0 : 1; });
  }
  EXPECT_EQ(refused, 5);
}

}  // namespace
}  // namespace jitney::sim
