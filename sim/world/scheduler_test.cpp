// SPDX-License-Identifier: Apache-2.0
#include "sim/world/scheduler.hpp"

#include <gtest/gtest.h>

#include <string>

namespace jitney::sim {
namespace {

using namespace std::chrono_literals;

constexpr core::Time kStart{core::Duration{1'000}};

TEST(Scheduler, RunsEventsByTimeThenByOrderOfMaking) {
  Scheduler scheduler(kStart);
  std::string seen;
  scheduler.after(2s, [&] { seen += "c"; });
  scheduler.after(1s, [&] { seen += "a"; });
  scheduler.after(1s, [&] { seen += "b"; });
  EXPECT_FALSE(scheduler.run_until(kStart + 1h));
  EXPECT_EQ(seen, "abc");
  EXPECT_EQ(scheduler.now(), kStart + 2s);
}

TEST(Scheduler, FibersInterleaveAtTheirPauses) {
  Scheduler scheduler(kStart);
  std::string seen;
  for (const char name : {'x', 'y'}) {
    scheduler.spawn([&, name] {
      seen += name;
      scheduler.pause(1s);
      seen += name;
    });
  }
  scheduler.run_until(kStart + 1h);
  EXPECT_EQ(seen, "xyxy");
  EXPECT_EQ(scheduler.tasks(), 0u);
}

TEST(Scheduler, KilledFiberUnwindsAndGoesNoFurther) {
  Scheduler scheduler(kStart);
  bool unwound = false, went_on = false;
  struct Guard {
    bool& flag;
    ~Guard() { flag = true; }
  };
  const TaskId task = scheduler.spawn([&] {
    const Guard guard{unwound};
    scheduler.pause(1s);
    went_on = true;
  });
  scheduler.run_until(kStart);
  scheduler.kill(task);
  scheduler.run_until(kStart + 1h);
  EXPECT_TRUE(unwound);
  EXPECT_FALSE(went_on);
}

TEST(Scheduler, KillAllEndsWhatNeverStarted) {
  Scheduler scheduler(kStart);
  bool ran = false;
  scheduler.spawn([&] { ran = true; });
  scheduler.kill_all();
  EXPECT_EQ(scheduler.tasks(), 0u);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace jitney::sim
