// SPDX-License-Identifier: Apache-2.0
// For tests only: a disk that loses power, tears writes, answers with errors and runs full. A VFS
// of SQLite on top of the system's: reads see what was written, as from the page cache, while this
// keeps what would be on the platters. Thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace jitney::local {

class TestDisk {
 public:
  explicit TestDisk(std::uint64_t seed);
  // Every file on it must be closed.
  ~TestDisk();
  TestDisk(const TestDisk&) = delete;
  TestDisk& operator=(const TestDisk&) = delete;

  [[nodiscard]] const std::string& vfs() const { return name_; }  // for DatabaseOptions

  // The power goes with the call that comes after so many others (writes, syncs, truncations,
  // deletions). Nothing reaches the disk from there on, and every call fails.
  void cut_power_after(int calls);
  void cut_power();
  [[nodiscard]] bool has_power();
  // Every file must be closed. Of what was written and not synced any part is there, by sectors;
  // files made or deleted meanwhile may be there or not.
  void restore_power();

  // After so many calls the next `count` fail. A sync that fails may have dropped what it should
  // have written, as Linux does.
  void fail_after(int calls, int count);
  // Room for so many more bytes at the ends of files.
  void fill_up(std::int64_t bytes_left);
  // No errors and no cut to come, and room again.
  void mend();

  [[nodiscard]] std::uint64_t calls();
  [[nodiscard]] std::uint64_t errors();  // that were made up, by whatever cause

  // From here on private to the VFS: what an operation comes to, and what it leaves behind.
  [[nodiscard]] bool call_fails();
  void opened(const std::string& path, bool log);
  // How many of the bytes fit; the rest finds the disk full.
  int room_for(std::int64_t size, std::int64_t offset, int bytes);
  void wrote(const std::string& path, std::int64_t offset, std::string bytes);
  void truncated(const std::string& path, std::int64_t size);
  void synced(const std::string& path);
  void sync_failed(const std::string& path);
  void deleted(const std::string& path, bool directory_synced);
  sqlite3_vfs* system() { return system_; }

 private:
  struct Change {
    std::int64_t offset = 0;
    std::optional<std::string> bytes;  // nullopt: truncated at `offset`
  };
  struct Image {
    std::string platter;
    std::vector<Change> pending;       // since the last sync, oldest first
    bool entered = false;              // its name is on the platter
    bool log = false;                  // a WAL or journal: its sync is its directory's too
    bool there = true;                 // not deleted
    std::optional<std::string> ghost;  // deleted, and the deletion may be forgotten
  };
  bool chance(double probability);
  std::string after_the_cut(const Image& image, double kept);
  void restore(const std::string& path, Image& image, double kept);

  const std::string name_;
  sqlite3_vfs* const system_;
  sqlite3_vfs vfs_;

  std::mutex mutex_;
  std::mt19937_64 random_;
  std::map<std::string, Image> images_;
  std::uint64_t calls_ = 0;
  std::uint64_t errors_ = 0;
  std::optional<std::uint64_t> cut_at_;
  std::uint64_t fail_from_ = 0, fail_until_ = 0;
  std::optional<std::int64_t> room_;
  bool power_ = true;
};

}  // namespace jitney::local
