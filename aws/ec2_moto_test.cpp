// SPDX-License-Identifier: Apache-2.0
// The EC2 fleet on moto, as far as moto plays EC2, S3 and Systems Manager: it takes other people's
// word for what a request looks like, where the stub of tests/aws/cloud.hpp takes ours. It knows no
// client tokens, error sets, agents or lives of commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/ec2_fleet.hpp"
#include "aws/xml.hpp"
#include "tests/aws/moto.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_ledger.hpp"

namespace jitney::aws {

namespace {

using core::Fault;
using core::MachineId;
using testing::UnorderedElementsAreArray;

constexpr const char* kBucketPlace =
    "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";

class Ec2MotoTest : public testing::Test {
 protected:
  Ec2MotoTest() : client_(tests::Moto::shared().client()) {
    options_.deployment = tests::Moto::fresh_name("d");
    Ec2Pool& pool = options_.pools["cpu"];
    pool.launch_template = tests::Moto::fresh_name("cpu");
    call("CreateLaunchTemplate", {{"LaunchTemplateName", pool.launch_template},
                                  {"LaunchTemplateData.ImageId", "ami-12c6146b"}});
    const auto subnets = call("DescribeSubnets", {});
    for (const auto& subnet : children(child(subnets.document_element(), "subnetSet"), "item")) {
      if (pool.subnets.size() < 2) pool.subnets.push_back(text_at(subnet, {"subnetId"}));
    }
    pool.rungs = {{Market::spot, {"m5.large", "c5.large"}}, {Market::on_demand, {"m5.large"}}};
    options_.ssm = {.region = "eu-west-1",
                    .jit_bucket = tests::Moto::fresh_name("jit"),
                    .machine_role_id = "AROAEXAMPLE",
                    .script = "s3://scripts/jitney-runner",
                    .log_group = "/jitney/runners"};
    const auto bucket = client_->s3("PUT", options_.ssm.jit_bucket, "", {}, {}, kBucketPlace);
    EXPECT_TRUE(bucket) << bucket.error().what;
    fleet_ = std::make_unique<Ec2Fleet>(options_, *client_, ledger_, clock_);
  }

  pugi::xml_document call(std::string_view operation, const Parameters& parameters) {
    auto answer = client_->query(Service::ec2, operation, parameters);
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? *std::move(answer) : pugi::xml_document{};
  }
  std::vector<MachineId> launched(int count, int rung = 0) {
    core::Pool pool;
    pool.name = "cpu";
    core::Batch batch;
    batch.id = options_.deployment + "-cpu-1";
    const auto text = fleet_->compose(pool, batch, rung, count);
    EXPECT_TRUE(text) << text.error().what;
    const auto outcome = fleet_->launch(text.value_or(""), batch.id + "/" + std::to_string(rung));
    EXPECT_TRUE(outcome) << outcome.error().what;
    std::vector<MachineId> ids;
    if (!outcome) return ids;
    EXPECT_TRUE(outcome->faults.empty());
    for (const core::Machine& machine : outcome->machines) {
      EXPECT_EQ(machine.pool, "cpu");
      EXPECT_EQ(machine.batch, batch.id);
      ids.push_back(machine.id);
    }
    return ids;
  }
  std::vector<MachineId> listed() {
    const auto machines = fleet_->list();
    EXPECT_TRUE(machines) << machines.error().what;
    std::vector<MachineId> ids;
    for (const core::Machine& machine : machines.value_or(std::vector<core::Machine>{})) {
      ids.push_back(machine.id);
    }
    return ids;
  }
  std::string lifecycle(const MachineId& id) {
    Parameters ask;
    add_filter(ask, "instance-id", {id});
    const auto answer = call("DescribeInstances", ask);
    return text_at(answer.document_element(),
                   {"reservationSet", "item", "instancesSet", "item", "instanceLifecycle"});
  }

  std::unique_ptr<Client> client_;
  fakes::FakeClock clock_;
  fakes::FakeLedger ledger_;
  Ec2FleetOptions options_;
  std::unique_ptr<Ec2Fleet> fleet_;
};

TEST_F(Ec2MotoTest, LaunchesOnSpotThenOnDemandWithOurTags) {
  const auto spot = launched(3);
  ASSERT_EQ(spot.size(), 3U);
  const auto on_demand = launched(1, 1);
  ASSERT_EQ(on_demand.size(), 1U);
  EXPECT_EQ(lifecycle(spot.front()), "spot");
  EXPECT_EQ(lifecycle(on_demand.front()), "");
  auto all = spot;
  all.push_back(on_demand.front());
  EXPECT_THAT(listed(), UnorderedElementsAreArray(all));
}

TEST_F(Ec2MotoTest, ListsNoMachinesOfAnotherDeployment) {
  launched(1);
  Ec2FleetOptions other = options_;
  other.deployment = tests::Moto::fresh_name("other");
  Ec2Fleet stranger(other, *client_, ledger_, clock_);
  EXPECT_TRUE(stranger.list()->empty());
}

TEST_F(Ec2MotoTest, StopsAllButTheUnknownWithTheirSpotRequests) {
  const auto ids = launched(3);
  std::vector<MachineId> asked = ids;
  asked.insert(asked.begin() + 1, "i-0123456789abcdef0");
  EXPECT_THAT(fleet_->stop(asked).value(), UnorderedElementsAreArray(asked));
  EXPECT_TRUE(listed().empty());
  EXPECT_EQ(fleet_->find(ids.front()).value(), std::nullopt);
  Parameters ask;
  add_filter(ask, "instance-id", ids);
  add_filter(ask, "state", {"open", "active"});
  const auto left = call("DescribeSpotInstanceRequests", ask);
  EXPECT_TRUE(children(child(left.document_element(), "spotInstanceRequestSet"), "item").empty());
}

TEST_F(Ec2MotoTest, PutsTheJitConfigurationWhereOnlyTheMachineMayReadAndSendsACommand) {
  const auto ids = launched(1);
  ASSERT_EQ(ids.size(), 1U);
  const core::Status started = fleet_->start(ids[0], "d-cpu-1", core::Secret("jit-configuration"));
  ASSERT_TRUE(started) << started.error().what;
  const auto object = client_->s3("GET", options_.ssm.jit_bucket, jit_key("AROAEXAMPLE", ids[0]));
  ASSERT_TRUE(object) << object.error().what;
  EXPECT_EQ(object->body, "jit-configuration");
}

TEST_F(Ec2MotoTest, ATemplateThatIsMissingIsSomethingForAPerson) {
  options_.pools["cpu"].launch_template = "no-such-template";
  Ec2Fleet fleet(options_, *client_, ledger_, clock_);
  core::Pool pool;
  pool.name = "cpu";
  const auto composed = fleet.compose(pool, core::Batch{}, 0, 1);
  ASSERT_FALSE(composed);
  EXPECT_EQ(composed.error().fault, Fault::invalid);
}

}  // namespace

}  // namespace jitney::aws
