// SPDX-License-Identifier: Apache-2.0
#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"

#include "tests/contract/ledger_contract.hpp"
#include "tests/contract/queue_contract.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::contract {
namespace {

struct SqliteWorld final : LedgerWorld, QueueWorld {
  core::Ledger& ledger() override { return sqlite_ledger; }
  core::Queue& queue() override { return sqlite_queue; }

  fakes::TemporaryDirectory directory;
  std::unique_ptr<local::Database> database = std::move(
      local::Database::open({.path = directory.path() + "/jitney.db", .vfs = {}}).value());
  local::SqliteLedger sqlite_ledger{*database};
  local::SqliteQueue sqlite_queue{*database};
};

INSTANTIATE_TEST_SUITE_P(Sqlite, LedgerContract,
                         testing::Values([] { return std::make_unique<SqliteWorld>(); }));
INSTANTIATE_TEST_SUITE_P(Sqlite, QueueContract,
                         testing::Values([] { return std::make_unique<SqliteWorld>(); }));

}  // namespace
}  // namespace jitney::contract
