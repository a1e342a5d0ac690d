// SPDX-License-Identifier: Apache-2.0
#include "apps/host/metrics_ports.hpp"

#include <gtest/gtest.h>

#include "core/functions_test.hpp"
#include "core/launch.hpp"

namespace jitney::app {
namespace {

class CountingMeter final : public Meter {
 public:
  void job_completed(std::string_view, std::string_view) override {}
  void queue_to_busy(std::string_view, core::Duration) override {}
  void stage(std::string_view, std::string_view, core::Duration) override {}
  void machines_launched(std::string_view pool, std::size_t count) override {
    machines[std::string(pool)] += count;
  }
  void launch_fault(core::Fault) override { ++faults; }
  void runners_claimed(std::string_view, std::size_t) override {}
  void forge_call(std::string_view, std::string_view, std::string_view) override {}

  std::map<std::string, std::size_t> machines;
  int faults = 0;
};

class MeteredPortsTest : public core::FunctionsTest {
 protected:
  core::Context metered() {
    return {
        deployment, ledger_, queue, fleet_, forges, clock, clock.now() + std::chrono::minutes(5)};
  }
  CountingMeter meter_;
  MeteredLedger ledger_{ledger, meter_};
  MeteredFleet fleet_{fleet, meter_};
};

TEST_F(MeteredPortsTest, AMachineCountsOnceHoweverOftenItsLaunchIsAskedForAgain) {
  queue_jobs(2);
  fleet.lose_launch_answers = 1;
  ASSERT_TRUE(core::create_runner(metered(), "cpu"));
  EXPECT_EQ(meter_.machines.size(), 0U) << "nobody knows of them yet";
  EXPECT_EQ(meter_.faults, 1);
  const core::Batch asked = batch("prod-cpu-1");
  clock.set(asked.next_try);
  ASSERT_TRUE(core::create_runner(metered(), "cpu"));
  // Another function had read the batch before it was closed.
  ASSERT_TRUE(core::launch(metered(), pool(), asked));
  ASSERT_EQ(fleet.launches.size(), 3U);
  EXPECT_EQ(machine_count(), 2U);
  EXPECT_EQ(meter_.machines["cpu"], 2U);
}

}  // namespace
}  // namespace jitney::app
