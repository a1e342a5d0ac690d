// SPDX-License-Identifier: Apache-2.0
#include "aws/dynamo_transaction.hpp"

#include <algorithm>

namespace jitney::aws {

namespace json = boost::json;

core::Status Transaction::load(std::span<const Key> keys) {
  std::vector<Key> unread;
  for (const Key& key : keys) {
    if (!read_.contains(key)) unread.push_back(key);
  }
  if (unread.empty()) return {};
  auto found = table_.get(unread);
  if (!found) return std::unexpected(found.error());
  for (const Key& key : unread) {
    const auto row = found->find(key);
    read_[key] = row == found->end() ? std::nullopt : std::optional(row->second);
  }
  return {};
}

const Item* Transaction::find(const Key& key) const {
  if (const auto row = rows_.find(key); row != rows_.end()) {
    return row->second.item ? &*row->second.item : nullptr;
  }
  const auto row = read_.find(key);
  return row != read_.end() && row->second ? &*row->second : nullptr;
}

std::int64_t Transaction::seen(const Key& key) const {
  if (const auto expected = expected_.find(key); expected != expected_.end()) {
    return expected->second;
  }
  const auto row = read_.find(key);
  return row != read_.end() && row->second ? row_version(*row->second) : 0;
}

void Transaction::put(Item item) {
  const Key key = key_of(item);
  const std::int64_t v = seen(key);
  item["v"] = number_value(v + 1);
  rows_[key] = {.item = std::move(item), .expected = v};
}

void Transaction::erase(const Key& key) {
  rows_[key] = {.item = std::nullopt, .expected = seen(key)};
}

void Transaction::expect(const Key& key, std::int64_t v) { expected_[key] = v; }

void Transaction::put_copy(Item item) {
  const Key key = key_of(item);
  rows_[key] = {.item = std::move(item), .expected = std::nullopt};
}

void Transaction::erase_copy(const Key& key) { rows_[key] = {}; }

std::int64_t Transaction::next_version(const Key& key) const {
  const auto row = rows_.find(key);
  const bool put = row != rows_.end() && row->second.item;
  return put ? row_version(*row->second.item) : seen(key) + 1;
}

void Transaction::raise_pool(std::string_view pool, const Key& row, const Key& seen_as,
                             int released) {
  Raise& raise = raised_[std::string(pool)];
  raise.versions += 1;
  raise.released += released;
  raise.touched[seen_as.sk] = next_version(row);
}

void Transaction::append(std::string_view subject, core::Time at, std::string_view text) {
  const core::TimelineEntry entry{
      .at = at, .subject = std::string(subject), .text = std::string(text)};
  lines_.push_back(line_item(entry, new_line_place(), at + keep_lines_));
}

std::vector<Item> Transaction::loaded() const {
  std::vector<Item> items;
  for (const auto& [key, row] : read_) {
    if (row) items.push_back(*row);
  }
  return items;
}

std::vector<Item> Transaction::written() const {
  std::vector<Item> items;
  for (const auto& [key, row] : rows_) {
    if (row.item) items.push_back(*row.item);
  }
  return items;
}

core::Status Transaction::commit() {
  json::array all;
  for (const auto& [key, row] : rows_) {
    all.push_back(row.item ? table_.put_action(*row.item, row.expected)
                           : table_.erase_action(key, row.expected));
  }
  for (const auto& [pool, raise] : raised_) {
    std::map<std::string, std::int64_t> amounts{{"v", raise.versions}};
    if (raise.released != 0) amounts["live"] = -raise.released;
    all.push_back(
        table_.add_action(pool_key(pool), amounts, "touched", touched_value(raise.touched)));
  }
  constexpr std::size_t kMost = kActionsPerTransaction;
  const std::size_t room = kMost - std::min(all.size(), kMost);
  const std::size_t inside = std::min(room, lines_.size());
  for (std::size_t i = 0; i < inside; ++i) {
    all.push_back(table_.put_action(lines_[i], std::nullopt));
  }
  if (all.empty()) return {};
  if (auto done = table_.transact(all); !done) return done;
  if (inside < lines_.size()) {
    // What happened has happened: a caller must not hear that it did not.
    static_cast<void>(table_.put_all(std::span(lines_).subspan(inside)));
  }
  return {};
}

}  // namespace jitney::aws
