// SPDX-License-Identifier: Apache-2.0
// The adapters on a bad day of AWS: a third of all calls go wrong, and callers ask again, as hosts
// do. Nothing may be lost and nothing done twice. moto stands for AWS, and the stub of
// tests/aws/trouble.hpp in front of it for the bad day.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "aws/dynamo_ledger.hpp"
#include "aws/sqs_queue.hpp"
#include "net/json.hpp"
#include "tests/aws/moto.hpp"
#include "tests/aws/trouble.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_ledger.hpp"

namespace jitney::contract {

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using aws::Service;
using core::Event;
using core::Fault;
using core::JobStatus;

constexpr core::Time kNow = fakes::FakeClock::kStart;
constexpr int kPercent = 33;
constexpr const char* kPool = "linux";

std::string name_of(std::int64_t number) { return "ci-linux-" + std::to_string(number); }

// Asks until there is an answer, as whoever is woken again does.
template <class Call>
auto insist(Call&& call) -> decltype(call()) {
  for (int tries = 1;; ++tries) {
    auto answer = call();
    const bool answered = answer || answer.error().fault == Fault::conflict ||
                          answer.error().fault == Fault::not_found ||
                          answer.error().fault == Fault::invalid;
    if (answered || tries == 200) return answer;
  }
}

core::JobEvent event(core::JobId id, JobStatus status, const std::string& runner = "") {
  core::JobEvent event;
  event.id = id;
  event.status = status;
  event.scope = "acme";
  event.repository = "acme/shop";
  event.pool = kPool;
  event.runner_name = runner;
  event.conclusion = status == JobStatus::completed ? "success" : "";
  event.seen_at = kNow;
  return event;
}

core::Batch batch(std::int64_t first, int count, std::vector<core::JobId> jobs) {
  core::Batch batch;
  batch.id = name_of(first);
  batch.pool = kPool;
  for (std::int64_t number = first; number < first + count; ++number) {
    batch.numbers.push_back(number);
    batch.runners.push_back(name_of(number));
  }
  batch.jobs = std::move(jobs);
  batch.created_at = kNow;
  return batch;
}

void record(core::Ledger& ledger, std::vector<core::JobEvent> events) {
  const auto recorded = insist([&] { return ledger.record(events); });
  ASSERT_TRUE(recorded) << recorded.error().what;
}

void claim(core::Ledger& ledger, const core::Batch& wanted) {
  const auto snapshot = insist([&] { return ledger.snapshot(kPool); });
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  const auto claimed = insist([&] { return ledger.claim(wanted, snapshot->state.version, 100); });
  ASSERT_TRUE(claimed) << claimed.error().what;
  // After an answer that was lost for good, it is found to be ours.
  EXPECT_TRUE(*claimed == core::Claimed::ok || *claimed == core::Claimed::mine);
}

void advance(core::Ledger& ledger, std::int64_t number, Event what, const core::Facts& facts = {}) {
  const auto moved = insist([&] { return ledger.advance(name_of(number), what, facts, kNow); });
  if (!moved && what == Event::start_claimed) {
    // The answer was lost for good: a lease is nobody's twice, and whoever asks again is refused
    // until it ends. Here it is known that nobody else could have had it.
    EXPECT_EQ(moved.error().fault, Fault::conflict);
    return;
  }
  ASSERT_TRUE(moved) << moved.error().what;
}

// A working day of a small pool: every write of the port, with what follows from it.
void live_through(core::Ledger& ledger) {
  for (core::JobId id = 1; id <= 8; id += 2) {
    record(ledger, {event(id, JobStatus::queued), event(id + 1, JobStatus::queued)});
  }
  claim(ledger, batch(1, 3, {1, 2, 3}));
  for (std::int64_t number = 1; number <= 3; ++number) {
    core::Facts facts;
    facts.machine = "i-" + std::to_string(number);
    facts.lease_until = kNow + 2min;
    facts.forge_id = 4710 + number;
    for (const Event what :
         {Event::machine_bound, Event::machine_answered, Event::start_claimed, Event::start_done}) {
      advance(ledger, number, what, facts);
    }
  }
  record(ledger, {event(1, JobStatus::in_progress, name_of(1)),
                  event(2, JobStatus::in_progress, name_of(2))});
  const core::RetryPolicy policy{{1min, 2min}};
  for (const char* key : {"a", "b", "c"}) {
    const auto failed = insist(
        [&] { return ledger.fail(4, key, {Fault::no_capacity, "no capacity"}, policy, kNow); });
    ASSERT_TRUE(failed) << failed.error().what;
  }
  ASSERT_TRUE(insist([&] { return ledger.bury(5, {"gave up", false, kNow}); }));
  ASSERT_TRUE(insist([&] { return ledger.checked(6, kNow + 1s); }));
  record(ledger, {event(1, JobStatus::completed, name_of(1))});
  advance(ledger, 1, Event::machine_gone);
  claim(ledger, batch(4, 2, {6, 7}));
  advance(ledger, 4, Event::launch_abandoned);
  advance(ledger, 5, Event::launch_abandoned);
}

std::vector<std::string> lines(core::Ledger& ledger, const std::string& subject) {
  const auto entries = insist([&] { return ledger.timeline(subject); });
  EXPECT_TRUE(entries);
  std::vector<std::string> texts;
  if (entries) {
    for (const core::TimelineEntry& entry : *entries) {
      const bool refused = entry.text.find("start_claimed refused") != std::string::npos;
      if (!refused) texts.push_back(entry.text);
    }
  }
  return texts;
}

void expect_same(core::Ledger& seen, core::Ledger& expected) {
  for (core::JobId id = 1; id <= 8; ++id) {
    EXPECT_EQ(insist([&] { return seen.job(id); }), expected.job(id)) << id;
    EXPECT_EQ(lines(seen, core::job_subject(id)), lines(expected, core::job_subject(id))) << id;
  }
  for (std::int64_t number = 1; number <= 5; ++number) {
    EXPECT_EQ(insist([&] { return seen.runner(name_of(number)); }),
              expected.runner(name_of(number)));
    const std::string subject = core::runner_subject(name_of(number));
    EXPECT_EQ(lines(seen, subject), lines(expected, subject));
  }
  const auto snapshot = insist([&] { return seen.snapshot(kPool); });
  const auto wanted = expected.snapshot(kPool);
  ASSERT_TRUE(snapshot && wanted);
  EXPECT_EQ(snapshot->state.live, wanted->state.live);
  EXPECT_EQ(snapshot->state.next_number, wanted->state.next_number);
  EXPECT_EQ(snapshot->jobs, wanted->jobs);
  EXPECT_EQ(snapshot->runners, wanted->runners);
  EXPECT_EQ(snapshot->batches, wanted->batches);
}

class BadDay : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  BadDay() { make(Service::dynamodb, "CreateTable", aws::table_definition(table_)); }
  ~BadDay() override {
    static_cast<void>(
        plain_->json(Service::dynamodb, "DeleteTable", json::object{{"TableName", table_}}));
  }
  json::value make(Service service, std::string_view operation, const json::value& input) {
    auto made = plain_->json(service, operation, input);
    if (!made) throw std::runtime_error(made.error().what);
    return *std::move(made);
  }
  void expect_trouble() {
    const auto seen = trouble_.seen();
    for (const char* kind : {"unavailable", "lost", "throttled"}) {
      EXPECT_TRUE(seen.contains(kind)) << "a day without " << kind << " shows nothing";
    }
  }

  std::unique_ptr<aws::Client> plain_ = tests::Moto::shared().client();
  std::string table_ = tests::Moto::fresh_name("ledger");
  tests::Trouble trouble_{GetParam(), kPercent};
  std::unique_ptr<aws::Client> client_ = trouble_.client();
  aws::DynamoLedger ledger_{*client_, table_, {.deployment = "ci"}};
};

TEST_P(BadDay, TheLedgerEndsAsOnAGoodDayAndSaysEachThingOnce) {
  fakes::FakeLedger good_day;
  live_through(good_day);
  live_through(ledger_);
  expect_same(ledger_, good_day);
  expect_trouble();
  EXPECT_TRUE(trouble_.seen().contains("conflict"));
}

TEST_P(BadDay, RivalsNeverClaimMoreThanTheCap) {
  constexpr int kBatches = 10;  // with fewer, a day without some trouble is too likely
  constexpr int kMax = 2 * kBatches;
  std::mutex mutex;
  std::set<core::BatchId> won;
  {
    std::vector<std::jthread> rivals;
    for (int rival = 0; rival < 3; ++rival) {
      rivals.emplace_back([&, rival] {
        for (int round = 0; round < 100; ++round) {
          const auto snapshot = insist([&] { return ledger_.snapshot(kPool); });
          ASSERT_TRUE(snapshot);
          core::Batch mine = batch(snapshot->state.next_number, 2, {});
          mine.id += "-rival-" + std::to_string(rival);
          const auto claimed =
              insist([&] { return ledger_.claim(mine, snapshot->state.version, kMax); });
          ASSERT_TRUE(claimed) << claimed.error().what;
          if (*claimed == core::Claimed::full) return;
          if (*claimed == core::Claimed::outrun) continue;
          const std::lock_guard lock(mutex);
          won.insert(mine.id);
        }
      });
    }
  }
  const auto snapshot = insist([&] { return ledger_.snapshot(kPool); });
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(won.size(), std::size_t{kBatches});
  EXPECT_EQ(snapshot->state.live, kMax);
  EXPECT_EQ(snapshot->runners.size(), static_cast<std::size_t>(kMax));
  EXPECT_EQ(snapshot->batches.size(), std::size_t{kBatches})
      << "each claim that stands is known to who made it";
  expect_trouble();
}

TEST_P(BadDay, NoWakeUpIsLostHoweverOftenItIsSentAndGivenBack) {
  fakes::FakeClock clock;
  tests::Moto::shared().set_clock(clock.now());
  const auto queue_url = net::get_string_or(
      make(Service::sqs, "CreateQueue", json::object{{"QueueName", tests::Moto::fresh_name("q")}}),
      "QueueUrl", "");
  aws::SqsQueue queue(*client_, table_, {.queue_url = queue_url}, clock);
  constexpr int kMessages = 20;
  for (int i = 0; i < kMessages; ++i) {
    const core::Message message{core::MessageKind::check_job, std::to_string(i), ""};
    ASSERT_TRUE(insist([&] { return queue.push(message, 0s, clock.now()); }));
  }
  std::set<std::string> done;
  int given_back = 0;
  for (int idle = 0; idle < 3;) {
    const auto taken = insist([&] { return queue.take(10, 1min, clock.now()); });
    ASSERT_TRUE(taken) << taken.error().what;
    idle = taken->empty() ? idle + 1 : 0;
    for (const core::Delivery& delivery : *taken) {
      if (given_back < kMessages && ++given_back % 2 == 0) {
        static_cast<void>(queue.retry(delivery, 30s, clock.now()));  // refused or not: not lost
      } else {
        static_cast<void>(insist([&] { return queue.done(delivery); }));
        done.insert(delivery.message.key);
      }
    }
    clock.advance(1min);
    tests::Moto::shared().set_clock(clock.now());
  }
  EXPECT_EQ(done.size(), static_cast<std::size_t>(kMessages));
  const auto left = insist([&] { return queue.depth(); });
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, 0U) << "what was done stays done";
  expect_trouble();
}

INSTANTIATE_TEST_SUITE_P(Seeds, BadDay, ::testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace jitney::contract
