// SPDX-License-Identifier: Apache-2.0
// What stands around the core and calls its five functions: turns webhooks, messages, timers and
// notices of machines into calls, each on a fiber with a deadline. One thread.
#pragma once

#include <functional>
#include <set>

#include "core/functions.hpp"
#include "sim/world/hub.hpp"
#include "sim/world/machines.hpp"
#include "sim/world/random.hpp"
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
  Host(Scheduler& scheduler, Random& random, const core::Deployment& deployment, Ports ports)
      : scheduler_(scheduler), random_(random), deployment_(deployment), ports_(ports) {}
  virtual ~Host() = default;

  virtual void start() = 0;
  // `answered` is told whether it was a 2xx; never called when nobody answers.
  virtual void webhook(const Webhook& hook, std::function<void(bool)> answered) = 0;
  virtual void notice(const Notice& notice) = 0;
  // Every function that runs dies where it is; what is durable stays. Back after `down`.
  virtual void restart(core::Duration down) = 0;
  // The faults of the world have stopped.
  virtual void relieve() = 0;

 protected:
  using Body = std::function<void(const core::Context&)>;
  // A fiber for one function; `ended` runs however it ends.
  TaskId run(core::Duration time, Body body, std::function<void()> ended = [] {});
  void every(core::Duration interval, std::function<void()> action);
  void kill_all();
  static core::Status take_in(const core::Context& context, const Webhook& hook);
  static core::Status act_on(const core::Context& context, const Notice& notice);
  // What becomes of a message whose function answered so. true: it may be removed.
  bool settled(const core::Context& context, const core::Delivery& delivery,
               const core::Status& handled);

  Scheduler& scheduler_;
  Random& random_;
  const core::Deployment& deployment_;
  Ports ports_;

 private:
  std::set<TaskId> running_;
};

}  // namespace jitney::sim
