// SPDX-License-Identifier: Apache-2.0
// DynamoLedger keeps the contract of the port, on moto; tests/aws/moto.hpp says what moto cannot
// show, and aws/dynamo_*_test.cpp shows that on scripted answers.
#include <boost/json/object.hpp>
#include <stdexcept>

#include "aws/dynamo_ledger.hpp"
#include "tests/aws/moto.hpp"
#include "tests/contract/ledger_contract.hpp"

namespace jitney::contract {

namespace {

using aws::Service;

class DynamoLedgerHome final : public LedgerHome {
 public:
  DynamoLedgerHome() {
    const auto made =
        client_->json(Service::dynamodb, "CreateTable", aws::table_definition(table_));
    if (!made) throw std::runtime_error(made.error().what);
  }
  ~DynamoLedgerHome() override {
    static_cast<void>(client_->json(Service::dynamodb, "DeleteTable",
                                    boost::json::object{{"TableName", table_}}));
  }
  core::Ledger& ledger() override { return ledger_; }
  // moto copies the table with each transaction.
  [[nodiscard]] int many() const override { return 60; }

 private:
  std::unique_ptr<aws::Client> client_ = tests::Moto::shared().client();
  std::string table_ = tests::Moto::fresh_name("ledger");
  // Nothing waits for DynamoDB's own expiry here, which moto does not have.
  aws::DynamoLedger ledger_{
      *client_, table_, {.deployment = "ci", .expiry_lag = core::Duration{}, .prune_limit = 25}};
};

std::unique_ptr<LedgerHome> make_ledger() { return std::make_unique<DynamoLedgerHome>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Dynamo, LedgerContract,
                         ::testing::Values(LedgerMaker{"dynamo", make_ledger}));

}  // namespace jitney::contract
