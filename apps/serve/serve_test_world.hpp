// SPDX-License-Identifier: Apache-2.0
// What the tests of the server's parts share: the contract-tested fakes behind one Context.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/host/metrics_ports.hpp"
#include "apps/serve/metrics.hpp"
#include "apps/serve/workers.hpp"
#include "tests/fakes/fake_ledger.hpp"
#include "tests/fakes/fake_queue.hpp"

namespace jitney::app {

// Looks again and again until `reached`, for at most half a minute.
inline bool eventually(const std::function<bool()>& reached) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!reached()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class WallClock final : public core::Clock {
 public:
  core::Time now() override {
    return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
  }
};

inline core::Pool test_pool(const std::string& name, int max) {
  core::Pool pool;
  pool.name = name;
  pool.labels = {"self-hosted", name};
  pool.scope = "acme";
  pool.max = max;
  return pool;
}

inline core::JobEvent test_event(core::JobId id, core::JobStatus status,
                                 const std::string& label = "template_cpu") {
  core::JobEvent event;
  event.id = id;
  event.status = status;
  event.scope = "acme";
  event.repository = "acme/shop";
  event.run_id = 1;
  event.name = "job " + std::to_string(id);
  event.labels = {"self-hosted", label};
  event.seen_at = WallClock().now();
  return event;
}

// A ledger whose record() can be held up and is counted.
class GatedLedger final : public MeteredLedger {
 public:
  using MeteredLedger::MeteredLedger;

  core::Result<std::vector<core::Recorded>> record(
      std::span<const core::JobEvent> events) override {
    {
      std::unique_lock lock(mutex_);
      ++records_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    }
    return MeteredLedger::record(events);
  }

  void open(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  int records() {
    const std::lock_guard lock(mutex_);
    return records_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int records_ = 0;
};

// Webhooks, messages and questions of the admin listener must not touch machines: whoever does
// fails the test.
class ForbiddenFleet final : public core::Fleet {
 public:
  core::Result<std::string> compose(const core::Pool&, const core::Batch&, int, int) override {
    return refuse("compose");
  }
  core::Result<core::LaunchOutcome> launch(const std::string&, const std::string&) override {
    return refuse("launch");
  }
  core::Result<std::vector<core::MachineId>> answering(std::span<const core::MachineId>) override {
    return refuse("answering");
  }
  core::Status start(const core::MachineId&, const core::RunnerName&,
                     const core::Secret&) override {
    return refuse("start");
  }
  core::Result<std::vector<core::MachineId>> stop(std::span<const core::MachineId>) override {
    return refuse("stop");
  }
  core::Result<std::vector<core::Machine>> list() override { return refuse("list"); }
  core::Result<std::optional<core::Machine>> find(const core::MachineId&) override {
    return refuse("find");
  }

 private:
  static std::unexpected<core::Error> refuse(const char* call) {
    ADD_FAILURE() << "the fleet was asked to " << call;
    return core::fail(core::Fault::invalid, call);
  }
};

struct TestWorld {
  core::Deployment deployment = [] {
    core::Deployment made;
    made.name = "test";
    made.pools = {test_pool("template_cpu", 8), test_pool("template_gpu", 2)};
    return made;
  }();
  WallClock clock;
  fakes::FakeLedger store;
  fakes::FakeQueue queue;
  ForbiddenFleet fleet;
  Metrics metrics{deployment.pools, {"acme"}};
  GatedLedger ledger{store, metrics};
  std::map<std::string, core::Forge*, std::less<>> forges;

  NewContext new_context(core::Queue& through) {
    return [this, &through](core::Duration time) {
      return core::Context{deployment, ledger, through, fleet, forges, clock, clock.now() + time};
    };
  }
};

}  // namespace jitney::app
