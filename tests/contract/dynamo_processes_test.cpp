// SPDX-License-Identifier: Apache-2.0
// Several processes at one table: each remembers rows that the others have changed meanwhile, and
// still every change must end as it would in one place. moto stands for DynamoDB; one FakeLedger
// says what is right.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <stdexcept>

#include "aws/dynamo_ledger.hpp"
#include "tests/aws/moto.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_ledger.hpp"

namespace jitney::contract {

namespace {

using namespace std::chrono_literals;
using core::Event;

constexpr core::Time kNow = fakes::FakeClock::kStart;
constexpr std::int64_t kRunners = 3;

std::string name_of(std::int64_t number) { return "ci-linux-" + std::to_string(number); }

class DynamoProcesses : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  DynamoProcesses() {
    if (!client_->json(aws::Service::dynamodb, "CreateTable", aws::table_definition(table_))) {
      throw std::runtime_error("moto makes no table");
    }
  }
  ~DynamoProcesses() override {
    static_cast<void>(client_->json(aws::Service::dynamodb, "DeleteTable",
                                    boost::json::object{{"TableName", table_}}));
  }

  int random(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  core::Ledger& some_process() { return *processes_.at(static_cast<std::size_t>(random(3))); }

  void claim() {
    core::Batch batch;
    batch.id = name_of(1);
    batch.pool = "linux";
    for (std::int64_t number = 1; number <= kRunners; ++number) {
      batch.numbers.push_back(number);
      batch.runners.push_back(name_of(number));
    }
    batch.created_at = kNow;
    ASSERT_EQ(right_.claim(batch, 0, 10), core::Claimed::ok);
    ASSERT_EQ(some_process().claim(batch, 0, 10), core::Claimed::ok);
  }

  // One fact of one runner, told to one process, which may have looked at the pool before.
  void tell(int step) {
    const core::RunnerName name = name_of(1 + random(kRunners));
    const auto event = static_cast<Event>(random(core::kEvents));
    core::Facts facts;
    facts.machine = event == Event::machine_bound ? "i-" + std::to_string(random(kRunners)) : "";
    facts.forge_id = 4711;
    facts.lease_until = kNow + 2min;
    facts.reason = "told to";
    core::Ledger& process = some_process();
    if (random(3) == 0) {
      ASSERT_TRUE(process.snapshot("linux"));
    }
    const core::Time now = kNow + step * 1min;
    const auto seen = process.advance(name, event, facts, now);
    const auto right = right_.advance(name, event, facts, now);
    ASSERT_EQ(seen.has_value(), right.has_value()) << step << ": " << core::to_string(event);
    if (right) {
      EXPECT_EQ(*seen, *right) << step << ": " << core::to_string(event);
    } else {
      EXPECT_EQ(seen.error().fault, right.error().fault) << step << ": " << core::to_string(event);
    }
  }

  // Without what was refused, which each ledger says in its own words.
  static std::vector<std::string> changes(core::Ledger& ledger, const std::string& subject) {
    const auto lines = ledger.timeline(subject);
    EXPECT_TRUE(lines);
    std::vector<std::string> texts;
    for (const core::TimelineEntry& line : *lines) {
      if (line.text.find("refused") == std::string::npos) texts.push_back(line.text);
    }
    return texts;
  }

  void expect_same() {
    const auto seen = some_process().snapshot("linux");
    const auto right = right_.snapshot("linux");
    ASSERT_TRUE(seen && right);
    EXPECT_EQ(seen->state, right->state);
    EXPECT_EQ(seen->runners, right->runners);
    for (std::int64_t number = 1; number <= kRunners; ++number) {
      EXPECT_EQ(some_process().runner(name_of(number)), right_.runner(name_of(number)));
      const std::string subject = core::runner_subject(name_of(number));
      EXPECT_EQ(changes(some_process(), subject), changes(right_, subject));
    }
  }

  std::mt19937 random_{GetParam()};
  std::unique_ptr<aws::Client> client_ = tests::Moto::shared().client();
  std::string table_ = tests::Moto::fresh_name("ledger");
  aws::DynamoLedgerOptions options_{.deployment = "ci", .longest_pause = 2ms};
  aws::DynamoLedger first_{*client_, table_, options_};
  aws::DynamoLedger second_{*client_, table_, options_};
  aws::DynamoLedger third_{*client_, table_, options_};
  std::array<core::Ledger*, 3> processes_{&first_, &second_, &third_};
  fakes::FakeLedger right_;
};

TEST_P(DynamoProcesses, MoveRunnersAsOneWouldWhateverTheyRemember) {
  ASSERT_NO_FATAL_FAILURE(claim());
  for (int step = 1; step <= 60; ++step) ASSERT_NO_FATAL_FAILURE(tell(step));
  expect_same();
}

INSTANTIATE_TEST_SUITE_P(Seeds, DynamoProcesses, ::testing::Range(1U, 6U));

}  // namespace
}  // namespace jitney::contract
