// SPDX-License-Identifier: Apache-2.0
// Dead letters: those with a cause in the table, and what SQS gave up by itself. Sending that back:
// sqs_redrive.cpp.
#include <algorithm>
#include <map>

#include "aws/dynamo_rows.hpp"
#include "aws/message_text.hpp"
#include "aws/sqs_queue.hpp"

namespace jitney::aws {

namespace {

constexpr std::size_t kBatch = 10;
constexpr std::size_t kMostNoted = 200;
constexpr core::Duration kLook = std::chrono::seconds(30);  // so that each is seen once a look

std::string letter_id(const core::Message& message) {
  return std::string(core::to_string(message.kind)) + "/" + message.key;
}

}  // namespace

core::Status SqsQueue::bury(const core::Message& message, const std::string& cause,
                            core::Time now) {
  return table_.put(dead_letter_item(message, cause, now));
}

core::Result<std::vector<core::DeadLetter>> SqsQueue::dead_letters(std::size_t limit) {
  const auto rows = table_.query({.pk = std::string(kDeadPartition)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<core::DeadLetter> letters;
  for (const Item& row : *rows) {
    auto letter = read_dead_letter(row);
    if (!letter) continue;  // of a newer version
    letter->id = letter_id(letter->message);
    letters.push_back(std::move(*letter));
  }
  std::ranges::sort(letters, std::greater{}, &core::DeadLetter::at);
  if (letters.size() > limit) letters.resize(limit);
  return letters;
}

core::Status SqsQueue::forget(core::MessageKind kind, const std::string& key) {
  return table_.erase(dead_letter_key(core::to_string(kind), key));
}

// The first note of a death stands: a later look would only find it younger, and taken more often.
core::Result<std::size_t> SqsQueue::note_some(const std::vector<Received>& dead, core::Time now) {
  std::map<Key, Item> letters;
  for (const Received& one : dead) {
    const auto text = parse_message(one.body);
    if (!text) continue;
    // SQS goes on counting in the dead-letter queue; the look itself is no try.
    const std::string cause = "SQS gave it up after it was taken " +
                              std::to_string(std::max(one.receives - 1, 1)) +
                              " times: whoever took it died or ran out of time";
    Item letter = dead_letter_item(text->message, cause, now);
    letters.emplace(key_of(letter), std::move(letter));
  }
  std::vector<Key> keys;
  for (const auto& [key, letter] : letters) keys.push_back(key);
  const auto known = table_.get(keys);
  if (!known) return std::unexpected(known.error());
  for (const auto& [key, letter] : *known) letters.erase(key);
  for (const auto& [key, letter] : letters) {
    if (auto buried = table_.put(letter); !buried) return std::unexpected(buried.error());
  }
  return letters.size();
}

core::Result<std::size_t> SqsQueue::note_deaths(core::Time now) {
  std::size_t noted = 0;
  for (std::size_t seen = 0; seen < kMostNoted;) {
    const auto some = receive(options_.dead_letter_queue_url, kBatch, kLook);
    if (!some) return std::unexpected(some.error());
    if (some->empty()) break;
    seen += some->size();
    const auto buried = note_some(*some, now);
    if (!buried) return buried;
    noted += *buried;
  }
  return noted;
}

}  // namespace jitney::aws
