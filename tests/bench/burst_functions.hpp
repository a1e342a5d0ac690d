// SPDX-License-Identifier: Apache-2.0
// Lambda as terraform/ sets it up: a mapping with batches of ten and so many environments at most,
// webhooks each in an environment of its own, the events of EC2 through the queue, a sweep a
// minute. Batches go through apps/lambda as they do there. One thread.
#pragma once

#include <memory>
#include <vector>

#include "sim/world/host.hpp"
#include "sim/world/sqs.hpp"
#include "tests/bench/burst_ports.hpp"

namespace jitney::bench {

struct FunctionOptions {
  int environments = 5;                                   // of create_runner
  core::Duration write_spacing{std::chrono::seconds(1)};  // [[github]] write_spacing
};

class Functions final : public sim::Host {
 public:
  // Takes messages from `sqs` itself, which the port of the core ends in.
  Functions(sim::Scheduler& scheduler, sim::Random& random, const core::Deployment& deployment,
            Ports ports, sim::Sqs& sqs, const FunctionOptions& options);

  void start() override;
  void webhook(const sim::Webhook& hook, std::function<void(bool)> answered) override;
  void notice(const sim::Notice& notice) override;
  void restart(core::Duration) override { kill_all(); }
  void relieve() override {}

  [[nodiscard]] int invocations() const { return invocations_; }

 private:
  // A process that stays for the next event.
  struct Environment {
    Environment(core::Forge& shared, sim::Scheduler& scheduler, core::Duration spacing)
        : forge(shared, scheduler, spacing) {}
    SpacedForge forge;
    std::map<std::string, core::Forge*, std::less<>> forges;
    bool warm = false;
    bool busy = false;
  };

  Environment* idle();
  void poll();
  void carry_out(Environment& environment, const std::vector<core::Delivery>& messages,
                 const std::vector<std::string>& notices);

  sim::Sqs& sqs_;
  std::vector<std::unique_ptr<Environment>> environments_;
  std::vector<std::string> notices_;  // envelopes of EventBridge that wait in the queue
  int invocations_ = 0;
};

}  // namespace jitney::bench
