// SPDX-License-Identifier: Apache-2.0
// A fleet in memory that keeps the whole contract of core/fleet.hpp and passes its suite.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/fleet.hpp"

namespace jitney::fakes {

class FakeFleet final : public core::Fleet {
 public:
  explicit FakeFleet(core::Clock& clock) : clock_(clock) {}

  // No more than `most` machines of the pool at a time; what is asked beyond is `no_capacity`.
  void capacity(const std::string& pool, int most);
  // The next `times` calls answer with this fault and change nothing.
  void fail_next(core::Fault fault, int times = 1);
  // How many ways of launching there are: compose() knows rungs below it.
  void rungs(int count);
  // From now on fresh machines are `pending` until boot() is told of them.
  void boot_by_hand();
  void boot(const core::MachineId& machine);
  // The runner on it ends by itself.
  void end_runner(const core::MachineId& machine, std::optional<int> exit_code);
  // How often a runner was really started on it.
  [[nodiscard]] int starts(const core::MachineId& machine) const;
  [[nodiscard]] core::RunnerName runner_on(const core::MachineId& machine) const;

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

 private:
  struct Row {
    core::Machine machine;
    core::RunnerName runner;
    int starts = 0;
    bool gone = false;  // stays, because a token names it
  };
  struct Launched {
    std::string request;
    std::vector<core::MachineId> machines;
    std::vector<core::Error> faults;
  };

  core::Status refuse();
  [[nodiscard]] int live(const std::string& pool) const;
  [[nodiscard]] core::LaunchOutcome outcome_of(const Launched& launched) const;

  core::Clock& clock_;
  mutable std::mutex mutex_;
  core::Fault fault_ = core::Fault::transient;
  int faults_left_ = 0;
  int rungs_ = 1;
  bool boot_by_hand_ = false;
  int next_id_ = 1;
  std::map<std::string, int> capacity_;
  std::map<std::string, Launched> launched_;  // by token
  std::map<core::MachineId, Row> machines_;
};

}  // namespace jitney::fakes
