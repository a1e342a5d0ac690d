// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_queue.hpp"

#include <charconv>

namespace jitney::fakes {

using core::Fault;
using Lock = std::lock_guard<std::mutex>;

void FakeQueue::fail_next(Fault fault, int times) {
  const Lock lock(mutex_);
  fault_ = fault;
  faults_left_ = times;
}

core::Status FakeQueue::refuse() {
  if (faults_left_ == 0) return {};
  --faults_left_;
  return core::fail(fault_, "the fake queue was told to fail");
}

core::Status FakeQueue::push(const core::Message& message, core::Duration delay, core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  for (const auto& [id, row] : rows_) {
    const bool same = row.message.kind == message.kind && row.message.key == message.key;
    if (same && !row.leased && row.due <= now + delay) return {};
  }
  rows_[next_++] = {.message = message, .due = now + delay};
  return {};
}

core::Result<std::vector<core::Delivery>> FakeQueue::take(int max, core::Duration lease,
                                                          core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::vector<core::Delivery> taken;
  for (auto& [id, row] : rows_) {
    if (taken.size() >= static_cast<std::size_t>(max)) break;
    if (row.due > now) continue;
    row.due = now + lease;
    row.leased = true;
    ++row.receives;
    taken.push_back({.message = row.message,
                     .handle = std::to_string(id) + "/" + std::to_string(row.receives),
                     .receives = row.receives});
  }
  return taken;
}

// Null when the lease ended and another took it, or it is gone.
FakeQueue::Row* FakeQueue::find(const core::Delivery& delivery) {
  std::int64_t id = 0;
  std::from_chars(delivery.handle.data(), delivery.handle.data() + delivery.handle.size(), id);
  const auto at = rows_.find(id);
  if (at == rows_.end()) return nullptr;
  const std::string now = std::to_string(id) + "/" + std::to_string(at->second.receives);
  return now == delivery.handle && at->second.leased ? &at->second : nullptr;
}

core::Status FakeQueue::done(const core::Delivery& delivery) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  std::int64_t id = 0;
  std::from_chars(delivery.handle.data(), delivery.handle.data() + delivery.handle.size(), id);
  if (!rows_.contains(id)) return {};
  if (find(delivery) == nullptr) return core::fail(Fault::not_found, "another took the message");
  rows_.erase(id);
  return {};
}

core::Status FakeQueue::retry(const core::Delivery& delivery, core::Duration after,
                              core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  Row* row = find(delivery);
  if (row == nullptr) return core::fail(Fault::not_found, "another took the message");
  row->due = now + after;
  row->leased = false;
  return {};
}

core::Status FakeQueue::bury(const core::Message& message, const std::string& cause,
                             core::Time now) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  const DeadKey key{message.kind, message.key};
  dead_[key] = {.id = std::string(core::to_string(message.kind)) + "/" + message.key,
                .message = message,
                .cause = cause,
                .at = now};
  return {};
}

core::Result<std::vector<core::DeadLetter>> FakeQueue::dead_letters(std::size_t limit) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::vector<core::DeadLetter> letters;
  for (const auto& [key, letter] : dead_) {
    if (letters.size() < limit) letters.push_back(letter);
  }
  return letters;
}

core::Status FakeQueue::forget(core::MessageKind kind, const std::string& key) {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return ok;
  dead_.erase({kind, key});
  return {};
}

core::Result<std::size_t> FakeQueue::depth() {
  const Lock lock(mutex_);
  if (auto ok = refuse(); !ok) return std::unexpected(ok.error());
  std::size_t waiting = 0;
  for (const auto& [id, row] : rows_) waiting += row.leased ? 0 : 1;
  return waiting;
}

}  // namespace jitney::fakes
