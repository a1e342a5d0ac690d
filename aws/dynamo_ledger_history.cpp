// SPDX-License-Identifier: Apache-2.0
// What is not a row of a job, runner or batch: timelines, notes, and the end of old rows.
#include <algorithm>
#include <array>

#include "aws/dynamo_ledger.hpp"

namespace jitney::aws {

namespace {

constexpr std::size_t kPrunedTogether = 50;  // rows of one transaction

// Whose lines go with a row of a list: the subject, or nothing for a row that is a line itself.
std::optional<std::string> subject_of(std::string_view list, const Key& key,
                                      std::string_view deployment) {
  if (list == kPoolLines) return std::nullopt;
  if (list != kGoneRunners) return key.pk;
  return core::runner_subject(gone_runner_name(key, deployment));
}

}  // namespace

core::Status DynamoLedger::append(std::span<const core::TimelineEntry> entries) {
  if (entries.empty()) return {};
  std::vector<Item> lines;
  for (const core::TimelineEntry& entry : entries) {
    lines.push_back(line_item(entry, new_line_place(), entry.at + 2 * options_.retention));
  }
  return table_.put_all(lines);
}

core::Status DynamoLedger::put(const core::Note& note) {
  return table_.put(note_item(note, options_.retention));
}

core::Status DynamoLedger::erase_note(std::string_view key) { return table_.erase(note_key(key)); }

// Lines before the rows that name them. A row that left the list since the index was read stays;
// the next sweep comes soon.
core::Result<std::size_t> DynamoLedger::prune_list(std::string_view list, core::Time before) {
  const std::string limit = list_time(before);
  const auto rows = table_.list(list, limit, false, options_.prune_limit);
  if (!rows) return std::unexpected(rows.error());
  std::vector<Key> lines;
  for (const Key& row : *rows) {
    const auto subject = subject_of(list, row, options_.deployment);
    if (!subject) continue;
    const auto found = table_.query({.pk = *subject, .prefix = std::string(kLine)});
    if (!found) return std::unexpected(found.error());
    for (const Item& line : *found) lines.push_back(key_of(line));
  }
  if (auto gone = table_.erase_all(lines); !gone) return std::unexpected(gone.error());
  std::size_t count = lines.size();
  for (std::size_t at = 0; at < rows->size(); at += kPrunedTogether) {
    boost::json::array actions;
    const std::size_t end = std::min(rows->size(), at + kPrunedTogether);
    for (std::size_t i = at; i < end; ++i) {
      actions.push_back(table_.erase_listed_action((*rows)[i], list, limit));
    }
    const auto gone = table_.transact(actions);
    if (gone) count += end - at;
    if (!gone && gone.error().fault != core::Fault::conflict) return std::unexpected(gone.error());
  }
  return count;
}

core::Result<std::size_t> DynamoLedger::prune_notes(core::Time before, core::Time now) {
  const auto all = notes("");
  if (!all) return std::unexpected(all.error());
  std::vector<Key> expired;
  for (const core::Note& note : *all) {
    const bool over = note.expires != core::Time{} && note.expires <= now && note.at < before;
    if (over && expired.size() < options_.prune_limit) expired.push_back(note_key(note.key));
  }
  if (auto gone = table_.erase_all(expired); !gone) return std::unexpected(gone.error());
  return expired.size();
}

core::Result<std::size_t> DynamoLedger::prune(core::Time before, core::Time now) {
  std::size_t count = 0;
  for (const std::string_view list :
       {kIgnoredJobs, kOverJobs, kGoneRunners, kClosedBatches, kPoolLines}) {
    const auto gone = prune_list(list, before - options_.expiry_lag);
    if (!gone) return gone;
    count += *gone;
  }
  const auto gone = prune_notes(before, now);
  if (!gone) return gone;
  return count + *gone;
}

}  // namespace jitney::aws
