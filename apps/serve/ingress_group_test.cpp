// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>

#include "apps/serve/ingress.hpp"
#include "apps/serve/serve_test_world.hpp"

namespace jitney::app {
namespace {

constexpr int kMany = 200;

class IngressGroupTest : public testing::Test {
 protected:
  Arrival arrival(std::vector<core::JobEvent> events, std::optional<core::Message> check = {}) {
    return {.intake = {.events = std::move(events), .check = std::move(check)},
            .respond = [this](const net::Response& response) {
              const std::lock_guard lock(mutex_);
              ++answers_[response.status];
              if (response.status == 503)
                retry_hints_ += response.headers.get("Retry-After") ? 1 : 0;
            }};
  }
  int answered(int status) {
    const std::lock_guard lock(mutex_);
    return answers_[status];
  }
  // The group's thread holds one arrival inside record(); what follows has to wait.
  void hold(IngressGroup& group) {
    world_.ledger.open(false);
    group.submit(arrival({test_event(1'000'000, core::JobStatus::queued)}));
    ASSERT_TRUE(eventually([&] { return world_.ledger.records() == 1; }));
  }

  TestWorld world_;
  std::mutex mutex_;
  std::map<int, int> answers_;
  int retry_hints_ = 0;
};

TEST_F(IngressGroupTest, ManyConcurrentWebhooksShareOneTransaction) {
  IngressGroup group({}, world_.new_context(world_.queue), world_.metrics);
  hold(group);
  {
    std::vector<std::jthread> clients;
    for (int client = 0; client < 8; ++client) {
      clients.emplace_back([&, client] {
        for (int i = 0; i < kMany / 8; ++i) {
          group.submit(arrival({test_event(client * 1000 + i + 1, core::JobStatus::queued)}));
        }
      });
    }
  }
  EXPECT_EQ(answered(202), 0);  // nothing is acknowledged before it is durable
  world_.ledger.open(true);
  EXPECT_TRUE(eventually([&] { return answered(202) == kMany + 1; }));
  EXPECT_EQ(world_.ledger.records(), 2);
  EXPECT_EQ(world_.store.jobs({.pool = {}, .status = {}, .limit = 1000})->size(), kMany + 1U);
  EXPECT_EQ(world_.queue.depth().value_or(0), 1U);  // one wake-up for the pool
}

TEST_F(IngressGroupTest, AGroupIsBounded) {
  IngressGroup group({.waiting = 1000, .together = 16}, world_.new_context(world_.queue),
                     world_.metrics);
  hold(group);
  for (int i = 1; i <= 64; ++i) group.submit(arrival({test_event(i, core::JobStatus::queued)}));
  world_.ledger.open(true);
  EXPECT_TRUE(eventually([&] { return answered(202) == 65; }));
  EXPECT_EQ(world_.ledger.records(), 1 + 64 / 16);
}

TEST_F(IngressGroupTest, AFailingLedgerRefusesEveryWaiterAndStoresNothing) {
  IngressGroup group({}, world_.new_context(world_.queue), world_.metrics);
  hold(group);
  for (int i = 1; i <= 50; ++i) group.submit(arrival({test_event(i, core::JobStatus::queued)}));
  world_.store.fail_next(core::Fault::transient, 2);  // the held one and the group behind it
  world_.ledger.open(true);
  EXPECT_TRUE(eventually([&] { return answered(503) == 51; }));
  EXPECT_EQ(answered(202), 0);
  EXPECT_EQ(retry_hints_, 51);
  EXPECT_TRUE(world_.store.jobs({.pool = {}, .status = {}})->empty());
  EXPECT_EQ(world_.metrics.webhooks(WebhookResult::failed), 51U);
}

TEST_F(IngressGroupTest, AFullWaitingRoomIsRefusedAtOnceAndTheRestIsStored) {
  IngressGroup group({.waiting = 10, .together = 256}, world_.new_context(world_.queue),
                     world_.metrics);
  hold(group);
  for (int i = 1; i <= 25; ++i) group.submit(arrival({test_event(i, core::JobStatus::queued)}));
  EXPECT_EQ(answered(503), 15);  // while the others still wait
  EXPECT_EQ(retry_hints_, 15);
  world_.ledger.open(true);
  EXPECT_TRUE(eventually([&] { return answered(202) == 11; }));
  EXPECT_EQ(world_.store.jobs({.pool = {}, .status = {}})->size(), 11U);
  EXPECT_EQ(world_.metrics.webhooks(WebhookResult::overloaded), 15U);
}

TEST_F(IngressGroupTest, DrainingAnswersWhatWaitsAndRefusesWhatComesLater) {
  IngressGroup group({}, world_.new_context(world_.queue), world_.metrics);
  hold(group);
  for (int i = 1; i <= 5; ++i) group.submit(arrival({test_event(i, core::JobStatus::queued)}));
  std::jthread drainer([&] { group.drain(); });
  world_.ledger.open(true);
  drainer.join();
  EXPECT_EQ(answered(202), 6);
  group.submit(arrival({test_event(99, core::JobStatus::queued)}));
  EXPECT_EQ(answered(503), 1);
  EXPECT_FALSE(world_.store.job(99)->has_value());
}

TEST_F(IngressGroupTest, ARunIsCheckedOnceHoweverManyEventsNameIt) {
  IngressGroup group({}, world_.new_context(world_.queue), world_.metrics);
  hold(group);
  const core::Message check{
      .kind = core::MessageKind::check_run, .key = "acme acme/shop 7", .detail = ""};
  for (int i = 0; i < 20; ++i) group.submit(arrival({}, check));
  world_.ledger.open(true);
  EXPECT_TRUE(eventually([&] { return answered(202) == 21; }));
  EXPECT_EQ(world_.queue.depth().value_or(0), 2U);  // the run, and the pool of the first arrival
}

TEST_F(IngressGroupTest, ARunThatCannotBeQueuedIsRefusedAloneWhileJobsAreStored) {
  IngressGroup group({}, world_.new_context(world_.queue), world_.metrics);
  hold(group);
  world_.queue.fail_next(core::Fault::transient, 2);  // the held one's wake-up, then the run
  group.submit(arrival(
      {}, core::Message{
              .kind = core::MessageKind::check_run, .key = "acme acme/shop 7", .detail = ""}));
  group.submit(arrival({test_event(5, core::JobStatus::completed)}));
  world_.ledger.open(true);
  EXPECT_TRUE(eventually([&] { return answered(202) == 2 && answered(503) == 1; }));
  EXPECT_TRUE(world_.store.job(5)->has_value());
}

}  // namespace
}  // namespace jitney::app
