// SPDX-License-Identifier: Apache-2.0
// A provider of machines with EC2's manners: client tokens that refuse a changed request, partial
// answers, lists that lag, boots that take their time or never end, interruptions. One thread;
// deterministic.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/fleet.hpp"
#include "sim/world/mix.hpp"
#include "sim/world/random.hpp"
#include "sim/world/scheduler.hpp"

namespace jitney::sim {

class Cloud final : public core::Fleet {
 public:
  struct Instance {
    core::MachineId id;
    std::string pool;
    core::BatchId batch;
    core::Time launched_at{};
    core::Time answers_at{};  // Time::max(): never
    core::Time gone_at{};     // Time{}: it is there
    core::RunnerName runner;  // started on it
    bool started = false;
    bool ended = false;
    std::optional<int> exit_code;
    [[nodiscard]] bool alive() const { return gone_at == core::Time{}; }
  };

  // What happens on machines, told to the rest of the world.
  struct Hooks {
    std::function<void(const Instance&, const std::string& jit)> started;
    std::function<void(const Instance&)> gone;      // power off under a runner
    std::function<void(const Instance&)> stopping;  // the core asked for it: for the invariants
  };

  Cloud(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks);

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override;
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override;
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override;
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override;
  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override;
  core::Result<std::vector<core::Machine>> list() override;
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override;

  // The runner's process on the machine ended.
  void runner_ended(const core::MachineId& machine, std::optional<int> exit_code);
  void interrupt(const core::MachineId& machine);

  [[nodiscard]] const std::map<core::MachineId, Instance>& instances() const { return instances_; }
  [[nodiscard]] const std::map<std::string, std::vector<core::MachineId>>& by_token() const {
    return by_token_;
  }
  [[nodiscard]] bool changed_request_seen() const { return changed_request_seen_; }

 private:
  Instance& make(const std::string& pool, const core::BatchId& batch);
  void end(Instance& instance);
  [[nodiscard]] core::Machine show(const Instance& instance, core::Time as_of) const;

  Scheduler& scheduler_;
  Random& random_;
  const Mix& mix_;
  Hooks hooks_;
  int next_ = 1;
  std::map<core::MachineId, Instance> instances_;
  std::map<std::string, std::string> requests_;  // by token
  std::map<std::string, std::vector<core::MachineId>> by_token_;
  bool changed_request_seen_ = false;
};

}  // namespace jitney::sim
