// SPDX-License-Identifier: Apache-2.0
// A fake that does not pass the suite may not be used.
#include "tests/contract/ledger_contract.hpp"
#include "tests/contract/queue_contract.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::contract {
namespace {

struct FakeLedgerWorld final : LedgerWorld {
  core::Ledger& ledger() override { return fake; }
  fakes::FakeLedger fake;
};
struct FakeQueueWorld final : QueueWorld {
  core::Queue& queue() override { return fake; }
  fakes::FakeQueue fake;
};

INSTANTIATE_TEST_SUITE_P(Fake, LedgerContract,
                         testing::Values([] { return std::make_unique<FakeLedgerWorld>(); }));
INSTANTIATE_TEST_SUITE_P(Fake, QueueContract,
                         testing::Values([] { return std::make_unique<FakeQueueWorld>(); }));

}  // namespace
}  // namespace jitney::contract
