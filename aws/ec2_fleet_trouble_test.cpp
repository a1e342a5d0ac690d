// SPDX-License-Identifier: Apache-2.0
// What goes wrong on EC2, through the core's own functions: ledger, queue and GitHub are the fakes,
// EC2, Systems Manager and S3 the stub of tests/aws/cloud.hpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/functions.hpp"
#include "tests/aws/fleet_world.hpp"
#include "tests/fakes/fake_forge.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::aws {

namespace {

using core::JobId;
using core::Phase;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

class Ec2TroubleTest : public testing::Test {
 protected:
  Ec2TroubleTest() {
    deployment.name = "prod";
    core::Pool pool;
    pool.name = "cpu";
    pool.labels = {"cpu", "self-hosted"};
    pool.scope = "acme";
    deployment.pools = {pool};
  }

  core::Context context() {
    return {deployment, ledger, queue, world.fleet, forges, clock, clock.now() + minutes(5)};
  }
  JobId queue_job() {
    const core::JobEvent event = forge.queue("acme/shop", 0, {"self-hosted", "cpu"});
    EXPECT_TRUE(core::autoscaler(context(), std::span(&event, 1)));
    return event.id;
  }
  void queue_jobs(int count) {
    for (int i = 0; i < count; ++i) queue_job();
  }
  void create() {
    const auto done = core::create_runner(context(), "cpu");
    EXPECT_TRUE(done) << done.error().what;
  }
  void sweep() {
    const auto swept = core::sweep(context());
    ASSERT_TRUE(swept) << swept.error().what;
    EXPECT_THAT(swept->troubles, testing::IsEmpty());
  }
  // As a deployment does that sweeps every minute.
  void sweep_for(core::Duration duration) {
    for (const core::Time end = clock.now() + duration; clock.now() < end;) {
      sweep();
      clock.advance(deployment.sweep_interval);
    }
    sweep();
  }
  // A job with a runner that was started for it.
  JobId started_job() {
    const JobId id = queue_job();
    create();
    cloud.settle();
    create();
    EXPECT_EQ(runner().phase, Phase::registered);
    return id;
  }
  void take(JobId id) {
    forge.take(id, runner().forge_id);
    auto event = forge.job("acme/shop", id);
    ASSERT_TRUE(event);
    ASSERT_TRUE(core::autoscaler(context(), std::span(&*event, 1)));
    ASSERT_EQ(runner().phase, Phase::busy);
  }

  core::Job job(JobId id) { return ledger.job(id).value().value(); }
  core::Runner runner(int number = 1) {
    return ledger.runner("prod-cpu-" + std::to_string(number)).value().value_or(core::Runner{});
  }
  core::Batch batch(int number = 1) {
    return ledger.batch("prod-cpu-" + std::to_string(number)).value().value_or(core::Batch{});
  }
  int live() { return ledger.snapshot("cpu")->state.live; }
  int alive() {
    const auto all = cloud.instances();
    return static_cast<int>(std::ranges::count_if(
        all, [](const auto& one) { return one.state == "pending" || one.state == "running"; }));
  }
  void nothing_left(const std::string& market,
                    const std::string& code = "InsufficientInstanceCapacity") {
    for (const char* type : {"c7i.large", "m7i.large"}) {
      for (const char* zone : {"us-east-1a", "us-east-1b"}) {
        cloud.capacity(type, zone, market, 0, code);
      }
    }
  }

  tests::FleetWorld world;
  tests::Cloud& cloud = world.cloud;
  fakes::FakeClock& clock = world.clock;
  fakes::FakeLedger& ledger = world.ledger;
  fakes::FakeQueue queue;
  fakes::FakeForge forge{{}, clock};
  core::Deployment deployment;
  std::map<std::string, core::Forge*, std::less<>> forges{{"acme", &forge}};
};

TEST_F(Ec2TroubleTest, NoCapacityAnywhereIsOneFailureAndThenSomeIsUsed) {
  nothing_left("spot");
  nothing_left("on-demand");
  const JobId id = queue_job();
  create();
  EXPECT_EQ(cloud.count("CreateFleet"), 2) << "spot, then on-demand";
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_THAT(job(id).last_error, HasSubstr("InsufficientInstanceCapacity"));
  EXPECT_EQ(live(), 0);
  cloud.no_bounds();
  clock.advance(minutes(1));
  create();
  EXPECT_EQ(cloud.instances().size(), 1U);
  EXPECT_EQ(live(), 1);
}

TEST_F(Ec2TroubleTest, WithoutSpotTheMissingOnesComeOnDemand) {
  cloud.capacity("c7i.large", "us-east-1a", "spot", 4);
  cloud.capacity("c7i.large", "us-east-1b", "spot", 0, "SpotMaxPriceTooLow", "too low");
  cloud.capacity("m7i.large", "us-east-1a", "spot", 0);
  cloud.capacity("m7i.large", "us-east-1b", "spot", 0, "BrandNewReason", "who knows");
  queue_jobs(7);
  create();
  int spot = 0;
  for (const auto& instance : cloud.instances()) spot += instance.market == "spot" ? 1 : 0;
  EXPECT_EQ(spot, 4);
  EXPECT_EQ(cloud.instances().size(), 7U);
  std::set<core::MachineId> bound;
  for (int number = 1; number <= 7; ++number) {
    EXPECT_EQ(runner(number).phase, Phase::launched);
    bound.insert(runner(number).machine);
  }
  EXPECT_EQ(bound.size(), 7U) << "each machine has one runner";
}

TEST_F(Ec2TroubleTest, AQuotaOfSpotLeavesOnDemandAndAQuotaOfBothNamesWhomToAsk) {
  cloud.quota("spot", 0, "MaxSpotInstanceCountExceeded");
  const JobId first = queue_job();
  create();
  EXPECT_EQ(cloud.instances().size(), 1U);
  EXPECT_EQ(job(first).failures, 0);
  cloud.quota("on-demand", 0, "VcpuLimitExceeded");
  const JobId second = queue_job();
  create();
  EXPECT_EQ(job(second).failures, 1);
  EXPECT_FALSE(job(second).dead) << "quotas are raised, and machines end";
  EXPECT_THAT(job(second).last_error, HasSubstr("ask AWS for a higher"));
}

TEST_F(Ec2TroubleTest, AThrottleIsAWaitAndNoFailure) {
  cloud.refuse_next("CreateFleet", {503, "RequestLimitExceeded", "", ""}, 100);
  const JobId id = queue_job();
  create();
  EXPECT_THAT(batch().waiting, HasSubstr("RequestLimitExceeded"));
  cloud.refuse_next("CreateFleet", {503, "RequestLimitExceeded", "", "40"}, 100);
  clock.set(batch().next_try);
  create();
  EXPECT_EQ(batch().next_try, clock.now() + seconds(40));
  cloud.refuse_next("CreateFleet", {}, 0);
  clock.advance(seconds(40));
  create();
  EXPECT_EQ(cloud.instances().size(), 1U);
  EXPECT_EQ(job(id).failures, 0);
  const auto calls = cloud.calls("CreateFleet");
  for (const auto& call : calls) EXPECT_EQ(call.text, calls.front().text);
}

// An account's first use of a region. AWS says "minutes", and sometimes it is hours.
TEST_F(Ec2TroubleTest, AnAccountThatIsBeingVerifiedIsAWaitHoweverLongItTakes) {
  cloud.refuse_next("CreateFleet", {400, "PendingVerification", "", ""}, 1000);
  const JobId id = queue_job();
  create();
  EXPECT_THAT(batch().waiting, HasSubstr("PendingVerification"));
  for (const core::Time end = clock.now() + hours(2); clock.now() < end;
       clock.advance(minutes(2))) {
    create();
  }
  cloud.refuse_next("CreateFleet", {}, 0);
  // The same, said of each offering.
  for (const char* market : {"spot", "on-demand"}) nothing_left(market, "PendingVerification");
  for (const core::Time end = clock.now() + hours(2); clock.now() < end;
       clock.advance(minutes(2))) {
    create();
  }
  EXPECT_EQ(job(id).failures, 0);
  EXPECT_FALSE(job(id).dead);
  cloud.no_bounds();
  clock.advance(minutes(2));
  create();
  EXPECT_EQ(cloud.instances().size(), 1U);
}

TEST_F(Ec2TroubleTest, ALaunchWhoseAnswerWasLostIsFoundByItsToken) {
  cloud.lose_answers("CreateFleet", 4);
  queue_jobs(3);
  create();
  EXPECT_EQ(alive(), 3);
  EXPECT_EQ(runner().phase, Phase::planned);
  clock.set(batch().next_try);
  create();
  EXPECT_EQ(alive(), 3);
  for (int number = 1; number <= 3; ++number) EXPECT_EQ(runner(number).phase, Phase::launched);
}

TEST_F(Ec2TroubleTest, ALaunchThatIsNeverAnsweredLeavesNoMachine) {
  cloud.lose_answers("CreateFleet", 1000);
  const JobId id = queue_job();
  sweep();
  create();
  EXPECT_EQ(alive(), 1);
  cloud.settle();
  while (batch().open) {
    clock.advance(seconds(30));
    create();
    sweep();
  }
  EXPECT_EQ(job(id).failures, 1);
  cloud.refuse_next("CreateFleet", {503, "RequestLimitExceeded", "", ""}, 1000);
  sweep_for(minutes(5));
  EXPECT_EQ(alive(), 0) << "the sweep knows it by its tag";
}

TEST_F(Ec2TroubleTest, AnAgentThatNeverComesUpIsAFailedLaunch) {
  cloud.agents_by_hand();
  const JobId id = queue_job();
  sweep();
  create();
  cloud.settle();
  create();
  EXPECT_EQ(runner().phase, Phase::launched);
  sweep_for(deployment.pools[0].deadlines.boot + deployment.pools[0].deadlines.batch + minutes(2));
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_EQ(runner().phase, Phase::gone);
  EXPECT_EQ(alive(), 0);
  EXPECT_EQ(cloud.count("SendCommand"), 0);
}

TEST_F(Ec2TroubleTest, ACommandThatEndsBeforeItsStartWasRecordedEndsTheMachine) {
  cloud.lose_answers("SendCommand", 4);
  queue_job();
  create();
  cloud.settle();
  create();
  ASSERT_EQ(runner().phase, Phase::starting);
  const auto machine = runner().machine;
  cloud.end_runner(machine, 5);
  const auto found = world.found(machine);
  EXPECT_EQ(found.state, core::MachineState::ended);
  ASSERT_TRUE(core::runner_ended(context(), machine, found.exit_code));
  EXPECT_EQ(runner().phase, Phase::gone);
  EXPECT_EQ(runner().exit_code, 5);
  EXPECT_EQ(cloud.instance(machine).state, "shutting-down");
}

TEST_F(Ec2TroubleTest, ACommandWhoseAnswerWasLostIsAdoptedAndNotMintedAgain) {
  cloud.lose_answers("SendCommand", 4);
  queue_job();
  create();
  cloud.settle();
  create();
  ASSERT_EQ(runner().phase, Phase::starting);
  const auto jit = cloud.instance(runner().machine).jit;
  clock.advance(deployment.pools[0].deadlines.lease);
  create();
  EXPECT_EQ(runner().phase, Phase::registered);
  EXPECT_EQ(cloud.instance(runner().machine).starts, 1);
  EXPECT_EQ(cloud.instance(runner().machine).jit, jit);
}

TEST_F(Ec2TroubleTest, ACommandThatWasNeverDeliveredIsSentAgainWithAFreshRegistration) {
  cloud.lose_answers("SendCommand", 4);
  cloud.lose_commands("DeliveryTimedOut");
  queue_job();
  create();
  cloud.settle();
  create();
  ASSERT_EQ(runner().phase, Phase::starting);
  EXPECT_EQ(world.found(runner().machine).started, false);
  cloud.lose_commands("");
  clock.advance(deployment.pools[0].deadlines.lease);
  create();
  EXPECT_EQ(runner().phase, Phase::registered);
  EXPECT_EQ(cloud.instance(runner().machine).starts, 1);
}

TEST_F(Ec2TroubleTest, ACommandThatTimedOutSaysNothingOfABusyRunner) {
  const JobId id = started_job();
  sweep();
  take(id);
  const auto machine = runner().machine;
  cloud.end_commands(machine, "TimedOut", "ExecutionTimedOut", 137);
  const auto found = world.found(machine);
  EXPECT_EQ(found.state, core::MachineState::running);
  EXPECT_EQ(found.started, true);
  sweep_for(minutes(10));
  EXPECT_EQ(runner().phase, Phase::busy);
  EXPECT_EQ(alive(), 1);
}

TEST_F(Ec2TroubleTest, AnInterruptionWhileIdleDeregistersStopsAndMakesAnother) {
  started_job();
  const auto machine = runner().machine;
  ASSERT_TRUE(core::stop_runner(context(), runner().name, "spot interruption"));
  EXPECT_EQ(runner().phase, Phase::gone);
  EXPECT_FALSE(forge.find("prod-cpu-1")->has_value());
  EXPECT_EQ(cloud.instance(machine).state, "shutting-down");
  EXPECT_EQ(cloud.spot_requests().at(cloud.instance(machine).spot_request), "cancelled");
  create();
  EXPECT_EQ(runner(2).phase, Phase::launched);
}

TEST_F(Ec2TroubleTest, AnInterruptionWhileBusyLeavesTheJobItsTwoMinutes) {
  const JobId id = started_job();
  sweep();
  take(id);
  const auto machine = runner().machine;
  ASSERT_TRUE(core::stop_runner(context(), runner().name, "spot interruption"));
  EXPECT_EQ(runner().phase, Phase::busy);
  EXPECT_EQ(cloud.count("TerminateInstances"), 0);
  cloud.interrupt(machine);
  sweep_for(deployment.orphan_grace + minutes(2));
  EXPECT_EQ(runner().phase, Phase::gone);
  EXPECT_EQ(live(), 0);
}

// EC2 says nothing, or its event is lost: the sweep alone finds out.
TEST_F(Ec2TroubleTest, AMachineThatEndedUnheardLeavesNoSpotRequestThatMakesAnother) {
  cloud.persistent_requests();
  const JobId id = started_job();
  sweep();
  take(id);
  const std::string request = cloud.instance(runner().machine).spot_request;
  cloud.interrupt(runner().machine);
  ASSERT_EQ(cloud.spot_requests().at(request), "open");
  sweep_for(deployment.orphan_grace + minutes(2));
  EXPECT_EQ(runner().phase, Phase::gone);
  EXPECT_EQ(cloud.spot_requests().at(request), "cancelled");
}

TEST_F(Ec2TroubleTest, GitHubDownForHoursHoldsUpNoEndOfAMachineAndLeavesNoRegistration) {
  std::vector<JobId> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(queue_job());
  create();
  cloud.settle();
  create();
  sweep();
  forge.take(jobs[0], runner(1).forge_id);
  auto event = forge.job("acme/shop", jobs[0]);
  ASSERT_TRUE(core::autoscaler(context(), std::span(&*event, 1)));
  ASSERT_EQ(runner(1).phase, Phase::busy);

  forge.fail_next(core::Fault::transient, 1'000'000);
  cloud.end_runner(runner(1).machine, 0);  // its job ended; nobody hears it from GitHub
  cloud.interrupt(runner(2).machine);      // an idle one is taken away
  ASSERT_TRUE(core::runner_ended(context(), runner(1).machine, 0));
  ASSERT_TRUE(core::runner_ended(context(), runner(2).machine, std::nullopt));
  EXPECT_EQ(live(), 1) << "what ended holds no place";
  const int fleets = cloud.count("CreateFleet");
  for (const core::Time end = clock.now() + std::chrono::hours(4); clock.now() < end;) {
    static_cast<void>(core::sweep(context()));
    create();
    clock.advance(deployment.sweep_interval);
  }
  EXPECT_EQ(cloud.count("CreateFleet"), fleets) << "nothing is launched for jobs nobody can ask of";
  EXPECT_EQ(runner(3).phase, Phase::registered) << "a wait for GitHub is no runner's fault";
  EXPECT_EQ(alive(), 1);

  forge.fail_next(core::Fault::transient, 0);
  forge.finish(jobs[0]);
  forge.take(jobs[1], runner(3).forge_id);
  sweep_for(deployment.orphan_grace + minutes(3));
  EXPECT_FALSE(forge.find("prod-cpu-2")->has_value()) << "the debt is paid";
  for (const JobId id : jobs) EXPECT_EQ(job(id).failures, 0);
}

TEST_F(Ec2TroubleTest, APersonsMistakeInTheTemplateIsNotRetriedForHours) {
  nothing_left("spot");
  for (const char* zone : {"us-east-1a", "us-east-1b"}) {
    cloud.capacity("c7i.large", zone, "on-demand", 0, "InvalidAMIID.NotFound", "no ami-1");
  }
  const JobId id = queue_job();
  create();
  ASSERT_TRUE(job(id).dead);
  EXPECT_THAT(job(id).dead->cause, HasSubstr("names an image that is not there"));
}

TEST_F(Ec2TroubleTest, OneJobTakesFewCalls) {
  const JobId id = started_job();
  take(id);
  cloud.end_runner(runner().machine, 0);
  ASSERT_TRUE(core::runner_ended(context(), runner().machine, 0));
  EXPECT_EQ(runner().phase, Phase::gone);
  std::map<std::string, int> calls;
  for (const char* operation :
       {"DescribeLaunchTemplates", "DescribeSubnets", "CreateFleet", "DescribeInstances",
        "DescribeInstanceInformation", "PUT", "SendCommand", "ListCommandInvocations",
        "DescribeSpotInstanceRequests", "CancelSpotInstanceRequests", "TerminateInstances"}) {
    if (const int count = cloud.count(operation); count > 0) calls[operation] = count;
  }
  const std::map<std::string, int> expected{
      {"DescribeLaunchTemplates", 1},      // once a minute
      {"DescribeSubnets", 1},              // once a process
      {"CreateFleet", 1},                  // once a batch
      {"DescribeInstances", 1},            // once a batch
      {"DescribeInstanceInformation", 2},  // once a look, for fifty machines
      {"PUT", 1},
      {"SendCommand", 1},
      {"DescribeSpotInstanceRequests", 1},
      {"CancelSpotInstanceRequests", 1},
      {"TerminateInstances", 1}};
  EXPECT_EQ(calls, expected);
}

}  // namespace

}  // namespace jitney::aws
