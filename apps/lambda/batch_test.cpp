// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/batch.hpp"

#include "core/functions_test.hpp"

namespace jitney::lambda {
namespace {

using namespace std::chrono_literals;
using core::Fault;
using core::Message;
using core::MessageKind;
using core::Phase;

class Batch : public core::FunctionsTest {
 protected:
  // What Lambda hands over: the queue's due messages.
  aws::SqsEvent due(core::Duration within = 0s) {
    aws::SqsEvent event;
    const auto taken = queue.take(10, 5min, clock.now() + within);
    EXPECT_TRUE(taken);
    for (const auto& one : *taken) add(event, aws::write_message(one.message), one.handle);
    return event;
  }
  static void add(aws::SqsEvent& event, std::string body, std::string handle = "h") {
    event.records.push_back({.id = "m-" + std::to_string(event.records.size() + 1),
                             .handle = std::move(handle),
                             .body = std::move(body)});
  }
  // An EventBridge envelope about a machine.
  static std::string envelope(const std::string& source, const std::string& type,
                              const std::string& detail) {
    return R"({"version":"0","id":"e","source":")" + source + R"(","detail-type":")" + type +
           R"(","account":"123456789012","time":"2026-11-28T12:00:00Z","region":"us-east-1",)"
           R"("resources":[],"detail":{)" +
           detail + "}}";
  }
  static std::string state_change(const std::string& machine, const std::string& state) {
    return envelope("aws.ec2", "EC2 Instance State-change Notification",
                    R"("instance-id":")" + machine + R"(","state":")" + state + "\"");
  }
  static std::string interruption(const std::string& machine) {
    return envelope("aws.ec2", "EC2 Spot Instance Interruption Warning",
                    R"("instance-id":")" + machine + R"(","instance-action":"terminate")");
  }
  static std::string command(const std::string& machine, const std::string& status) {
    return envelope("aws.ssm", "EC2 Command Invocation Status-change Notification",
                    R"("command-id":"c-1","document-name":"AWS-RunRemoteScript","instance-id":")" +
                        machine + R"(","status":")" + status + "\"");
  }
  std::vector<std::string> run(const aws::SqsEvent& event) {
    return carry_out_batch(context(), event, options);
  }
  std::vector<std::string> told(const std::string& body) {
    aws::SqsEvent event;
    add(event, body);
    return run(event);
  }
  // One runner that waits for a job, or has one.
  std::string registered_machine() {
    job_ = queue_job();
    EXPECT_TRUE(create());
    messages(1h);
    EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
    return runner("prod-cpu-1").machine;
  }

  BatchOptions options{.settle = {}, .carry_out = core::handle, .spread = [] { return 0.0; }};
  core::JobId job_ = 0;
};

using Ids = std::vector<std::string>;

TEST_F(Batch, CarriesOutWakeUpsAndLetsThemBeDeleted) {
  queue_job();
  EXPECT_EQ(run(due()), Ids{});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

TEST_F(Batch, CarriesOutEqualWakeUpsOnce) {
  int calls = 0;
  options.carry_out = [&](const core::Context&, const Message&) {
    ++calls;
    return core::Status{};
  };
  aws::SqsEvent event;
  for (int i = 0; i < 5; ++i) add(event, R"({"kind":"create_runner","key":"cpu"})");
  add(event, R"({"kind":"create_runner","key":"gpu"})");
  add(event, R"({"kind":"stop_runner","key":"cpu"})");
  EXPECT_EQ(run(event), Ids{});
  EXPECT_EQ(calls, 3);
}

TEST_F(Batch, FailsAllEqualWakeUpsTogetherWhenTheyCannotBeSettled) {
  options.carry_out = [](const core::Context&, const Message&) -> core::Status {
    return core::fail(Fault::not_ready, "later");
  };
  aws::SqsEvent event;
  add(event, R"({"kind":"create_runner","key":"cpu"})");
  add(event, R"({"kind":"create_runner","key":"gpu"})");
  add(event, R"({"kind":"create_runner","key":"cpu"})");
  queue.fail_next(Fault::transient);
  EXPECT_EQ(run(event), (Ids{"m-1", "m-3"}));
}

TEST_F(Batch, AWaitBecomesANewDelayedMessage) {
  options.carry_out = [](const core::Context&, const Message&) -> core::Status {
    return core::fail(Fault::throttled, "slow down", 90s);
  };
  EXPECT_EQ(told(R"({"kind":"create_runner","key":"cpu"})"), Ids{});
  EXPECT_TRUE(messages(89s).empty());
  EXPECT_EQ(messages(90s).size(), 1U);
}

TEST_F(Batch, AFailureComesAgainAfterABackoffAndNotAfterTheVisibilityTimeout) {
  options.carry_out = [](const core::Context&, const Message&) -> core::Status {
    return core::fail(Fault::transient, "the network blinked");
  };
  ASSERT_TRUE(queue.push({.kind = MessageKind::create_runner, .key = "cpu", .detail = {}}, 0s,
                         clock.now()));
  EXPECT_EQ(run(due()), Ids{});
  clock.advance(2s);
  EXPECT_EQ(messages().size(), 1U);
}

TEST_F(Batch, AWakeUpThatKeepsFailingIsBuriedByItsTriesAndReceivesTogether) {
  options.carry_out = [](const core::Context&, const Message&) -> core::Status {
    return core::fail(Fault::transient, "disk on fire");
  };
  EXPECT_EQ(told(R"({"kind":"stop_runner","key":"prod-cpu-1","tries":18})"), Ids{});
  EXPECT_TRUE(letters().empty());
  EXPECT_EQ(told(R"({"kind":"stop_runner","key":"prod-cpu-1","tries":19})"), Ids{});
  ASSERT_EQ(letters().size(), 1U);
  EXPECT_EQ(letters()[0].cause, "disk on fire");
}

TEST_F(Batch, WhatCannotBeReadComesAgainAndHoldsNothingUp) {
  queue_job();
  aws::SqsEvent event = due();
  add(event, "no json");
  add(event, R"({"kind":"dance","key":"cpu"})");
  add(event, state_change("", "running"));
  EXPECT_EQ(run(event), (Ids{"m-2", "m-3", "m-4"}));
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

TEST_F(Batch, WhatMeansNothingIsAccepted) {
  EXPECT_EQ(told(envelope("aws.health", "AWS Health Event", "")), Ids{});
  EXPECT_EQ(told(envelope("aws.events", "Scheduled Event", "")), Ids{});
  EXPECT_EQ(
      told(envelope("aws.ec2", "EC2 Instance Rebalance Recommendation", R"("instance-id":"i-1")")),
      Ids{});
}

TEST_F(Batch, BeginsNothingAfterTheDeadline) {
  queue_job();
  const auto event = due();
  EXPECT_EQ(carry_out_batch(late_context(), event, options), Ids{"m-1"});
  EXPECT_EQ(ledger.runner("prod-cpu-1").value(), std::nullopt);
}

TEST_F(Batch, AnExceptionIsAFailureOfItsMessageOnly) {
  options.carry_out = [](const core::Context&, const Message& message) -> core::Status {
    if (message.key == "cpu") throw std::runtime_error("a bug");
    return {};
  };
  ASSERT_TRUE(queue.push({.kind = MessageKind::create_runner, .key = "cpu", .detail = {}}, 0s,
                         clock.now()));
  aws::SqsEvent event = due();
  add(event, R"({"kind":"create_runner","key":"gpu"})");
  EXPECT_EQ(run(event), Ids{});
  clock.advance(1min);
  EXPECT_EQ(messages().size(), 1U);
}

TEST_F(Batch, AMachineThatRunsWakesItsPoolOnly) {
  machines.boot_by_hand();
  queue_job();
  ASSERT_TRUE(create());
  const auto machine = runner("prod-cpu-1").machine;
  ASSERT_EQ(runner("prod-cpu-1").phase, Phase::launched);
  machines.boot(machine);
  EXPECT_EQ(told(state_change(machine, "running")), Ids{});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  // Told again, late: nothing to do.
  EXPECT_EQ(told(state_change(machine, "running")), Ids{});
  EXPECT_EQ(machines.starts(machine), 1);
}

TEST_F(Batch, MachinesOfOnePoolThatRunAreLookedAtTogether) {
  machines.boot_by_hand();
  queue_jobs(3);
  ASSERT_TRUE(create());
  messages(1h);
  aws::SqsEvent event;
  const auto all = machines.list();
  for (const auto& machine : *all) add(event, state_change(machine.id, "running"));
  int looks = 0;
  options.carry_out = [&](const core::Context& context, const Message& message) {
    // The first look fails, so the second machine's must not be spared.
    if (++looks == 1) return core::Status(core::fail(Fault::transient, "the network blinked"));
    return core::handle(context, message);
  };
  EXPECT_EQ(run(event), Ids{});
  EXPECT_EQ(looks, 2);
}

TEST_F(Batch, OtherPeoplesMachinesAreNoneOfOurs) {
  registered_machine();
  for (const auto* state : {"pending", "running", "stopping", "terminated"}) {
    EXPECT_EQ(told(state_change("i-0aaaaaaaaaaaaaaaa", state)), Ids{});
  }
  EXPECT_EQ(told(interruption("i-0aaaaaaaaaaaaaaaa")), Ids{});
  EXPECT_EQ(told(command("i-0aaaaaaaaaaaaaaaa", "Failed")), Ids{});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
  EXPECT_TRUE(fleet.stopped.empty());
}

TEST_F(Batch, AMachineThatIsGoingEndsItsRunner) {
  const auto machine = registered_machine();
  EXPECT_EQ(told(state_change(machine, "shutting-down")), Ids{});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(forge.registrations(), 0U);
  EXPECT_EQ(live(), 0);
  EXPECT_EQ(told(state_change(machine, "terminated")), Ids{});
}

TEST_F(Batch, AnInterruptionStopsAnIdleRunnerAndLeavesABusyOneToItsJob) {
  const auto machine = registered_machine();
  take(job_, "prod-cpu-1");
  EXPECT_EQ(told(interruption(machine)), Ids{});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_TRUE(fleet.stopped.empty());

  queue_job();
  ASSERT_TRUE(create());
  const auto idle = runner("prod-cpu-2").machine;
  EXPECT_EQ(told(interruption(idle)), Ids{});
  EXPECT_EQ(runner("prod-cpu-2").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-2").reason, "EC2 interrupts its spot machine");
  EXPECT_EQ(fleet.stopped, std::vector<core::MachineId>{idle});
}

// GitHub gave it a job a moment ago, and the webhook is not here yet.
TEST_F(Batch, AnInterruptionAsksGitHubBeforeItStopsAnything) {
  const auto machine = registered_machine();
  take(job_, "prod-cpu-1", false);
  EXPECT_EQ(told(interruption(machine)), Ids{});
  EXPECT_TRUE(fleet.stopped.empty());
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
}

TEST_F(Batch, AnEndThatCannotBeFinishedNowIsAskedForSoonByTheRunnersName) {
  const auto machine = registered_machine();
  fleet.stop_takes_longer = true;
  EXPECT_EQ(told(state_change(machine, "stopping")), Ids{});
  const auto asked = messages(10s);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].kind, MessageKind::stop_runner);
  EXPECT_EQ(asked[0].key, "prod-cpu-1");
}

TEST_F(Batch, ACommandsEndIsTheRunnersOnlyWhenTheFleetSaysSo) {
  const auto machine = registered_machine();
  take(job_, "prod-cpu-1");
  // Somebody else's command on the same machine, or ours that was cut off while the runner lives.
  for (const auto* status : {"InProgress", "Success", "Failed", "TimedOut", "Cancelled"}) {
    EXPECT_EQ(told(command(machine, status)), Ids{});
    EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy) << status;
  }
  machines.end_runner(machine, 0);
  // Timed out says nothing of the runner even now.
  EXPECT_EQ(told(command(machine, "TimedOut")), Ids{});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::busy);
  EXPECT_EQ(told(command(machine, "Success")), Ids{});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::gone);
  EXPECT_EQ(runner("prod-cpu-1").exit_code, 0);
  EXPECT_EQ(told(command(machine, "Success")), Ids{});
}

TEST_F(Batch, NewsThatCannotBeLookedUpComesAgain) {
  const auto machine = registered_machine();
  ledger.fail_next(Fault::transient);
  EXPECT_EQ(told(state_change(machine, "terminated")), Ids{"m-1"});
  fleet.find_error = core::Error{Fault::throttled, "slow down"};
  EXPECT_EQ(told(command(machine, "Failed")), Ids{"m-1"});
  EXPECT_EQ(runner("prod-cpu-1").phase, Phase::registered);
}

}  // namespace
}  // namespace jitney::lambda
