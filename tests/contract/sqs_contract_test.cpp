// SPDX-License-Identifier: Apache-2.0
// SqsQueue keeps the contract of the port, on moto, whose clock the test sets. Beside it: the two
// queues, and what SQS gives up by itself. Not shown here: StartMessageMoveTask, which moto does
// not have (aws/sqs_queue_test.cpp), and that SQS ignores an old receipt where moto obeys it.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <mutex>
#include <stdexcept>

#include "aws/sqs_queue.hpp"
#include "net/json.hpp"
#include "tests/aws/moto.hpp"
#include "tests/contract/queue_contract.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::contract {

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using aws::Service;
using core::Message;
using core::MessageKind;

constexpr int kMostReceives = 5;

// Tells moto and the adapter what time the caller says it is.
class TimedQueue final : public core::Queue {
 public:
  TimedQueue(core::Queue& queue, fakes::FakeClock& clock) : queue_(queue), clock_(clock) {
    tests::Moto::shared().set_clock(clock_.now());
  }
  core::Status push(const Message& message, core::Duration delay, core::Time now) override {
    set(now);
    return queue_.push(message, delay, now);
  }
  core::Result<std::vector<core::Delivery>> take(int max, core::Duration lease,
                                                 core::Time now) override {
    set(now);
    return queue_.take(max, lease, now);
  }
  core::Status done(const core::Delivery& delivery) override { return queue_.done(delivery); }
  core::Status retry(const core::Delivery& delivery, core::Duration after,
                     core::Time now) override {
    set(now);
    return queue_.retry(delivery, after, now);
  }
  core::Status bury(const Message& message, const std::string& cause, core::Time now) override {
    set(now);
    return queue_.bury(message, cause, now);
  }
  core::Result<std::vector<core::DeadLetter>> dead_letters(std::size_t limit) override {
    return queue_.dead_letters(limit);
  }
  core::Status forget(MessageKind kind, const std::string& key) override {
    return queue_.forget(kind, key);
  }
  core::Result<std::size_t> depth() override { return queue_.depth(); }

 private:
  void set(core::Time now) {
    const std::lock_guard lock(mutex_);
    if (now == clock_.now()) return;
    clock_.set(now);
    tests::Moto::shared().set_clock(now);
  }

  core::Queue& queue_;
  fakes::FakeClock& clock_;
  std::mutex mutex_;
};

class SqsQueueHome final : public QueueHome {
 public:
  SqsQueueHome() {
    call(Service::dynamodb, "CreateTable", aws::table_definition(table_));
    const std::string dead = make_queue("dead", "");
    const auto attributes =
        call(Service::sqs, "GetQueueAttributes",
             json::object{{"QueueUrl", dead}, {"AttributeNames", json::array{"QueueArn"}}});
    const std::string arn =
        net::get_string_or(*net::get_object(attributes, "Attributes"), "QueueArn", "");
    options_ = {.queue_url = make_queue("create", arn),
                .stop_queue_url = make_queue("stop", arn),
                .dead_letter_queue_url = dead,
                .pace = std::chrono::milliseconds(0)};
    sqs_ = std::make_unique<aws::SqsQueue>(*client_, table_, options_, clock_);
    timed_ = std::make_unique<TimedQueue>(*sqs_, clock_);
  }
  ~SqsQueueHome() override {
    for (const std::string& url :
         {options_.queue_url, options_.stop_queue_url, options_.dead_letter_queue_url}) {
      static_cast<void>(
          client_->json(Service::sqs, "DeleteQueue", json::object{{"QueueUrl", url}}));
    }
    static_cast<void>(
        client_->json(Service::dynamodb, "DeleteTable", json::object{{"TableName", table_}}));
  }
  core::Queue& queue() override { return *timed_; }
  [[nodiscard]] bool knows_who_has_it() const override { return false; }

  aws::SqsQueue& sqs() { return *sqs_; }
  std::size_t waiting_in(const std::string& url) {
    const auto attributes =
        call(Service::sqs, "GetQueueAttributes",
             json::object{{"QueueUrl", url},
                          {"AttributeNames", json::array{"ApproximateNumberOfMessages"}}});
    return std::stoul(net::get_string_or(*net::get_object(attributes, "Attributes"),
                                         "ApproximateNumberOfMessages", "0"));
  }
  [[nodiscard]] const aws::SqsQueueOptions& options() const { return options_; }
  json::value call(Service service, std::string_view operation, const json::value& input) {
    auto answer = client_->json(service, operation, input);
    if (!answer) throw std::runtime_error(answer.error().what);
    return *std::move(answer);
  }

 private:
  std::string make_queue(const std::string& what, const std::string& dead_arn) {
    json::object input{{"QueueName", tests::Moto::fresh_name(what)}};
    if (!dead_arn.empty()) {
      const std::string policy = json::serialize(
          json::object{{"deadLetterTargetArn", dead_arn}, {"maxReceiveCount", kMostReceives}});
      input["Attributes"] = json::object{{"RedrivePolicy", policy}};
    }
    return net::get_string_or(call(Service::sqs, "CreateQueue", input), "QueueUrl", "");
  }

  std::unique_ptr<aws::Client> client_ = tests::Moto::shared().client();
  std::string table_ = tests::Moto::fresh_name("ledger");
  fakes::FakeClock clock_;
  aws::SqsQueueOptions options_;
  std::unique_ptr<aws::SqsQueue> sqs_;
  std::unique_ptr<TimedQueue> timed_;
};

std::unique_ptr<QueueHome> make_queue() { return std::make_unique<SqsQueueHome>(); }

const Message kWake{MessageKind::create_runner, "template_cpu", ""};
const Message kStop{MessageKind::stop_runner, "ci-template_cpu-1", "job ended"};

class SqsQueueOnMoto : public ::testing::Test {
 protected:
  // Taken and never finished, as by functions that die, until SQS gives it up.
  void kill_takers() {
    for (int taken = 0; taken <= kMostReceives; ++taken) {
      ASSERT_TRUE(queue_.take(10, 1min, now_));
      now_ += 1min;
    }
  }

  SqsQueueHome home_;
  core::Queue& queue_ = home_.queue();
  core::Time now_ = fakes::FakeClock::kStart;
};

TEST_F(SqsQueueOnMoto, EndsOfRunnersHaveAQueueOfTheirOwn) {
  ASSERT_TRUE(queue_.push(kStop, 0s, now_));
  ASSERT_TRUE(queue_.push(kWake, 0s, now_));
  EXPECT_EQ(home_.waiting_in(home_.options().stop_queue_url), 1U);
  EXPECT_EQ(home_.waiting_in(home_.options().queue_url), 1U);
  const auto taken = queue_.take(10, 1min, now_);
  ASSERT_TRUE(taken && taken->size() == 2U);
  for (const core::Delivery& delivery : *taken) EXPECT_TRUE(queue_.done(delivery));
  EXPECT_TRUE(queue_.take(10, 1min, now_ + 1h)->empty());
}

TEST_F(SqsQueueOnMoto, WhatKilledEveryTakerIsADeadLetterWithThatCause) {
  ASSERT_TRUE(queue_.push(kWake, 0s, now_));
  ASSERT_TRUE(queue_.push(kStop, 0s, now_));
  kill_takers();
  EXPECT_TRUE(queue_.dead_letters(10)->empty());
  const core::Time first = now_;
  for (int look = 0; look < 3; ++look, now_ += 1h) {
    tests::Moto::shared().set_clock(now_);
    const auto noted = home_.sqs().note_deaths(now_);
    ASSERT_TRUE(noted);
    EXPECT_EQ(*noted, look == 0 ? 2U : 0U);
    const auto letters = queue_.dead_letters(10);
    ASSERT_TRUE(letters && letters->size() == 2U) << "one a key, however often it is looked at";
    for (const core::DeadLetter& letter : *letters) {
      EXPECT_NE(letter.cause.find("taken " + std::to_string(kMostReceives) + " times: whoever"),
                std::string::npos)
          << letter.cause;
      EXPECT_EQ(letter.at, first);
    }
  }
}

TEST_F(SqsQueueOnMoto, WhatDiedComesBackWhereItCameFromByALoopWhereThereIsNoMoveTask) {
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(queue_.push({MessageKind::check_job, std::to_string(i), ""}, 0s, now_));
  }
  ASSERT_TRUE(queue_.push(kStop, 0s, now_));
  for (int taken = 0; taken <= kMostReceives; ++taken, now_ += 1min) {
    ASSERT_TRUE(queue_.take(100, 1min, now_));
  }
  ASSERT_EQ(home_.waiting_in(home_.options().dead_letter_queue_url), 13U);
  ASSERT_TRUE(home_.sqs().note_deaths(now_));
  ASSERT_TRUE(queue_.bury({MessageKind::dead_job, "7", ""}, "no capacity", now_));
  now_ += 1h;
  tests::Moto::shared().set_clock(now_);
  const auto moved = home_.sqs().redrive(1000);
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_EQ(*moved, 13U);
  EXPECT_EQ(home_.waiting_in(home_.options().dead_letter_queue_url), 0U);
  EXPECT_EQ(home_.waiting_in(home_.options().stop_queue_url), 1U);
  EXPECT_EQ(home_.waiting_in(home_.options().queue_url), 12U);
  const auto letters = queue_.dead_letters(10);
  ASSERT_TRUE(letters && letters->size() == 1U) << "a dead job is no wake-up";
  EXPECT_EQ(letters->front().message.kind, MessageKind::dead_job);
}

TEST_F(SqsQueueOnMoto, ManyWaitsNeverKillAMessage) {
  ASSERT_TRUE(queue_.push(kWake, 0s, now_));
  for (int wait = 1; wait <= 2 * kMostReceives; ++wait) {
    const auto taken = queue_.take(1, 1min, now_);
    ASSERT_TRUE(taken && taken->size() == 1U) << wait;
    EXPECT_EQ(taken->front().receives, wait) << "the ledger of its tries goes with it";
    ASSERT_TRUE(queue_.retry(taken->front(), 30s, now_));
    now_ += 30s;
  }
  EXPECT_EQ(home_.waiting_in(home_.options().dead_letter_queue_url), 0U);
}

TEST_F(SqsQueueOnMoto, ABodyThatIsNoMessageIsLeftToSqs) {
  home_.call(Service::sqs, "SendMessage",
             json::object{{"QueueUrl", home_.options().queue_url}, {"MessageBody", "hello"}});
  ASSERT_TRUE(queue_.push(kWake, 0s, now_));
  const auto taken = queue_.take(10, 1min, now_);
  ASSERT_TRUE(taken && taken->size() == 1U);
  EXPECT_EQ(taken->front().message, kWake);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqs, QueueContract, ::testing::Values(QueueMaker{"sqs", make_queue}));

}  // namespace jitney::contract
