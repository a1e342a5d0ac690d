// SPDX-License-Identifier: Apache-2.0
// What `jitney serve` or Lambda does around the core: turns webhooks, messages, timers and ended
// runners into calls of the five functions, each on a fiber with a deadline. One thread.
#pragma once

#include <functional>
#include <set>

#include "core/functions.hpp"
#include "sim/world/scheduler.hpp"

namespace jitney::sim {

class Host {
 public:
  struct Ports {
    core::Ledger& ledger;
    core::Queue& queue;
    core::Fleet& fleet;
    const std::map<std::string, core::Forge*, std::less<>>& forges;
    core::Clock& clock;
  };
  Host(Scheduler& scheduler, const core::Deployment& deployment, Ports ports)
      : scheduler_(scheduler), deployment_(deployment), ports_(ports) {}

  void start();
  void webhook(const core::JobEvent& event, std::function<void(bool)> answered);
  void machine_ended(const core::MachineId& machine, std::optional<int> exit_code);
  // Every function that runs dies where it is; what is durable stays.
  void restart();

 private:
  void run(std::function<void(const core::Context&)> function);
  void take();
  void carry_out(const core::Delivery& delivery);
  void every(core::Duration interval, std::function<void()> action);

  Scheduler& scheduler_;
  const core::Deployment& deployment_;
  Ports ports_;
  std::set<TaskId> running_;
  int messages_under_way_ = 0;
};

}  // namespace jitney::sim
