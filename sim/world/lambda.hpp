// SPDX-License-Identifier: Apache-2.0
// Lambda around the core: batches of messages with answers for each, bounded concurrency, functions
// that are killed when their time is over, events that come at least once. One thread.
#pragma once

#include "sim/world/host.hpp"

namespace jitney::sim {

class Lambda final : public Host {
 public:
  Lambda(Scheduler& scheduler, Random& random, const Mix& mix, const core::Deployment& deployment,
         Ports ports)
      : Host(scheduler, random, deployment, ports),
        mix_(mix),
        at_once_(random.between(1, 10)),
        batch_(random.between(1, 10)) {}

  void start() override;
  void webhook(const Webhook& hook, std::function<void(bool)> answered) override;
  void notice(const Notice& notice) override { tell(notice, 1); }
  void restart(core::Duration) override { kill_all(); }
  void relieve() override {}

 private:
  // Killed when its time is over, wherever it is.
  void invoke(core::Duration time, Body body, std::function<void()> ended = [] {});
  void schedule(core::Duration interval, Body body);
  void poll_queue();
  void carry_out(const std::vector<core::Delivery>& deliveries);
  void tell(const Notice& notice, int receives);

  const Mix& mix_;
  const int at_once_;  // of the function that takes messages
  const int batch_;
  int taking_ = 0;
  int webhooks_ = 0;
};

}  // namespace jitney::sim
