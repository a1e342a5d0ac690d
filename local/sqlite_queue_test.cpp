// SPDX-License-Identifier: Apache-2.0
// What SqliteQueue does beyond the port's contract: equal wake-ups become one, at no cost.
#include "local/sqlite_queue.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.hpp"

namespace jitney::local {
namespace {

using namespace std::chrono_literals;

constexpr core::Time kNow{core::Duration{1'800'000'000'000}};
const core::Message kWake{core::MessageKind::create_runner, "template_cpu", ""};

class SqliteQueueTest : public ::testing::Test {
 protected:
  SqliteQueueTest() {
    auto opened = Database::open({.path = directory_.path() + "/jitney.db", .vfs = {}});
    EXPECT_TRUE(opened.has_value()) << opened.error().what;
    database_ = std::move(*opened);
    queue_ = std::make_unique<SqliteQueue>(*database_);
  }
  std::vector<core::Delivery> take(core::Time now = kNow) {
    return queue_->take(100, 2min, now).value();
  }

  fakes::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<SqliteQueue> queue_;
};

TEST_F(SqliteQueueTest, AnEqualMessageThatWaitsAlreadyCostsNoCommit) {
  ASSERT_TRUE(queue_->push(kWake, 0s, kNow).has_value());
  const auto commits = database_->stats().commits;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(queue_->push(kWake, core::Duration(i), kNow).has_value());
  }
  EXPECT_EQ(database_->stats().commits, commits);
  EXPECT_EQ(take(kNow + 1h).size(), 1U);
}

TEST_F(SqliteQueueTest, LookingAtAnEmptyQueueNeedsNoWriter) {
  const auto changes = database_->stats().changes;
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(database_->stats().changes, changes);
}

TEST_F(SqliteQueueTest, PushesAndRetriesOfOneKeyDoNotPileUp) {
  ASSERT_TRUE(queue_->push(kWake, 0s, kNow).has_value());
  for (int round = 0; round < 20; ++round) {
    const core::Time now = kNow + round * 1s;
    for (const core::Delivery& delivery : take(now)) {
      ASSERT_TRUE(queue_->push(kWake, 0s, now).has_value());
      ASSERT_TRUE(queue_->retry(delivery, 1s, now).has_value());
    }
  }
  EXPECT_EQ(queue_->depth(), 1U);
}

TEST_F(SqliteQueueTest, MessagesAndTheirLeasesOutliveTheProcess) {
  ASSERT_TRUE(queue_->push(kWake, 0s, kNow).has_value());
  const core::Delivery before = take().at(0);
  queue_.reset();
  database_.reset();
  database_ = *Database::open({.path = directory_.path() + "/jitney.db", .vfs = {}});
  queue_ = std::make_unique<SqliteQueue>(*database_);
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(take(kNow + 2min).at(0).receives, 2);
  EXPECT_EQ(queue_->done(before).error().fault, core::Fault::not_found);
}

TEST_F(SqliteQueueTest, AHandleOfAnotherMakeIsNobodys) {
  ASSERT_TRUE(queue_->push(kWake, 0s, kNow).has_value());
  core::Delivery delivery = take().at(0);
  for (const char* handle : {"", "x", "/", "1", "1/", "1/9", "-1/1", "99999999999999999999/1"}) {
    delivery.handle = handle;
    EXPECT_FALSE(queue_->retry(delivery, 0s, kNow).has_value()) << handle;
    static_cast<void>(queue_->done(delivery));
  }
  EXPECT_EQ(take(kNow + 2min).size(), 1U) << "none of them removed the message";
}

}  // namespace
}  // namespace jitney::local
