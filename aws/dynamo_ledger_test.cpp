// SPDX-License-Identifier: Apache-2.0
// What an emulator cannot show of DynamoLedger: rows that become visible one by one, transactions
// that meet, how large they are, and how many calls each change costs.
#include "aws/dynamo_ledger.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "aws/scripted_test.hpp"

namespace jitney::aws {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using core::Fault;

constexpr core::Time kNow{core::Duration{1'800'000'000'000}};

net::Response conflict() {
  return answer(400,
                R"({"__type":"TransactionCanceledException","Message":"[TransactionConflict]",)"
                R"("CancellationReasons":[{"Code":"TransactionConflict"}]})");
}

// Answers of BatchGetItem.
net::Response found(const std::string& rows) {
  return answer(200, R"({"Responses":{"t":[)" + rows + "]}}");
}
net::Response nothing_found() { return found(""); }
// The pool's row, with these attributes.
net::Response pool_found(const std::string& attributes) {
  return found(R"({"pk":{"S":"pools"},"sk":{"S":"pool#linux"},)" + attributes + "}");
}

core::Runner launched_runner() {
  core::Runner runner;
  runner.name = "ci-linux-1";
  runner.pool = "linux";
  runner.number = 1;
  runner.machine = "i-1";
  runner.phase = core::Phase::launched;
  return runner;
}

std::string row_of(const core::Runner& runner, std::int64_t v) {
  Item item = runner_item(runner, kNow, {});
  item["v"] = number_value(v);
  return json::serialize(item);
}

core::Batch batch(int count, int jobs) {
  core::Batch batch;
  batch.id = "ci-linux-1";
  batch.pool = "linux";
  for (int i = 1; i <= count; ++i) {
    batch.numbers.push_back(i);
    batch.runners.push_back("ci-linux-" + std::to_string(i));
  }
  for (int i = 1; i <= jobs; ++i) batch.jobs.push_back(100 + i);
  batch.created_at = kNow;
  return batch;
}

core::JobEvent queued(core::JobId id) {
  core::JobEvent event;
  event.id = id;
  event.scope = "acme";
  event.repository = "acme/shop";
  event.pool = "linux";
  event.seen_at = kNow;
  return event;
}

class DynamoLedgerTest : public ::testing::Test {
 protected:
  json::value asked(std::size_t call) { return json::parse(aws_.asked().at(call).body); }
  std::string operation(std::size_t call) {
    const auto all = aws_.asked();
    const std::string target(all.at(call).headers.get("X-Amz-Target").value_or(""));
    return target.substr(target.find('.') + 1);
  }
  std::size_t actions(std::size_t call) {
    return asked(call).at("TransactItems").as_array().size();
  }

  ScriptedAws aws_;
  Client client_{aws_.options(), fixed_credentials(test_keys())};
  DynamoLedger ledger_{client_, "t", {.deployment = "ci", .longest_pause = 2ms}};
};

// The pool's row counts a runner that the Query does not show yet: planning on that would launch
// one too many.
TEST_F(DynamoLedgerTest, ASnapshotThatLacksARunnerIsReadAgain) {
  const net::Response pool =
      pool_found(R"("v":{"N":"4"},"live":{"N":"1"},"next_number":{"N":"2"})");
  aws_.then(pool);
  aws_.then(answer(200, R"({"Items":[]})"));
  aws_.then(pool);
  aws_.then(answer(200, R"({"Items":[)" + row_of(launched_runner(), 3) + "]}"));
  const auto snapshot = ledger_.snapshot("linux");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  EXPECT_EQ(snapshot->runners.size(), 1U);
  EXPECT_EQ(snapshot->state.version, 4);
  EXPECT_EQ(operation(0), "BatchGetItem") << "the version first";
  EXPECT_EQ(operation(1), "Query");
  EXPECT_EQ(aws_.calls(), 4U);
}

// The version of the transaction that took job 7 is there, its copy among the open ones is not yet:
// planning on that would launch for a job that runs.
TEST_F(DynamoLedgerTest, ASnapshotWithARowFromBeforeTheVersionIsReadAgain) {
  const core::JobEvent event = queued(7);
  core::Job job = *core::apply(nullptr, event);
  const std::string before = json::serialize(open_job_item(job, 1));
  Item row = job_item(job, kNow, {});
  row["v"] = number_value(1);
  aws_.then(found(json::serialize(row)));
  aws_.then(answer(200));
  core::JobEvent taken = event;
  taken.status = core::JobStatus::in_progress;
  ASSERT_TRUE(ledger_.record({&taken, 1}));

  // What that transaction wrote, as the table would show it.
  std::string pool;
  std::string after;
  const json::value written = asked(1);
  for (const json::value& action : written.at("TransactItems").as_array()) {
    if (const auto* update = action.as_object().if_contains("Update")) {
      const json::value& touched = update->at("ExpressionAttributeValues").at(":set");
      pool = R"("v":{"N":"1"},"touched":)" + json::serialize(touched);
    } else if (const auto* put = action.as_object().if_contains("Put")) {
      const Item& item = put->at("Item").as_object();
      if (key_of(item).sk.starts_with(kOpen)) after = json::serialize(item);
    }
  }
  ASSERT_FALSE(pool.empty() || after.empty());
  aws_.then(pool_found(pool));
  aws_.then(answer(200, R"({"Items":[)" + before + "]}"));
  aws_.then(pool_found(pool));
  aws_.then(answer(200, R"({"Items":[)" + after + "]}"));
  const auto snapshot = ledger_.snapshot("linux");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  ASSERT_EQ(snapshot->jobs.size(), 1U);
  EXPECT_EQ(snapshot->jobs[0].status, core::JobStatus::in_progress);
  EXPECT_EQ(aws_.calls(), 6U);
}

TEST_F(DynamoLedgerTest, ARowChangedByHandDoesNotStopPlanning) {
  for (int i = 0; i < 10; ++i) {
    aws_.then(pool_found(R"("v":{"N":"4"},"live":{"N":"7"})"));
    aws_.then(answer(200, R"({"Items":[]})"));
  }
  EXPECT_TRUE(ledger_.snapshot("linux"));
  EXPECT_LE(aws_.calls(), 8U);
}

TEST_F(DynamoLedgerTest, ASnapshotReadsItsNotesWithThePoolsRow) {
  const core::Note note{.key = "hold/linux", .value = "full", .at = kNow, .expires = kNow + 1min};
  aws_.then(found(json::serialize(note_item(note, 1h))));
  aws_.then(answer(200, R"({"Items":[]})"));
  const std::vector<std::string> keys{"breaker/acme", "hold/linux"};
  const auto snapshot = ledger_.snapshot_with("linux", keys);
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  EXPECT_EQ(snapshot->notes, std::vector{note});
  EXPECT_EQ(asked(0).at("RequestItems").at("t").at("Keys").as_array().size(), 3U);
  EXPECT_EQ(aws_.calls(), 2U);
}

TEST_F(DynamoLedgerTest, ARunnerThatWasReadIsMovedWithoutAReadAndAgainAfterThat) {
  aws_.then(found(row_of(launched_runner(), 3)));
  ASSERT_TRUE(ledger_.runner("ci-linux-1"));
  aws_.then(answer(200));
  const auto ready = ledger_.advance("ci-linux-1", core::Event::machine_answered, {}, kNow);
  ASSERT_TRUE(ready) << ready.error().what;
  EXPECT_EQ(ready->phase, core::Phase::ready);
  aws_.then(answer(200));
  core::Facts lease;
  lease.lease_until = kNow + 1min;
  const auto starting = ledger_.advance("ci-linux-1", core::Event::start_claimed, lease, kNow);
  ASSERT_TRUE(starting) << starting.error().what;
  EXPECT_EQ(starting->phase, core::Phase::starting);
  ASSERT_EQ(aws_.calls(), 3U);
  EXPECT_EQ(operation(1), "TransactWriteItems");
  const auto put = asked(2).at("TransactItems").at(0).at("Put");
  EXPECT_EQ(put.at("Item").at("v").at("N"), "5");
  EXPECT_EQ(put.at("ExpressionAttributeValues").at(":seen").at("N"), "4") << "if nobody was faster";
}

TEST_F(DynamoLedgerTest, ARunnerThatAnotherHasMovedSinceIsReadAndMovedFromWhereItIs) {
  core::Runner runner = launched_runner();
  aws_.then(found(row_of(runner, 3)));
  ASSERT_TRUE(ledger_.runner("ci-linux-1"));
  aws_.then(conflict());
  runner.phase = core::Phase::stopping;
  aws_.then(found(row_of(runner, 4)));
  const auto moved = ledger_.advance("ci-linux-1", core::Event::machine_answered, {}, kNow);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(moved->phase, core::Phase::stopping);
  EXPECT_EQ(operation(1), "TransactWriteItems");
  EXPECT_EQ(operation(2), "BatchGetItem");
  EXPECT_EQ(aws_.calls(), 3U) << "nothing to change any more";
}

// The other process has moved it on, and what was refused a moment ago is right now.
TEST_F(DynamoLedgerTest, ARowFromBeforeRefusesNothing) {
  core::Runner runner = launched_runner();
  aws_.then(found(row_of(runner, 3)));
  ASSERT_TRUE(ledger_.runner("ci-linux-1"));
  runner.phase = core::Phase::starting;
  aws_.then(found(row_of(runner, 5)));
  aws_.then(answer(200));
  core::Facts facts;
  facts.forge_id = 17;
  const auto moved = ledger_.advance("ci-linux-1", core::Event::start_done, facts, kNow);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(moved->phase, core::Phase::registered);
  EXPECT_EQ(operation(1), "BatchGetItem");
  EXPECT_EQ(aws_.calls(), 3U);
}

TEST_F(DynamoLedgerTest, AClaimOfABatchIsOneTransactionAndItsLinesFollow) {
  aws_.then(nothing_found());
  aws_.otherwise(answer(200));
  EXPECT_EQ(ledger_.claim(batch(50, 50), 0, 100), core::Claimed::ok);
  EXPECT_EQ(operation(1), "TransactWriteItems");
  EXPECT_EQ(actions(1), 100U);
  std::size_t written = actions(1);
  for (std::size_t call = 2; call < aws_.calls(); ++call) {
    EXPECT_EQ(operation(call), "BatchWriteItem");
    written += asked(call).at("RequestItems").at("t").as_array().size();
  }
  EXPECT_EQ(written, 50U + 3U + 50U + 50U + 1U) << "runners, pool and batch, and a line for each";
}

TEST_F(DynamoLedgerTest, AClaimOfOneRunnerIsTwoCalls) {
  aws_.then(nothing_found());
  aws_.then(answer(200));
  EXPECT_EQ(ledger_.claim(batch(1, 1), 0, 100), core::Claimed::ok);
  EXPECT_EQ(aws_.calls(), 2U);
}

TEST_F(DynamoLedgerTest, TheLargestClaimFitsAndALargerOneIsRefusedInWords) {
  aws_.then(nothing_found());
  aws_.otherwise(answer(200));
  EXPECT_EQ(ledger_.claim(batch(kLargestClaim, 0), 0, 1000), core::Claimed::ok);
  EXPECT_LE(actions(1), 100U);
  const std::size_t calls = aws_.calls();
  const auto refused = ledger_.claim(batch(kLargestClaim + 1, 0), 0, 1000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::invalid);
  EXPECT_NE(refused.error().what.find("batch_size"), std::string::npos);
  EXPECT_EQ(aws_.calls(), calls);
}

TEST_F(DynamoLedgerTest, AWebhookIsOneReadAndOneWrite) {
  aws_.then(nothing_found());
  aws_.then(answer(200));
  const core::JobEvent event = queued(1);
  EXPECT_TRUE(ledger_.record({&event, 1}));
  EXPECT_EQ(aws_.calls(), 2U);
  EXPECT_EQ(actions(1), 3U) << "the job, its copy among the open ones, its line";
}

TEST_F(DynamoLedgerTest, ManyEventsAreTransactionsOfBoundedSize) {
  std::vector<core::JobEvent> events;
  for (core::JobId id = 1; id <= 100; ++id) events.push_back(queued(id));
  for (int i = 0; i < 20; ++i) {
    aws_.then(nothing_found());
    aws_.then(answer(200));
  }
  const auto recorded = ledger_.record(events);
  ASSERT_TRUE(recorded) << recorded.error().what;
  EXPECT_EQ(recorded->size(), 100U);
  for (std::size_t call = 1; call < aws_.calls(); call += 2) EXPECT_LE(actions(call), 100U);
}

TEST_F(DynamoLedgerTest, AWriterInTheWayIsWaitedForAndTheRowsAreReadAgain) {
  aws_.then(nothing_found());
  aws_.then(conflict());
  aws_.then(nothing_found());
  aws_.then(answer(200));
  const core::JobEvent event = queued(1);
  const auto recorded = ledger_.record({&event, 1});
  ASSERT_TRUE(recorded) << recorded.error().what;
  EXPECT_TRUE(recorded->front().changed);
  EXPECT_EQ(aws_.calls(), 4U);
}

TEST_F(DynamoLedgerTest, WritersWhoAreAlwaysInTheWayAreATransientFault) {
  for (int i = 0; i < 50; ++i) {
    aws_.then(nothing_found());
    aws_.then(conflict());
  }
  const core::JobEvent event = queued(1);
  const auto recorded = ledger_.record({&event, 1});
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().fault, Fault::transient) << "no answer of the port's";
  EXPECT_NE(recorded.error().what.find("TransactionConflict"), std::string::npos);
  EXPECT_LT(aws_.calls(), 50U);
}

TEST_F(DynamoLedgerTest, AMissingTableIsAMistakeOfTheSetUpAndNoMissingRow) {
  aws_.otherwise(refusal(400, "ResourceNotFoundException"));
  const auto job = ledger_.job(1);
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().fault, Fault::invalid);
}

}  // namespace
}  // namespace jitney::aws
