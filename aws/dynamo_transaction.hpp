// SPDX-License-Identifier: Apache-2.0
// One compare-and-set over rows of the ledger's table: rows are read once, changed in memory, and
// written in one TransactWriteItems on condition that nobody else changed them. One thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/dynamo_rows.hpp"
#include "aws/dynamo_table.hpp"
#include "core/ledger.hpp"

namespace jitney::aws {

class Transaction {
 public:
  // `table` outlives this. Lines of timelines expire so long after they are written.
  Transaction(Table& table, core::Duration keep_lines) : table_(table), keep_lines_(keep_lines) {}

  // Reads what it has not read yet, in as few calls as there can be.
  core::Status load(std::span<const Key> keys);
  // Instead of a read: the row as it was seen before, nullopt for one that was not there. A commit
  // finds out.
  void assume(const Key& key, std::optional<Item> row) { read_[key] = std::move(row); }
  // The row as it was read or put since; nullptr: there is none. It must have been loaded.
  [[nodiscard]] const Item* find(const Key& key) const;

  // A row that others write too: only if its `v` is still what was read, which then rises by one.
  void put(Item item);
  void erase(const Key& key);
  // Instead of a read: what `v` must be. 0: the row must not be there.
  void expect(const Key& key, std::int64_t v);
  // A row that is only ever written along with one of those.
  void put_copy(Item item);
  void erase_copy(const Key& key);
  // The pool's version rises by one, because of the row that was staged under `row`, or its copy
  // under `seen_as` where snapshots read it; `released` is taken off its `live`. It needs no read.
  void raise_pool(std::string_view pool, const Key& row, const Key& seen_as, int released);
  // The `v` that a staged row will have.
  [[nodiscard]] std::int64_t next_version(const Key& key) const;
  void append(std::string_view subject, core::Time at, std::string_view text);

  [[nodiscard]] std::size_t actions() const {
    return rows_.size() + raised_.size() + lines_.size();
  }

  // Faults as Table::transact. Nothing staged: nothing sent. Lines for which the transaction has no
  // room follow right after it: a death in between costs them, and nothing else.
  core::Status commit();
  // The rows that were loaded and exist; those that a commit leaves, as others will read them.
  [[nodiscard]] std::vector<Item> loaded() const;
  [[nodiscard]] std::vector<Item> written() const;

 private:
  struct Row {
    std::optional<Item> item;  // nullopt: to be erased
    std::optional<std::int64_t> expected;
  };
  struct Raise {
    std::int64_t versions = 0;
    std::int64_t released = 0;
    Touched touched;
  };
  [[nodiscard]] std::int64_t seen(const Key& key) const;

  Table& table_;
  core::Duration keep_lines_;
  std::map<Key, std::optional<Item>> read_;
  std::map<Key, std::int64_t> expected_;
  std::map<Key, Row> rows_;
  std::map<std::string, Raise, std::less<>> raised_;
  std::vector<Item> lines_;
};

}  // namespace jitney::aws
