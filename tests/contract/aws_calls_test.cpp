// SPDX-License-Identifier: Apache-2.0
// How many calls to DynamoDB and SQS a job costs from its webhook to the end of its machine,
// counted on the way to moto: the core's functions over the adapters, with a fleet and a GitHub in
// memory. Budgets are what it cost when this was written, with a little room: a change that costs
// more must say so here.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <iostream>
#include <stdexcept>

#include "aws/dynamo_ledger.hpp"
#include "aws/sqs_queue.hpp"
#include "core/functions.hpp"
#include "net/json.hpp"
#include "tests/aws/moto.hpp"
#include "tests/aws/trouble.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_fleet.hpp"
#include "tests/fakes/fake_forge.hpp"

namespace jitney::contract {

namespace {

namespace json = boost::json;
using aws::Service;

class AwsCalls : public ::testing::Test {
 protected:
  AwsCalls() {
    if (!plain_->json(Service::dynamodb, "CreateTable", aws::table_definition(table_))) {
      throw std::runtime_error("moto makes no table");
    }
    const auto made = plain_->json(Service::sqs, "CreateQueue",
                                   json::object{{"QueueName", tests::Moto::fresh_name("q")}});
    if (!made) throw std::runtime_error(made.error().what);
    queue_ = std::make_unique<aws::SqsQueue>(
        *client_, table_,
        aws::SqsQueueOptions{.queue_url = net::get_string_or(*made, "QueueUrl", "")}, clock_);
    deployment_.name = "ci";
    core::Pool pool;
    pool.name = "linux";
    pool.labels = {"linux", "self-hosted"};
    pool.scope = "acme";
    pool.max = 100;
    deployment_.pools = {pool};
    fleet_.boot_by_hand();
  }
  ~AwsCalls() override {
    static_cast<void>(
        plain_->json(Service::dynamodb, "DeleteTable", json::object{{"TableName", table_}}));
  }

  core::Context context() {
    return {deployment_,
            ledger_,
            *queue_,
            fleet_,
            forges_,
            clock_,
            clock_.now() + std::chrono::minutes(5)};
  }
  void tell(core::JobId id) {
    auto event = forge_.job("acme/shop", id);
    ASSERT_TRUE(event);
    ASSERT_TRUE(core::autoscaler(context(), std::span(&*event, 1)));
  }
  // All calls since the last count, with what they were on standard output.
  int counted(const std::string& step) {
    int all = 0;
    std::cout << step << ":";
    for (const auto& [operation, count] : wire_.calls()) {
      std::cout << ' ' << operation << ' ' << count;
      all += count;
    }
    std::cout << " = " << all << '\n';
    return all;
  }

  // So many jobs from webhook to the end of their machines; the calls of all of them.
  int live(int jobs) {
    int calls = 0;
    std::vector<core::JobId> ids;
    for (int i = 0; i < jobs; ++i) {
      const core::JobEvent event = forge_.queue("acme/shop", 0, {"self-hosted", "linux"});
      EXPECT_TRUE(core::autoscaler(context(), std::span(&event, 1)));
      ids.push_back(event.id);
    }
    calls += counted("queued");
    EXPECT_TRUE(core::create_runner(context(), "linux"));
    calls += counted("claimed and launched");
    const auto machines = fleet_.list();
    for (const core::Machine& machine : *machines) fleet_.boot(machine.id);
    EXPECT_TRUE(core::create_runner(context(), "linux"));
    calls += counted("started");
    const auto runners = ledger_.live_runners();
    EXPECT_TRUE(runners && runners->size() == ids.size());
    static_cast<void>(wire_.calls());
    for (std::size_t i = 0; i < ids.size() && i < runners->size(); ++i) {
      forge_.take(ids[i], (*runners)[i].forge_id);
      tell(ids[i]);
    }
    calls += counted("taken");
    for (const core::JobId id : ids) {
      forge_.finish(id);
      tell(id);
    }
    calls += counted("completed");
    for (const core::Runner& runner : *runners) {
      EXPECT_TRUE(core::stop_runner(context(), runner.name, "job ended"));
    }
    calls += counted("stopped");
    EXPECT_EQ(ledger_.snapshot("linux")->state.live, 0);
    return calls;
  }

  std::unique_ptr<aws::Client> plain_ = tests::Moto::shared().client();
  std::string table_ = tests::Moto::fresh_name("ledger");
  tests::Trouble wire_{1, 0};
  std::unique_ptr<aws::Client> client_ = wire_.client();
  fakes::FakeClock clock_;
  aws::DynamoLedger ledger_{*client_, table_, {.deployment = "ci"}};
  std::unique_ptr<aws::SqsQueue> queue_;
  fakes::FakeFleet fleet_{clock_};
  fakes::FakeForge forge_{{}, clock_};
  std::map<std::string, core::Forge*, std::less<>> forges_{{"acme", &forge_}};
  core::Deployment deployment_;
};

// A runner's six steps are a transaction each; each round of create_runner is two calls, and it
// takes two rounds to see that nothing is left to do.
TEST_F(AwsCalls, OfASingleJobKeepToTheirBudget) { EXPECT_LE(live(1), 35); }

TEST_F(AwsCalls, OfAJobInABurstKeepToTheirBudget) {
  constexpr int kJobs = 8;
  EXPECT_LE(live(kJobs), kJobs * 19);
}

}  // namespace
}  // namespace jitney::contract
