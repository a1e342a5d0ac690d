// SPDX-License-Identifier: Apache-2.0
#include "sim/world/sqs.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace jitney::sim {

using core::Duration;
using core::Fault;
using namespace std::chrono_literals;

namespace {

constexpr int kMaxReceives =
    100;  // of the redrive policy: high, because the ledger counts failures
constexpr Duration kLatest = 5min;

// "<message> <receive>"
std::pair<std::int64_t, int> parse(const std::string& handle) {
  std::pair<std::int64_t, int> parsed{0, -1};
  const char* const end = handle.data() + handle.size();
  const auto id = std::from_chars(handle.data(), end, parsed.first);
  if (id.ptr != end) std::from_chars(id.ptr + 1, end, parsed.second);
  return parsed;
}

}  // namespace

core::Status Sqs::push(const core::Message& message, Duration delay, core::Time now) {
  if (random_.chance(mix_.late)) delay += random_.between(Duration(0), kLatest);
  const int copies = random_.chance(mix_.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) rows_[next_++] = {.message = message, .visible = now + delay};
  return {};
}

core::Delivery Sqs::receive(std::int64_t id, Row& row, Duration lease, core::Time now) {
  ++row.receives;
  row.handle = next_handle_++;
  // Now and then another poller sees it too.
  row.visible = random_.chance(mix_.duplicate) ? now : now + lease;
  return {.message = row.message,
          .handle = std::to_string(id) + " " + std::to_string(row.handle),
          .receives = row.receives};
}

core::Result<std::vector<core::Delivery>> Sqs::take(int max, Duration lease, core::Time now) {
  std::vector<std::int64_t> due;
  std::vector<std::int64_t> worn;
  for (const auto& [id, row] : rows_) {
    if (row.visible <= now) (row.receives >= kMaxReceives ? worn : due).push_back(id);
  }
  for (const std::int64_t id : worn) {
    static_cast<void>(bury(rows_.at(id).message, "the worker died", now));
    rows_.erase(id);
  }
  std::vector<core::Delivery> taken;
  while (!due.empty() && taken.size() < static_cast<std::size_t>(max)) {
    // A server of SQS's that was not asked this time hides what it has.
    if (!taken.empty() && random_.chance(mix_.duplicate)) break;
    const auto pick = static_cast<std::ptrdiff_t>(random_.below(due.size()));
    const std::int64_t id = due[static_cast<std::size_t>(pick)];
    due.erase(due.begin() + pick);
    taken.push_back(receive(id, rows_.at(id), lease, now));
  }
  return taken;
}

Sqs::Row* Sqs::held(const core::Delivery& delivery) {
  const auto [id, handle] = parse(delivery.handle);
  const auto at = rows_.find(id);
  return at == rows_.end() || at->second.handle != handle ? nullptr : &at->second;
}

core::Status Sqs::done(const core::Delivery& delivery) {
  const std::int64_t id = parse(delivery.handle).first;
  if (!rows_.contains(id)) return {};
  if (held(delivery) == nullptr) return core::fail(Fault::not_found, "ReceiptHandleIsInvalid");
  rows_.erase(id);
  return {};
}

core::Status Sqs::retry(const core::Delivery& delivery, Duration after, core::Time now) {
  Row* const row = held(delivery);
  if (row == nullptr) return core::fail(Fault::not_found, "ReceiptHandleIsInvalid");
  row->visible = now + after;
  row->handle = 0;
  return {};
}

core::Status Sqs::bury(const core::Message& message, const std::string& cause, core::Time now) {
  dead_[{message.kind, message.key}] = {
      .id = std::string(core::to_string(message.kind)) + "/" + message.key,
      .message = message,
      .cause = cause,
      .at = now};
  return {};
}

core::Result<std::vector<core::DeadLetter>> Sqs::dead_letters(std::size_t limit) {
  std::vector<core::DeadLetter> letters;
  for (const auto& [key, letter] : dead_) {
    if (letters.size() < limit) letters.push_back(letter);
  }
  return letters;
}

core::Status Sqs::forget(core::MessageKind kind, const std::string& key) {
  dead_.erase({kind, key});
  return {};
}

// ApproximateNumberOfMessages and ...Delayed: what is in flight is neither.
core::Result<std::size_t> Sqs::depth() {
  return static_cast<std::size_t>(std::ranges::count_if(rows_, [](const auto& entry) {
    return entry.second.receives == 0 || entry.second.handle == 0;
  }));
}

}  // namespace jitney::sim
