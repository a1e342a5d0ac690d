// SPDX-License-Identifier: Apache-2.0
// Group commit, and what a database says when its file, its disk or its neighbours are not as they
// should be.
#include "local/database.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <latch>

#include "tests/fakes/temporary_directory.hpp"

namespace jitney::local {
namespace {

using core::Fault;

class DatabaseTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_.path() + "/jitney.db"; }

  std::unique_ptr<Database> open(DatabaseOptions options = {}) {
    options.path = path();
    auto opened = Database::open(options);
    EXPECT_TRUE(opened.has_value()) << opened.error().what;
    return opened ? std::move(*opened) : nullptr;
  }
  core::Error refusal(bool read_only = false) {
    auto opened = Database::open({.path = path(), .read_only = read_only, .vfs = {}});
    EXPECT_FALSE(opened.has_value());
    return opened ? core::Error{} : opened.error();
  }

  static core::Status insert(Connection& connection, const std::string& key,
                             const std::string& value = "") {
    Statement row =
        connection.prepare("INSERT INTO notes(key, value, at, expires) VALUES(?, ?, 0, 0)");
    row.bind(key).bind(value).run();
    return {};
  }
  static core::Status put(Database& database, const std::string& key,
                          const std::string& value = "") {
    return database.write([&](Connection& connection) { return insert(connection, key, value); });
  }
  static std::int64_t count(Database& database) {
    const auto rows = database.read([](Connection& connection) -> core::Result<std::int64_t> {
      Statement row = connection.prepare("SELECT COUNT(*) FROM notes");
      return row.step() ? row.integer() : -1;
    });
    EXPECT_TRUE(rows.has_value()) << rows.error().what;
    return rows.value_or(-2);
  }

  fakes::TemporaryDirectory directory_;
};

// Holds the writer inside a change until it is let go.
class HeldWriter {
 public:
  explicit HeldWriter(Database& database) {
    thread_ = std::jthread([this, &database] {
      EXPECT_TRUE(database
                      .write([this](Connection&) -> core::Status {
                        inside_.count_down();
                        go_.wait();
                        return {};
                      })
                      .has_value());
    });
    inside_.wait();
  }
  ~HeldWriter() {
    if (!released_) release();
  }
  void release() {
    released_ = true;
    go_.count_down();
  }

 private:
  std::latch inside_{1};
  std::latch go_{1};
  bool released_ = false;
  std::jthread thread_;
};

// Waits until so many changes were asked for; the bound is for a broken build alone.
bool asked(const Database& database, std::uint64_t changes) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (database.stats().changes < changes) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST_F(DatabaseTest, ChangesThatWaitTogetherAreOneCommit) {
  constexpr int kThreads = 16;
  const auto database = open();
  std::vector<std::jthread> writers;
  {
    HeldWriter held(*database);
    for (int i = 0; i < kThreads; ++i) {
      writers.emplace_back(
          [&database, i] { EXPECT_TRUE(put(*database, std::to_string(i)).has_value()); });
    }
    ASSERT_TRUE(asked(*database, 1 + kThreads));
    EXPECT_EQ(database->stats().commits, 0U);
  }
  writers.clear();
  EXPECT_EQ(database->stats().commits, 1U);
  EXPECT_EQ(count(*database), kThreads);
}

TEST_F(DatabaseTest, ManyWritersShareCommits) {
  constexpr int kThreads = 16;
  constexpr int kEach = 30;
  const auto database = open();
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kThreads; ++i) {
      writers.emplace_back([&database, i] {
        for (int n = 0; n < kEach; ++n) {
          const std::string key = std::to_string(i) + "/" + std::to_string(n);
          ASSERT_TRUE(put(*database, key).has_value());
        }
      });
    }
  }
  EXPECT_EQ(count(*database), kThreads * kEach);
  EXPECT_EQ(database->stats().changes, static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_LE(database->stats().commits, static_cast<std::uint64_t>(kThreads * kEach / 2));
}

TEST_F(DatabaseTest, AGroupIsBoundedSoThatNobodyWaitsLong) {
  constexpr int kThreads = 8;
  const auto database = open({.group_limit = 2});
  std::vector<std::jthread> writers;
  {
    HeldWriter held(*database);
    for (int i = 0; i < kThreads; ++i) {
      writers.emplace_back(
          [&database, i] { EXPECT_TRUE(put(*database, std::to_string(i)).has_value()); });
    }
    ASSERT_TRUE(asked(*database, 1 + kThreads));
  }
  writers.clear();
  EXPECT_EQ(database->stats().commits, kThreads / 2U);
}

TEST_F(DatabaseTest, AboveTheLimitAChangeIsRefusedAtOnce) {
  const auto database = open({.waiting_limit = 2});
  std::vector<std::jthread> writers;
  {
    HeldWriter held(*database);
    for (int i = 0; i < 2; ++i) {
      writers.emplace_back(
          [&database, i] { EXPECT_TRUE(put(*database, std::to_string(i)).has_value()); });
    }
    ASSERT_TRUE(asked(*database, 3));
    const auto refused = put(*database, "one too many");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().fault, Fault::transient);
    EXPECT_NE(refused.error().what.find("overloaded"), std::string::npos);
  }
  writers.clear();
  EXPECT_EQ(count(*database), 2);
}

TEST_F(DatabaseTest, AChangeThatAnswersAnErrorIsUndoneAlone) {
  const auto database = open();
  core::Status good;
  core::Status bad;
  {
    HeldWriter held(*database);
    std::jthread first([&] { good = put(*database, "good"); });
    std::jthread second([&] {
      bad = database->write([](Connection& connection) -> core::Status {
        static_cast<void>(insert(connection, "bad"));
        return core::fail(Fault::conflict, "thought better of it");
      });
    });
    ASSERT_TRUE(asked(*database, 3));
    held.release();
  }
  EXPECT_TRUE(good.has_value());
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().fault, Fault::conflict);
  EXPECT_EQ(count(*database), 1);
}

TEST_F(DatabaseTest, ARowThatIsRefusedHurtsNoOtherChangeOfItsGroup) {
  const auto database = open();
  ASSERT_TRUE(put(*database, "taken").has_value());
  core::Status good;
  core::Status bad;
  {
    HeldWriter held(*database);
    std::jthread first([&] {
      bad = database->write([](Connection& connection) -> core::Status {
        static_cast<void>(insert(connection, "before it"));
        return insert(connection, "taken");
      });
    });
    ASSERT_TRUE(asked(*database, 3));
    std::jthread second([&] { good = put(*database, "good"); });
    ASSERT_TRUE(asked(*database, 4));
    held.release();
  }
  EXPECT_TRUE(good.has_value()) << good.error().what;
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().fault, Fault::invalid);
  EXPECT_EQ(count(*database), 2);
}

TEST_F(DatabaseTest, NothingChangedCostsNoCommit) {
  const auto database = open();
  ASSERT_TRUE(database->write([](Connection&) -> core::Status { return {}; }).has_value());
  EXPECT_EQ(database->stats().commits, 0U);
}

TEST_F(DatabaseTest, ChangesUnderWayAreCommittedBeforeItCloses) {
  auto database = open();
  std::vector<std::jthread> writers;
  auto held = std::make_unique<HeldWriter>(*database);
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back(
        [raw = database.get(), i] { EXPECT_TRUE(put(*raw, std::to_string(i)).has_value()); });
  }
  ASSERT_TRUE(asked(*database, 5));
  held.reset();
  writers.clear();
  database.reset();
  EXPECT_EQ(count(*open()), 4);
}

TEST_F(DatabaseTest, AReadThatFailsLeavesNoTransactionBehind) {
  const auto database = open();
  const auto broken = database->read([](Connection& connection) -> core::Result<int> {
    return connection.prepare("SELECT nothing FROM nowhere").step() ? 1 : 0;
  });
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(count(*database), 0);
  ASSERT_TRUE(put(*database, "a").has_value());
  EXPECT_EQ(count(*database), 1) << "a reader must see what was committed after the failed read";
}

TEST_F(DatabaseTest, TheFileIsForItsOwnerAlone) {
  const mode_t old = ::umask(0);
  const auto database = open();
  ::umask(old);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat info{};
    ASSERT_EQ(::stat((path() + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << suffix;
  }
}

TEST_F(DatabaseTest, ASecondServerIsRefusedWithAdvice) {
  auto first = open();
  const core::Error error = refusal();
  EXPECT_EQ(error.fault, Fault::conflict);
  EXPECT_NE(error.what.find(path()), std::string::npos);
  EXPECT_NE(error.what.find("stop"), std::string::npos);
  first.reset();
  EXPECT_NE(open(), nullptr);
}

TEST_F(DatabaseTest, OthersSeeWhetherAServerHasIt) {
  EXPECT_FALSE(Database::in_use(path()));
  auto server = open();
  EXPECT_TRUE(Database::in_use(path()));
  server.reset();
  EXPECT_FALSE(Database::in_use(path()));
}

TEST_F(DatabaseTest, AServerThatStartsWhileTheLastOneGoesWaitsForTheLock) {
  auto first = open();
  std::jthread leaving([&] { first.reset(); });
  EXPECT_NE(open(), nullptr);
}

TEST_F(DatabaseTest, ACommandMayReadBesideTheServerButNotWrite) {
  const auto server = open();
  ASSERT_TRUE(put(*server, "a").has_value());
  const auto command = open({.read_only = true});
  EXPECT_EQ(count(*command), 1);
  EXPECT_EQ(put(*command, "b").error().fault, Fault::invalid);
  ASSERT_TRUE(put(*server, "c").has_value());
  EXPECT_EQ(count(*command), 2);
}

TEST_F(DatabaseTest, ReadingWhatIsNotThereSaysWhatToStart) {
  EXPECT_EQ(refusal(true).fault, Fault::invalid);
  EXPECT_NE(::access(path().c_str(), F_OK), 0) << "a command that looks creates nothing";
}

TEST_F(DatabaseTest, ANewerSchemaIsRefusedWithAdvice) {
  ASSERT_TRUE(open()
                  ->write([](Connection& connection) -> core::Status {
                    connection.execute("PRAGMA user_version = 999");
                    return {};
                  })
                  .has_value());
  for (const bool read_only : {false, true}) {
    const core::Error error = refusal(read_only);
    EXPECT_EQ(error.fault, Fault::invalid);
    EXPECT_NE(error.what.find("newer jitney"), std::string::npos) << error.what;
    EXPECT_NE(error.what.find("999"), std::string::npos) << error.what;
  }
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsRefusedWithAdvice) {
  std::ofstream(path()) << std::string(8192, 'x');
  const core::Error error = refusal();
  EXPECT_EQ(error.fault, Fault::invalid);
  EXPECT_NE(error.what.find(path()), std::string::npos) << error.what;
  EXPECT_NE(error.what.find("restore a backup"), std::string::npos) << error.what;
}

TEST_F(DatabaseTest, ADamagedPageIsReportedAndNotServed) {
  {
    const auto database = open();
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(put(*database, std::to_string(i), std::string(500, 'v')).has_value());
    }
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(0, std::ios::end);
    const std::streamoff size = file.tellg();
    for (std::streamoff page = size / 2 / 4096 * 4096; page < size; page += 4096) {
      file.seekp(page);
      file << std::string(64, '\xee');
    }
  }
  const auto database = open();
  const auto rows = database->read([](Connection& connection) -> core::Result<std::int64_t> {
    Statement row = connection.prepare("SELECT SUM(LENGTH(value)) FROM notes");
    return row.step() ? row.integer() : -1;
  });
  ASSERT_FALSE(rows.has_value());
  EXPECT_EQ(rows.error().fault, Fault::transient);
  EXPECT_NE(rows.error().what.find("damaged"), std::string::npos) << rows.error().what;
}

TEST_F(DatabaseTest, AFolderThatIsNotThereIsRefusedWithItsPath) {
  const auto opened = Database::open({.path = directory_.path() + "/none/jitney.db", .vfs = {}});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().fault, Fault::invalid);
  EXPECT_NE(opened.error().what.find("/none/jitney.db"), std::string::npos);
}

TEST_F(DatabaseTest, AFullDatabaseAnswersTransientAndGoesOnWhenThereIsRoom) {
  const auto database = open();
  const auto limit_pages = [&](const char* sql) {
    ASSERT_TRUE(database
                    ->write([&](Connection& connection) -> core::Status {
                      connection.execute(sql);
                      return {};
                    })
                    .has_value());
  };
  limit_pages("PRAGMA max_page_count = 60");
  const std::string big(3000, 'x');
  int stored = 0;
  core::Status status;
  while ((status = put(*database, std::to_string(stored), big)).has_value() && stored < 1000) {
    ++stored;
  }
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().fault, Fault::transient);
  EXPECT_NE(status.error().what.find("free some space"), std::string::npos) << status.error().what;
  EXPECT_EQ(count(*database), stored) << "nothing of a refused change may stay";
  limit_pages("PRAGMA max_page_count = 100000");
  EXPECT_TRUE(put(*database, "after", big).has_value());
  EXPECT_EQ(count(*database), stored + 1);
}

// The limit is the process's own: files may not grow beyond it, as on a full disk.
class NoRoom {
 public:
  explicit NoRoom(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit now = old_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~NoRoom() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int) = nullptr;
};

TEST_F(DatabaseTest, AStartOnAFullDiskMayBeTriedAgain) {
  put(*open(), "a").value();
  {
    const NoRoom no_room(0);
    const core::Error error = refusal();
    EXPECT_EQ(error.fault, Fault::transient) << error.what;
    EXPECT_NE(error.what.find("disk"), std::string::npos) << error.what;
  }
  EXPECT_EQ(count(*open()), 1);
}

TEST_F(DatabaseTest, ADiskThatRefusesWritesIsTransientAndEveryAnswerStaysTrue) {
  constexpr int kTries = 400;
  const std::string big(2000, 'x');
  std::int64_t stored = 0;
  {
    const auto database = open();
    int refused = 0;
    {
      const NoRoom no_room(400'000);
      for (int i = 0; i < kTries; ++i) {
        const core::Status status = put(*database, std::to_string(i), big);
        if (status) {
          ++stored;
          continue;
        }
        ++refused;
        EXPECT_EQ(status.error().fault, Fault::transient) << status.error().what;
      }
      EXPECT_GT(stored, 0);
      EXPECT_GT(refused, 0);
      EXPECT_EQ(count(*database), stored);
    }
    EXPECT_EQ(database->stats().failures, static_cast<std::uint64_t>(refused));
    EXPECT_TRUE(put(*database, "after", big).has_value());
  }
  EXPECT_EQ(count(*open()), stored + 1);
}

}  // namespace
}  // namespace jitney::local
