// SPDX-License-Identifier: Apache-2.0
#include "local/test_disk.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "local/test_disk_vfs.hpp"

namespace jitney::local {
namespace {

constexpr std::size_t kSector = 512;

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string unique_name() {
  static int made = 0;
  return "jitney-test-disk-" + std::to_string(++made);
}

void put(std::string& image, std::size_t offset, std::string_view bytes) {
  if (image.size() < offset + bytes.size()) image.resize(offset + bytes.size());
  image.replace(offset, bytes.size(), bytes);
}

}  // namespace

TestDisk::TestDisk(std::uint64_t seed)
    : name_(unique_name()),
      system_(sqlite3_vfs_find(nullptr)),
      vfs_(test_disk_vfs(*this, *system_, name_)),
      random_(seed) {
  sqlite3_vfs_register(&vfs_, 0);
}

TestDisk::~TestDisk() { sqlite3_vfs_unregister(&vfs_); }

bool TestDisk::chance(double probability) {
  return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

void TestDisk::cut_power_after(int calls) {
  const std::lock_guard lock(mutex_);
  cut_at_ = calls_ + static_cast<std::uint64_t>(calls);
}

void TestDisk::cut_power() {
  const std::lock_guard lock(mutex_);
  power_ = false;
}

bool TestDisk::has_power() {
  const std::lock_guard lock(mutex_);
  return power_;
}

void TestDisk::fail_after(int calls, int count) {
  const std::lock_guard lock(mutex_);
  fail_from_ = calls_ + static_cast<std::uint64_t>(calls);
  fail_until_ = fail_from_ + static_cast<std::uint64_t>(count);
}

void TestDisk::fill_up(std::int64_t bytes_left) {
  const std::lock_guard lock(mutex_);
  room_ = bytes_left;
}

void TestDisk::mend() {
  const std::lock_guard lock(mutex_);
  fail_from_ = fail_until_ = 0;
  cut_at_.reset();
  room_.reset();
}

std::uint64_t TestDisk::calls() {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t TestDisk::errors() {
  const std::lock_guard lock(mutex_);
  return errors_;
}

bool TestDisk::call_fails() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t call = calls_++;
  if (cut_at_ && call >= *cut_at_) power_ = false;
  if (power_ && (call < fail_from_ || call >= fail_until_)) return false;
  ++errors_;
  return true;
}

void TestDisk::opened(const std::string& path, bool log) {
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = images_.try_emplace(path);
  Image& image = at->second;
  if (!fresh && image.there) return;
  image.platter = contents(path);  // what was there before this disk was; a new file is empty
  image.entered = fresh && !image.platter.empty();
  image.pending.clear();
  image.log = log;
  image.there = true;
}

int TestDisk::room_for(std::int64_t size, std::int64_t offset, int bytes) {
  const std::lock_guard lock(mutex_);
  const std::int64_t growth = std::max<std::int64_t>(0, offset + bytes - size);
  if (!room_ || growth <= *room_) {
    if (room_) *room_ -= growth;
    return bytes;
  }
  const std::int64_t fitting = bytes - growth + *room_;
  room_ = 0;
  ++errors_;
  const auto sector = static_cast<std::int64_t>(kSector);
  return static_cast<int>(std::max<std::int64_t>(0, fitting - fitting % sector));
}

void TestDisk::wrote(const std::string& path, std::int64_t offset, std::string bytes) {
  const std::lock_guard lock(mutex_);
  images_[path].pending.push_back({.offset = offset, .bytes = std::move(bytes)});
}

void TestDisk::truncated(const std::string& path, std::int64_t size) {
  const std::lock_guard lock(mutex_);
  images_[path].pending.push_back({.offset = size, .bytes = std::nullopt});
}

void TestDisk::synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Image& image = images_[path];
  for (const Change& change : image.pending) {
    if (change.bytes) {
      put(image.platter, static_cast<std::size_t>(change.offset), *change.bytes);
    } else {
      image.platter.resize(static_cast<std::size_t>(change.offset));
    }
  }
  image.pending.clear();
  if (!image.log) return;
  // SQLite syncs the directory with a new log's first sync.
  for (auto& [name, any] : images_) {
    any.ghost.reset();
    any.entered = any.there;
  }
}

void TestDisk::sync_failed(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Image& image = images_[path];
  if (!chance(0.5)) return;
  // Linux calls the pages clean all the same: no later sync writes them.
  const double kept = chance(0.5) ? 0.5 : 0;
  image.platter = after_the_cut(image, kept);
  image.pending.clear();
}

void TestDisk::deleted(const std::string& path, bool directory_synced) {
  const std::lock_guard lock(mutex_);
  const auto at = images_.find(path);
  if (at == images_.end()) return;
  Image& image = at->second;
  image.there = false;
  image.pending.clear();
  image.ghost.reset();
  if (image.entered && !directory_synced) image.ghost = image.platter;
}

// Each sector of each write reached the platter or did not.
std::string TestDisk::after_the_cut(const Image& image, double kept) {
  std::string platter = image.platter;
  for (const Change& change : image.pending) {
    if (!change.bytes) {
      const auto size = static_cast<std::size_t>(change.offset);
      if (chance(kept)) platter.resize(size);
      continue;
    }
    const std::string_view bytes = *change.bytes;
    const auto offset = static_cast<std::size_t>(change.offset);
    for (std::size_t done = 0; done < bytes.size();) {
      const std::size_t piece = std::min(bytes.size() - done, kSector - (offset + done) % kSector);
      if (chance(kept)) put(platter, offset + done, bytes.substr(done, piece));
      done += piece;
    }
  }
  return platter;
}

void TestDisk::restore(const std::string& path, Image& image, double kept) {
  std::optional<std::string> left;
  if (image.there && (image.entered || chance(0.5))) {
    left = after_the_cut(image, kept);
  } else if (image.ghost && chance(0.5)) {
    left = *image.ghost;
  }
  image = {.platter = left.value_or(""),
           .pending = {},
           .entered = left.has_value(),
           .log = image.log,
           .there = left.has_value(),
           .ghost = {}};
  if (left) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << *left;
  } else {
    std::filesystem::remove(path);
  }
}

void TestDisk::restore_power() {
  const std::lock_guard lock(mutex_);
  constexpr double kKept[] = {0, 0.5, 0.9, 1};
  const double kept = kKept[random_() % std::size(kKept)];
  for (auto& [path, image] : images_) {
    restore(path, image, kept);
    std::filesystem::remove(path + "-shm");  // memory
  }
  power_ = true;
  cut_at_.reset();
  fail_from_ = fail_until_ = 0;
  room_.reset();
}

}  // namespace jitney::local
