// SPDX-License-Identifier: Apache-2.0
// One DynamoDB table with keys `pk` and `sk`, its calls in full: every page, every unprocessed
// rest, bounded. Reads are strongly consistent but for `list`. Thread-safe.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <compare>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"
#include "aws/dynamo_item.hpp"
#include "core/result.hpp"

namespace jitney::aws {

struct Key {
  std::string pk;
  std::string sk;
  auto operator<=>(const Key&) const = default;
};
Key key_of(const Item& item);

// The parameters of CreateTable, for tests and emulators: on demand, key pk/sk, index `lists`. The
// Terraform module makes the same table; docs/formats.md "DynamoDB table" describes it.
boost::json::value table_definition(std::string_view name);

inline constexpr int kActionsPerTransaction = 100;  // DynamoDB's own limit

// A range of one partition, by sort key.
struct Range {
  std::string pk;
  std::string prefix;  // of the sort key; empty: all of the partition
  bool newest_first = false;
  std::size_t limit = 0;  // 0: all
};

class Table {
 public:
  // `client` outlives this.
  Table(Client& client, std::string name) : client_(client), name_(std::move(name)) {}

  core::Result<std::optional<Item>> get(const Key& key);
  // Those that exist; any number. Each is committed state, but they are no snapshot together.
  core::Result<std::map<Key, Item>> get(std::span<const Key> keys);
  core::Result<std::vector<Item>> query(const Range& range);

  // Keys from the index `lists`: entries of `list`, ordered by their `at`; those below `before`
  // when it is not empty. Lags behind writes by a moment.
  core::Result<std::vector<Key>> list(std::string_view list, std::string_view before,
                                      bool newest_first, std::size_t limit);

  // Unconditional and idempotent.
  core::Status put(const Item& item);
  core::Status erase(const Key& key);
  core::Status put_all(std::span<const Item> items);
  core::Status erase_all(std::span<const Key> keys);

  // One TransactWriteItems of at most kActionsPerTransaction. `conflict`: a condition did not hold
  // or another transaction was in the way, nothing was changed: read again. An answer that was lost
  // is asked for again under the same token. `transient` after all retries: may have happened.
  core::Status transact(const boost::json::array& actions);

  // The actions of a transaction. `version`: the row's `v` must still be this; 0: must not exist.
  [[nodiscard]] boost::json::value put_action(const Item& item,
                                              std::optional<std::int64_t> version) const;
  [[nodiscard]] boost::json::value erase_action(const Key& key,
                                                std::optional<std::int64_t> version) const;
  // As long as it stands in `list` below `before`.
  [[nodiscard]] boost::json::value erase_listed_action(const Key& key, std::string_view list,
                                                       std::string_view before) const;
  // Adds to numbers of a row, made if it is not there, and sets one other attribute.
  [[nodiscard]] boost::json::value add_action(const Key& key,
                                              const std::map<std::string, std::int64_t>& amounts,
                                              std::string_view name,
                                              boost::json::value value) const;

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  core::Status write_batches(const boost::json::array& requests);

  Client& client_;
  std::string name_;
};

}  // namespace jitney::aws
