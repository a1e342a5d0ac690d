// SPDX-License-Identifier: Apache-2.0
// What the real adapters do between the core and the vendors that costs time: writes to GitHub at a
// distance from each other, retries of throttled calls to AWS, several calls where one answers for
// few machines. One thread; only meant for fibers of the Scheduler.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/fleet.hpp"
#include "core/forge.hpp"
#include "sim/world/random.hpp"
#include "sim/world/scheduler.hpp"

namespace jitney::bench {

// As github::Governor: one for each process, so that processes know nothing of each other.
class SpacedForge final : public core::Forge {
 public:
  SpacedForge(core::Forge& inner, sim::Scheduler& scheduler, core::Duration spacing)
      : inner_(inner), scheduler_(scheduler), spacing_(spacing) {}

  core::Result<core::Minted> mint(const core::RunnerName& name, std::span<const std::string> labels,
                                  std::int64_t group) override {
    take_turn();
    return inner_.mint(name, labels, group);
  }
  core::Result<core::Removal> remove(core::ForgeId id) override {
    take_turn();
    return inner_.remove(id);
  }
  core::Status redeliver(std::int64_t delivery) override {
    take_turn();
    return inner_.redeliver(delivery);
  }
  core::Result<std::optional<core::Registration>> find(const core::RunnerName& name) override {
    return inner_.find(name);
  }
  core::Result<std::vector<core::Registration>> runners() override { return inner_.runners(); }
  core::Result<core::JobEvent> job(const std::string& repository, core::JobId id) override {
    return inner_.job(repository, id);
  }
  core::Result<std::vector<core::JobEvent>> run_jobs(const std::string& repository,
                                                     std::int64_t run) override {
    return inner_.run_jobs(repository, run);
  }
  core::Result<std::vector<std::string>> repositories() override { return inner_.repositories(); }
  core::Result<std::vector<core::JobEvent>> open_jobs(const std::string& repository) override {
    return inner_.open_jobs(repository);
  }
  core::Result<core::Deliveries> failed_deliveries(core::Time since) override {
    return inner_.failed_deliveries(since);
  }
  std::optional<core::CallBudget> budget() override { return inner_.budget(); }

 private:
  void take_turn() {
    const core::Time turn = std::max(scheduler_.now(), next_);
    next_ = turn + spacing_;
    if (turn > scheduler_.now()) scheduler_.pause(turn - scheduler_.now());
  }

  core::Forge& inner_;
  sim::Scheduler& scheduler_;
  const core::Duration spacing_;
  core::Time next_{};
};

// As aws::Client and aws::SsmStart.
class RetryingFleet final : public core::Fleet {
 public:
  RetryingFleet(core::Fleet& inner, sim::Scheduler& scheduler, sim::Random& random)
      : inner_(inner), scheduler_(scheduler), random_(random) {}

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override {
    return inner_.compose(pool, batch, rung, count);
  }
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override {
    return patiently([&] { return inner_.launch(request, token); });
  }
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override {
    std::vector<core::MachineId> all;
    while (!machines.empty()) {
      const auto some = machines.first(std::min(machines.size(), kMachinesACall));
      machines = machines.subspan(some.size());
      const auto answered = patiently([&] { return inner_.answering(some); });
      if (!answered) return answered;
      all.insert(all.end(), answered->begin(), answered->end());
    }
    return all;
  }
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override {
    return patiently([&] { return inner_.start(machine, runner, jit); });
  }
  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override {
    return patiently([&] { return inner_.stop(machines); });
  }
  core::Result<std::vector<core::Machine>> list() override {
    return patiently([&] { return inner_.list(); });
  }
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override {
    return patiently([&] { return inner_.find(machine); });
  }

  [[nodiscard]] int throttled() const { return throttled_; }

 private:
  static constexpr std::size_t kMachinesACall = 50;
  static constexpr int kTries = 4;
  static constexpr core::Duration kFirstWait{100};

  template <class Call>
  auto patiently(Call&& call) -> decltype(call()) {
    for (int tries = 1;; ++tries) {
      auto answer = call();
      if (answer || answer.error().fault != core::Fault::throttled) return answer;
      ++throttled_;
      if (tries == kTries) return answer;
      scheduler_.pause(random_.between(core::Duration{}, kFirstWait * (1 << (tries - 1))));
    }
  }

  core::Fleet& inner_;
  sim::Scheduler& scheduler_;
  sim::Random& random_;
  int throttled_ = 0;
};

}  // namespace jitney::bench
