// SPDX-License-Identifier: Apache-2.0
// What the two fleets of the simulated world have in common: the machines there ever were, what
// runs on them, and what the world hears of it. One thread; deterministic.
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

// One machine as it is, whatever lists say.
struct Box {
  core::MachineId id;
  std::string pool;
  core::BatchId batch;
  bool ours = true;
  bool spot = false;
  core::Time launched_at{};
  core::Time running_at{};
  core::Time answers_at{};  // Time::max(): never
  core::Time gone_at{};     // Time{}: it is there
  std::string lost;         // why it went, when we did not ask for it
  core::RunnerName runner;  // what the first start that took effect began
  std::string jit;
  bool started = false;
  bool ended = false;
  core::Time ended_at{};
  std::optional<int> exit_code;
  int runs = 0;  // of the listener: some exit codes mean "again"
  [[nodiscard]] bool alive() const { return gone_at == core::Time{}; }
};

// What a fleet tells its host, by a listener or by EventBridge.
struct Notice {
  enum class Kind { runner_ended, machine_running, machine_gone, interruption };
  Kind kind = Kind::runner_ended;
  core::MachineId machine;
  std::optional<int> exit_code;
};

class Machines : public core::Fleet {
 public:
  struct Hooks {
    std::function<void(const Box&)> run;       // a listener starts on it
    std::function<void(const Box&)> gone;      // power off under a runner
    std::function<void(const Box&)> stopping;  // the core asked for it
    std::function<void(const Notice&)> notice;
  };

  // The listener on the machine exited, by itself or killed (no code).
  void runner_ended(const core::MachineId& machine, std::optional<int> exit_code);
  // People and chance: one step of trouble.
  virtual void reboot() = 0;
  virtual void new_template() = 0;
  virtual void relieve() = 0;  // the faults of the world have stopped

  [[nodiscard]] const std::map<core::MachineId, Box>& boxes() const { return boxes_; }
  [[nodiscard]] bool changed_request_seen() const { return changed_request_seen_; }
  [[nodiscard]] int foreign_stopped() const { return foreign_stopped_; }
  [[nodiscard]] long calls() const { return calls_; }

  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override;
  core::Result<std::vector<core::Machine>> list() override;
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override;

 protected:
  Machines(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks);

  // Whether this action is not throttled now.
  virtual core::Status metered(const char* action) = 0;
  virtual void after_end(Box& box) = 0;
  [[nodiscard]] virtual core::Duration lag() = 0;
  // What can be known of it; `as_of` for lists.
  [[nodiscard]] virtual core::Machine show(const Box& box, core::Time as_of) const = 0;

  // The faults of the first launch of this request stand for every later one with its token.
  struct Launch {
    std::string request;
    std::vector<core::MachineId> machines;
    std::vector<core::Error> faults;
  };
  [[nodiscard]] core::LaunchOutcome told(const Launch& launch) const;
  // The launch known under this token, or null. `invalid`: the request has changed.
  core::Result<const Launch*> repeated(const std::string& token, const std::string& request);

  Box* alive(const core::MachineId& machine);
  Box& add(Box box);
  void begin(Box& box, const core::RunnerName& runner, const std::string& jit);
  void end(Box& box, const std::string& lost);
  void tell(Notice::Kind kind, const Box& box, core::Duration after);

  Scheduler& scheduler_;
  Random& random_;
  const Mix& mix_;
  Hooks hooks_;
  std::map<core::MachineId, Box> boxes_;
  std::map<std::string, Launch> launches_;  // by token
  long calls_ = 0;

 private:
  bool changed_request_seen_ = false;
  int foreign_stopped_ = 0;
};

}  // namespace jitney::sim
