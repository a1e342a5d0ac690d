// SPDX-License-Identifier: Apache-2.0
// SqliteLedger and SqliteQueue keep the contracts of the ports.
#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "tests/contract/ledger_contract.hpp"
#include "tests/contract/queue_contract.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::contract {

namespace {

std::unique_ptr<local::Database> open(const fakes::TemporaryDirectory& directory) {
  auto database = local::Database::open({.path = directory.path() + "/jitney.db"});
  if (!database) throw std::runtime_error(database.error().what);
  return std::move(*database);
}

class SqliteLedgerHome final : public LedgerHome {
 public:
  core::Ledger& ledger() override { return ledger_; }

 private:
  fakes::TemporaryDirectory directory_;
  std::unique_ptr<local::Database> database_ = open(directory_);
  local::SqliteLedger ledger_{*database_};
};

class SqliteQueueHome final : public QueueHome {
 public:
  core::Queue& queue() override { return queue_; }

 private:
  fakes::TemporaryDirectory directory_;
  std::unique_ptr<local::Database> database_ = open(directory_);
  local::SqliteQueue queue_{*database_};
};

std::unique_ptr<LedgerHome> make_ledger() { return std::make_unique<SqliteLedgerHome>(); }
std::unique_ptr<QueueHome> make_queue() { return std::make_unique<SqliteQueueHome>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, LedgerContract,
                         ::testing::Values(LedgerMaker{"sqlite", make_ledger}));
INSTANTIATE_TEST_SUITE_P(Sqlite, QueueContract,
                         ::testing::Values(QueueMaker{"sqlite", make_queue}));

}  // namespace jitney::contract
