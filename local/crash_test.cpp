// SPDX-License-Identifier: Apache-2.0
// P1: what was acknowledged is there after kill -9, whenever it comes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <random>
#include <set>

#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::local {
namespace {

constexpr core::Time kNow{core::Duration{1'800'000'000'000}};
constexpr int kRounds = 15;
constexpr core::JobId kIdsPerRound = 1'000'000;

std::unique_ptr<Database> open(const std::string& path) {
  auto database = Database::open({.path = path, .vfs = {}});
  if (database) return std::move(*database);
  ADD_FAILURE() << database.error().what;
  return nullptr;
}

core::JobEvent queued(core::JobId id) {
  core::JobEvent event;
  event.id = id;
  event.pool = "template_cpu";
  event.labels = {"self-hosted", "template_cpu"};
  event.seen_at = kNow;
  return event;
}

// Records jobs and wake-ups on four threads and says each one that was acknowledged, until it is
// killed.
[[noreturn]] void write_until_killed(const std::string& path, int out, core::JobId first) {
  auto opened = Database::open({.path = path, .vfs = {}});
  if (!opened) ::_exit(3);
  SqliteLedger ledger(**opened);
  SqliteQueue queue(**opened);
  std::vector<std::jthread> writers;
  for (core::JobId lane = 0; lane < 4; ++lane) {
    writers.emplace_back([&, lane] {
      for (core::JobId id = first + lane;; id += 4) {
        const core::JobEvent event = queued(id);
        const core::Message wake{core::MessageKind::check_job, std::to_string(id), ""};
        if (!ledger.record({&event, 1}) || !queue.push(wake, {}, kNow)) ::_exit(4);
        if (::write(out, &id, sizeof id) != sizeof id) ::_exit(5);
      }
    });
  }
  writers.clear();
  ::_exit(6);
}

// Kills the child after `enough` acknowledgements; returns all that it gave.
std::set<core::JobId> acknowledged_before_death(const std::string& path, core::JobId first,
                                                std::size_t enough) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) write_until_killed(path, ends[1], first);
  ::close(ends[1]);
  std::set<core::JobId> ids;
  core::JobId id = 0;
  while (::read(ends[0], &id, sizeof id) == sizeof id) {
    ids.insert(id);
    if (ids.size() == enough) ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      << "the child ended by itself: " << WEXITSTATUS(status);
  return ids;
}

TEST(Crash, WhatWasAcknowledgedIsThereAfterKill9) {
  const fakes::TemporaryDirectory directory;
  const std::string path = directory.path() + "/jitney.db";
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::size_t total = 0;
  for (int round = 0; round < kRounds; ++round) {
    const core::JobId first = 1 + round * kIdsPerRound;
    const auto ids = acknowledged_before_death(path, first, 1 + random() % 300);
    ASSERT_FALSE(ids.empty());
    total += ids.size();
    const auto database = open(path);
    ASSERT_NE(database, nullptr);
    SqliteLedger ledger(*database);
    for (const core::JobId id : ids) ASSERT_TRUE(ledger.job(id)->has_value()) << "lost job " << id;
    SqliteQueue queue(*database);
    std::set<std::string> woken;
    // The leases of the last round have ended by then.
    const auto taken =
        queue.take(1'000'000, std::chrono::minutes(1), kNow + std::chrono::hours(round));
    ASSERT_TRUE(taken.has_value()) << taken.error().what;
    for (const core::Delivery& delivery : *taken) woken.insert(delivery.message.key);
    for (const core::JobId id : ids) {
      ASSERT_TRUE(woken.contains(std::to_string(id))) << "lost the wake-up of job " << id;
    }
    const auto sound = database->read([](Connection& connection) -> core::Result<std::string> {
      Statement row = connection.prepare("PRAGMA integrity_check");
      return row.step() ? row.text() : "";
    });
    EXPECT_EQ(sound, "ok");
  }
  RecordProperty("acknowledged", static_cast<int>(total));
}

}  // namespace
}  // namespace jitney::local
