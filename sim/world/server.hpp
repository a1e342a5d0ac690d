// SPDX-License-Identifier: Apache-2.0
// `jitney serve` around the core: workers on a queue, timers, a listener that nobody hears while it
// is down. One thread.
#pragma once

#include "sim/world/host.hpp"

namespace jitney::sim {

class Server final : public Host {
 public:
  // `hears`: whether its fleet tells it of ended runners; else it has lists only.
  Server(Scheduler& scheduler, Random& random, const core::Deployment& deployment, Ports ports,
         bool hears)
      : Host(scheduler, random, deployment, ports), hears_(hears) {}

  void start() override;
  void webhook(const Webhook& hook, std::function<void(bool)> answered) override;
  void notice(const Notice& notice) override;
  void restart(core::Duration down) override;
  void relieve() override { up_again_ = {}; }

 private:
  [[nodiscard]] bool up() const { return scheduler_.now() >= up_again_; }
  void timer(core::Duration interval, Body body);
  void take();
  void carry_out(const core::Delivery& delivery);
  void end_of(const Notice& notice, int tries);

  const bool hears_;
  core::Time up_again_{};
  int messages_under_way_ = 0;
};

}  // namespace jitney::sim
