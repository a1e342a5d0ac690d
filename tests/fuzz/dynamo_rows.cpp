// SPDX-License-Identifier: Apache-2.0
// An item of the ledger's table, as DynamoDB's JSON: taken for a row of each kind. What an older or
// newer version, or a person in the console, wrote is read without harm.
#include <boost/json/serialize.hpp>

#include "aws/dynamo_rows.hpp"
#include "net/json.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

constexpr core::Time kNow{core::Duration{1'800'000'000'000}};

std::string text_of(const aws::Item& item) { return boost::json::serialize(item); }

void expect_round_trips(const aws::Item& item) {
  const core::Job job = aws::read_job(item);
  const aws::Item as_job = aws::job_item(job, kNow, {});
  expect(aws::read_job(as_job) == job, "a job is read as it was written");

  const core::Runner runner = aws::read_runner(item);
  expect(aws::read_runner(aws::runner_item(runner, kNow, {})) == runner,
         "a runner is read as it was written");

  const core::Batch batch = aws::read_batch(item);
  core::Batch again = aws::read_batch(aws::batch_item(batch, kNow, {}));
  again.version = batch.version;  // the transaction writes it
  expect(again == batch, "a batch is read as it was written");

  const core::PoolState pool = aws::read_pool("linux", &item);
  const core::PoolState pool_again = [&] {
    const aws::Item written = aws::pool_item(pool);
    return aws::read_pool("linux", &written);
  }();
  expect(pool_again.next_number == pool.next_number && pool_again.live == pool.live,
         "a pool is read as it was written");

  const aws::Touched touched = aws::touched_of(item);
  aws::Item touching;
  touching["touched"] = aws::touched_value(touched);
  expect(aws::touched_of(touching) == touched, "what a pool's version covers is read as written");

  const core::Note note = aws::read_note(item);
  expect(aws::read_note(aws::note_item(note, core::Duration(0))) == note,
         "a note is read as it was written");

  if (const auto letter = aws::read_dead_letter(item)) {
    const aws::Item written = aws::dead_letter_item(letter->message, letter->cause, letter->at);
    const auto letter_again = aws::read_dead_letter(written);
    expect(letter_again && letter_again->message == letter->message &&
               letter_again->cause == letter->cause,
           "a dead letter is read as it was written");
    expect(text_of(aws::dead_letter_item(letter_again->message, letter_again->cause,
                                         letter_again->at)) == text_of(written),
           "and is written alike");
  }
}

}  // namespace

void target(std::string_view input) {
  const auto value = net::parse_json(input);
  if (value && value->is_object()) expect_round_trips(value->get_object());
}

}  // namespace jitney::fuzz
