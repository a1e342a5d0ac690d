// SPDX-License-Identifier: Apache-2.0
// P1 on a disk that fails: power cuts that lose and tear what was not synced, I/O errors, no room.
// What was acknowledged is there; what was not is there whole or not at all; and storage that
// failed changed nothing. Schedules are random: JITNEY_DISK_SEED replays one, and
// JITNEY_DISK_SCHEDULES says how many.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "local/test_disk.hpp"
#include "local/test_ledger_steps.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::local {
namespace {

using namespace std::chrono_literals;

constexpr int kRounds = 8;
constexpr int kSteps = 40;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The state of a ledger to which these steps were applied, on a disk that never fails.
LedgerState replay(const std::vector<LedgerStep>& steps) {
  fakes::FakeLedger ledger;
  for (const LedgerStep& step : steps) static_cast<void>(apply(step, ledger));
  return state_of(ledger).value();
}

// Messages under keys of their own, and what we were told about each.
class QueueMemory {
 public:
  void push(SqliteQueue& queue, std::uint64_t number, core::Time now) {
    const std::string key = std::to_string(number);
    const core::Message message{core::MessageKind::check_job, key, ""};
    messages_[key] = queue.push(message, {}, now) ? Known::there : Known::perhaps;
  }

  void handle(SqliteQueue& queue, core::Time now) {
    const auto taken = queue.take(2, 1s, now);
    if (!taken) return;
    for (const core::Delivery& delivery : *taken) {
      if (delivery.message.key.back() % 2 == 0) {
        static_cast<void>(queue.retry(delivery, 0s, now));
      } else if (queue.done(delivery)) {
        messages_.erase(delivery.message.key);
      } else {
        messages_[delivery.message.key] = Known::perhaps;
      }
    }
  }

  // Every lease has ended by `now`.
  void check(SqliteQueue& queue, core::Time now) {
    const auto taken = queue.take(1'000'000, 1s, now);
    ASSERT_TRUE(taken) << taken.error().what;
    std::map<std::string, Known> found;
    for (const core::Delivery& delivery : *taken) {
      const std::string& key = delivery.message.key;
      EXPECT_TRUE(messages_.contains(key))
          << "a message nobody pushed, or one that was done: " << key;
      EXPECT_TRUE(found.emplace(key, Known::there).second) << "message " << key << " twice";
    }
    for (const auto& [key, known] : messages_) {
      EXPECT_TRUE(known == Known::perhaps || found.contains(key)) << "lost message " << key;
    }
    messages_ = std::move(found);
  }

 private:
  enum class Known { there, perhaps };
  std::map<std::string, Known> messages_;
};

// One disk and one database on it, through several cuts and errors.
class Schedule {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed), disk_(seed) {}

  void run() {
    for (int round = 0; round < kRounds && !::testing::Test::HasFailure(); ++round) {
      now_ += 1h;
      SCOPED_TRACE("round " + std::to_string(round));
      run_round();
      disk_.restore_power();
    }
    now_ += 1h;
    if (const auto database = open()) check(*database);
  }

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t errors() { return disk_.errors(); }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  std::unique_ptr<Database> open() {
    auto opened = Database::open({.path = directory_.path() + "/jitney.db", .vfs = disk_.vfs()});
    EXPECT_TRUE(opened || disk_.errors() > 0) << opened.error().what;
    if (!opened) return nullptr;
    // A checkpoint every few commits, so that cuts hit those too.
    const auto set = (*opened)->write([](Connection& connection) -> core::Status {
      connection.execute("PRAGMA wal_autocheckpoint = 20");
      return {};
    });
    return set ? std::move(*opened) : nullptr;
  }

  void run_round() {
    if (below(8) == 0) disk_.cut_power_after(static_cast<int>(below(40)));  // while it opens
    auto database = open();
    if (!database) {
      EXPECT_FALSE(disk_.has_power()) << "a healthy disk was refused";
      return;
    }
    if (!disk_.has_power()) return;
    disk_.mend();
    check(*database);
    make_trouble();
    const std::uint64_t steps = 1 + below(kSteps);
    for (std::uint64_t i = 0; i < steps && disk_.has_power(); ++i) take_step(*database);
    if (disk_.has_power()) {
      disk_.mend();
      check_nothing_changed(*database);
    }
    if (below(3) != 0) disk_.cut_power();  // else closed in order, and cut then
  }

  void make_trouble() {
    const int when = static_cast<int>(below(150));
    switch (below(4)) {
      case 0:
        return;
      case 1:
        return disk_.cut_power_after(when);
      case 2:
        return disk_.fail_after(when, 1 + static_cast<int>(below(below(2) == 0 ? 2 : 30)));
      default:
        return disk_.fill_up(static_cast<std::int64_t>(below(100'000)));
    }
  }

  void take_step(Database& database) {
    SqliteQueue queue(database);
    switch (below(5)) {
      case 0:
        return memory_.push(queue, ++pushed_, now_);
      case 1:
        return memory_.handle(queue, now_);
      default:
        break;
    }
    SqliteLedger ledger(database);
    const LedgerStep step = random_step(random_, now_);
    if (apply(step, ledger)) {
      done_.push_back(step);
      failed_.clear();  // what was written over can not come back
      ++acknowledged_;
    } else {
      failed_.push_back(step);
    }
    now_ += 10ms;
  }

  // While the process lives, what storage refused did not happen.
  void check_nothing_changed(Database& database) {
    SqliteLedger ledger(database);
    const auto state = state_of(ledger);
    ASSERT_TRUE(state) << "storage works again: " << state.error().what;
    EXPECT_EQ(*state, replay(done_)) << "a change that was refused is there";
    EXPECT_TRUE(ledger.put({.key = "mended", .value = "", .at = now_, .expires = {}}))
        << "storage works again";
    EXPECT_TRUE(ledger.erase_note("mended"));
    failed_.clear();
  }

  // After a cut: all that was acknowledged, and of the changes under way at most one, whole.
  void check(Database& database) {
    SqliteLedger ledger(database);
    const auto state = state_of(ledger);
    ASSERT_TRUE(state) << state.error().what;
    bool explained = *state == replay(done_);
    for (std::size_t i = 0; i < failed_.size() && !explained; ++i) {
      done_.push_back(failed_[i]);
      explained = *state == replay(done_);
      if (!explained) done_.pop_back();
    }
    EXPECT_TRUE(explained) << "neither what was acknowledged nor a whole change more; "
                           << done_.size() << " changes acknowledged, " << failed_.size()
                           << " under way";
    failed_.clear();
    SqliteQueue queue(database);
    memory_.check(queue, now_);
    now_ += 1min;
    const auto sound = database.read([](Connection& connection) -> core::Result<std::string> {
      Statement row = connection.prepare("PRAGMA integrity_check");
      return row.step() ? row.text() : "";
    });
    EXPECT_EQ(sound, "ok");
  }

  std::mt19937_64 random_;
  const fakes::TemporaryDirectory directory_;
  TestDisk disk_;
  core::Time now_{core::Duration{1'800'000'000'000}};
  std::vector<LedgerStep> done_;    // acknowledged, or found done
  std::vector<LedgerStep> failed_;  // since the last acknowledgement
  QueueMemory memory_;
  std::uint64_t pushed_ = 0;
  std::uint64_t acknowledged_ = 0;
};

TEST(DiskFaults, WhatWasAcknowledgedSurvivesAndTheRestIsWholeOrNotThere) {
  const std::uint64_t first = number_from("JITNEY_DISK_SEED", std::random_device{}());
  const std::uint64_t schedules =
      number_from("JITNEY_DISK_SCHEDULES", std::getenv("JITNEY_DISK_SEED") == nullptr ? 30 : 1);
  std::uint64_t acknowledged = 0;
  std::uint64_t errors = 0;
  for (std::uint64_t i = 0; i < schedules && !HasFailure(); ++i) {
    SCOPED_TRACE("replay with JITNEY_DISK_SEED=" + std::to_string(first + i));
    Schedule schedule(first + i);
    schedule.run();
    acknowledged += schedule.acknowledged();
    errors += schedule.errors();
  }
  RecordProperty("acknowledged", std::to_string(acknowledged));
  EXPECT_GT(acknowledged, 0U);
  EXPECT_GT(errors, 0U) << "the disk never failed";
  std::cout << schedules << " schedules from seed " << first << ": " << acknowledged
            << " changes acknowledged, " << errors << " disk errors\n";
}

// Records jobs until the power goes; the ids that were acknowledged.
std::vector<core::JobId> record_until_dark(Database& database, core::JobId first) {
  SqliteLedger ledger(database);
  std::vector<core::JobId> acknowledged;
  for (core::JobId id = first;; ++id) {
    core::JobEvent event;
    event.id = id;
    event.pool = "template_cpu";
    if (!ledger.record({&event, 1})) return acknowledged;
    acknowledged.push_back(id);
  }
}

TEST(DiskFaults, WhatWasAcknowledgedToOneOfAGroupSurvives) {
  constexpr int kCuts = 12;
  constexpr int kThreads = 4;
  constexpr core::JobId kLane = 1'000'000;
  const std::uint64_t seed = number_from("JITNEY_DISK_SEED", std::random_device{}());
  SCOPED_TRACE("JITNEY_DISK_SEED=" + std::to_string(seed));
  const fakes::TemporaryDirectory directory;
  std::mt19937_64 random(seed);
  TestDisk disk(seed);
  const DatabaseOptions options{.path = directory.path() + "/jitney.db", .vfs = disk.vfs()};
  for (int cut = 0; cut < kCuts; ++cut) {
    std::array<std::vector<core::JobId>, kThreads> acknowledged;
    {
      auto database = Database::open(options);
      ASSERT_TRUE(database) << database.error().what;
      disk.cut_power_after(static_cast<int>(20 + random() % 300));
      std::vector<std::jthread> threads;
      for (std::size_t lane = 0; lane < kThreads; ++lane) {
        const core::JobId first = (cut * kThreads + static_cast<int>(lane)) * kLane + 1;
        threads.emplace_back(
            [&, lane, first] { acknowledged[lane] = record_until_dark(**database, first); });
      }
    }
    disk.restore_power();
    auto database = Database::open(options);
    ASSERT_TRUE(database) << database.error().what;
    SqliteLedger ledger(**database);
    for (const auto& ids : acknowledged) {
      for (const core::JobId id : ids) {
        const auto job = ledger.job(id);
        ASSERT_TRUE(job && *job) << "lost job " << id;
        EXPECT_EQ(ledger.timeline(core::job_subject(id))->size(), 1U) << "half of job " << id;
      }
    }
  }
}

}  // namespace
}  // namespace jitney::local
