// SPDX-License-Identifier: Apache-2.0
// One computer whose "machines" are directories with a runner's process in them, as the process
// fleet keeps them: listeners that exit and start again, kills, a full disk, a reboot that ends
// them all. One thread; deterministic.
#pragma once

#include "sim/world/machines.hpp"

namespace jitney::sim {

class Computer final : public Machines {
 public:
  Computer(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks);

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override;
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override;
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override;
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override;

  // Every process ends, none of them can say how.
  void reboot() override;
  void new_template() override {}
  void relieve() override { disk_full_until_ = {}; }

 private:
  core::Status metered(const char*) override;
  void after_end(Box&) override {}
  core::Duration lag() override { return core::Duration::zero(); }
  [[nodiscard]] core::Machine show(const Box& box, core::Time as_of) const override;

  void plan_kill(const core::MachineId& id);
  void cut(Box& box);

  core::Time disk_full_until_{};
};

}  // namespace jitney::sim
