// SPDX-License-Identifier: Apache-2.0
// That the disk of our tests does fail: else the tests on it prove nothing.
#include "local/test_disk.hpp"

#include <gtest/gtest.h>

#include "local/sqlite.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::local {
namespace {

constexpr int kTries = 40;  // a cut keeps or loses by chance

class TestDiskTest : public ::testing::Test {
 protected:
  // A table with one durable row, written without the care that Database takes.
  std::unique_ptr<Connection> open(TestDisk& disk, const char* synchronous) {
    auto opened = Connection::open({.path = path(), .read_only = false, .vfs = disk.vfs()});
    EXPECT_TRUE(opened) << opened.error().what;
    if (!opened) return nullptr;
    (*opened)->execute("PRAGMA journal_mode = WAL");
    (*opened)->execute("CREATE TABLE IF NOT EXISTS rows(id INTEGER PRIMARY KEY, text TEXT)");
    (*opened)->execute(synchronous);
    EXPECT_TRUE((*opened)->take_error());
    return std::move(*opened);
  }
  static std::int64_t count(Connection& connection) {
    Statement row = connection.prepare("SELECT COUNT(*) FROM rows");
    return row.step() ? row.integer() : -1;
  }
  // How many of `kTries` rows, each written before a cut of its own, are there afterwards.
  std::int64_t rows_after_cuts(TestDisk& disk, const char* synchronous) {
    for (int i = 0; i < kTries; ++i) {
      auto connection = open(disk, synchronous);
      connection->execute("INSERT INTO rows(text) VALUES('x')");
      EXPECT_TRUE(connection->take_error());
      disk.cut_power();
      connection.reset();
      disk.restore_power();
    }
    return count(*open(disk, synchronous));
  }
  [[nodiscard]] std::string path() const { return directory_.path() + "/x.db"; }

  fakes::TemporaryDirectory directory_;
};

TEST_F(TestDiskTest, LosesWhatWasNotSyncedAndKeepsWhatWas) {
  TestDisk disk(1);
  EXPECT_EQ(rows_after_cuts(disk, "PRAGMA synchronous = FULL"), kTries);
  EXPECT_LT(rows_after_cuts(disk, "PRAGMA synchronous = NORMAL"), 2 * kTries);
}

TEST_F(TestDiskTest, TearsWritesApartAtSectors) {
  const std::string file = path();
  bool torn = false;
  for (std::uint64_t seed = 1; seed <= kTries && !torn; ++seed) {
    TestDisk disk(seed);
    sqlite3_vfs* vfs = sqlite3_vfs_find(disk.vfs().c_str());
    std::vector<std::max_align_t> memory(static_cast<std::size_t>(vfs->szOsFile));
    auto* open_file = reinterpret_cast<sqlite3_file*>(memory.data());
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    ASSERT_EQ(vfs->xOpen(vfs, file.c_str(), open_file, flags, nullptr), SQLITE_OK);
    const auto write = [&](char fill) {
      const std::string page(4096, fill);
      EXPECT_EQ(open_file->pMethods->xWrite(open_file, page.data(), 4096, 0), SQLITE_OK);
    };
    write('a');
    ASSERT_EQ(open_file->pMethods->xSync(open_file, SQLITE_SYNC_FULL), SQLITE_OK);
    write('b');
    disk.cut_power();
    open_file->pMethods->xClose(open_file);
    disk.restore_power();
    ASSERT_EQ(vfs->xOpen(vfs, file.c_str(), open_file, flags, nullptr), SQLITE_OK);
    std::string page(4096, '?');
    static_cast<void>(open_file->pMethods->xRead(open_file, page.data(), 4096, 0));
    open_file->pMethods->xClose(open_file);
    torn = page.find('a') != std::string::npos && page.find('b') != std::string::npos;
    for (std::size_t at = 0; at < page.size(); at += 512) {
      EXPECT_EQ(page.substr(at, 512), std::string(512, page[at])) << "torn within a sector";
    }
  }
  EXPECT_TRUE(torn);
}

TEST_F(TestDiskTest, FailsTheCallsThatItIsToldToFailAndNoOther) {
  TestDisk disk(1);
  const auto connection = open(disk, "PRAGMA synchronous = FULL");
  disk.fail_after(0, 1);
  connection->execute("INSERT INTO rows(text) VALUES('x')");
  EXPECT_FALSE(connection->take_error());
  EXPECT_EQ(disk.errors(), 1U);
  connection->execute("INSERT INTO rows(text) VALUES('x')");
  EXPECT_TRUE(connection->take_error());
  EXPECT_EQ(count(*connection), 1);
}

TEST_F(TestDiskTest, IsFullUntilThereIsRoomAgain) {
  TestDisk disk(1);
  const auto connection = open(disk, "PRAGMA synchronous = FULL");
  disk.fill_up(1000);
  connection->execute("INSERT INTO rows(text) VALUES(randomblob(100000))");
  const core::Status full = connection->take_error();
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().what.find("the disk is full"), std::string::npos) << full.error().what;
  disk.mend();
  connection->execute("INSERT INTO rows(text) VALUES(randomblob(100000))");
  EXPECT_TRUE(connection->take_error());
  EXPECT_EQ(count(*connection), 1);
}

}  // namespace
}  // namespace jitney::local
