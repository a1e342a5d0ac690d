// SPDX-License-Identifier: Apache-2.0
// EC2 and SSM as the fleet port over them sees both: capacity by type, zone and hour, calls metered
// by token buckets, launches under client tokens, boots that take their time, agents that come late
// or never, commands that are lost, machines that power themselves off. One thread; deterministic.
#pragma once

#include <memory>
#include <vector>

#include "sim/world/bucket.hpp"
#include "sim/world/capacity.hpp"
#include "sim/world/machines.hpp"
#include "sim/world/pace.hpp"

namespace jitney::sim {

class Ec2 final : public Machines {
 public:
  Ec2(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks, const Pace& pace = {});

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override;
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override;
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override;
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override;

  void reboot() override {}  // machines that reboot are another fleet's
  void new_template() override { ++template_version_; }
  void relieve() override;

 private:
  // One action's bucket, as the account has it.
  struct Meter {
    int most = 0;
    int per_second = 0;
    Bucket bucket;
  };
  core::Status metered(const char* action) override;
  void after_end(Box& box) override;
  core::Duration lag() override;
  [[nodiscard]] core::Machine show(const Box& box, core::Time as_of) const override;

  void fill(Launch& launch, const std::string& pool, const core::BatchId& batch, int rung,
            int count);
  core::MachineId boot(const std::string& pool, const core::BatchId& batch, bool spot);
  void plan_interruption(const core::MachineId& id);
  void deliver(const core::MachineId& machine, const core::RunnerName& runner,
               const std::string& jit);

  const Pace pace_;
  Capacity capacity_;
  std::map<std::string, Meter, std::less<>> meters_;
  int template_version_ = 1;
  int next_ = 1;
};

}  // namespace jitney::sim
