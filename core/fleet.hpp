// SPDX-License-Identifier: Apache-2.0
// Machines. A port: local::ProcessFleet (a machine is a directory with a process in it), an EC2
// adapter, and the fake; all pass tests/contract/fleet_contract.hpp. Implementations are
// thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ledger.hpp"
#include "core/pool.hpp"
#include "core/secret.hpp"

namespace jitney::core {

enum class MachineState {
  pending,   // exists, does not answer yet
  running,   // answers; a runner may or may not run on it
  ended,     // the runner it ran has ended; the machine itself still has to be stopped
  stopping,  // on its way out for good: counts as gone for capacity, still listed
};

std::string_view to_string(MachineState state);

struct Machine {
  MachineId id;
  std::string pool;
  BatchId batch;
  MachineState state = MachineState::pending;
  std::optional<int> exit_code;  // of the runner, when `ended` and known
  std::optional<bool>
      started;  // whether start() ever took effect on it; nullopt: the fleet cannot know
  Time launched_at{};
};

struct LaunchOutcome {
  // All that this (request, token) ever made; those that are gone already are `stopping`. Never
  // fewer than an earlier answer to the same token named: a launch number is used up by a machine,
  // not by a living one.
  std::vector<Machine> machines;
  std::vector<Error> faults;  // why there are fewer than asked, one a vendor message
};

class Fleet {
 public:
  virtual ~Fleet() = default;

  // The exact launch request for `count` machines of the batch on this rung, to be stored with the
  // claim. Pure but for reading templates. `not_found`: there is no such rung. `invalid`: the
  // pool's configuration cannot be launched. `not_ready`: a wait (free disk below the floor; the
  // text says so).
  virtual Result<std::string> compose(const Pool& pool, const Batch& batch, int rung,
                                      int count) = 0;

  // Launches what `request` says. Idempotent by `token`: sent again, it makes no second machine and
  // answers with what the first made. Machines bear deployment, pool and batch from the moment they
  // exist. Faults: no_capacity, throttled, not_ready (a wait), invalid, unauthorized, transient
  // (may have happened: send the same again).
  virtual Result<LaunchOutcome> launch(const std::string& request, const std::string& token) = 0;

  // Which of these machines answer now. One call for many; where that call does not tell whose
  // runner has ended, those may be among them: to start them again changes nothing.
  virtual Result<std::vector<MachineId>> answering(std::span<const MachineId> machines) = 0;

  // Hands the JIT configuration to the machine and starts the runner. At most one runner a machine,
  // ever: a second start while one runs or has run changes nothing and answers ok. `not_ready`:
  // nothing was started, try later. `not_found`: the machine is gone. `transient`: may have
  // happened.
  virtual Status start(const MachineId& machine, const RunnerName& runner, const Secret& jit) = 0;

  // Stops and removes them: politely first, by force soon after. Idempotent. Answers those that are
  // gone or irrevocably going, unknown ids included; one bad id does not hold up the others; the
  // rest take another call.
  virtual Result<std::vector<MachineId>> stop(std::span<const MachineId> machines) = 0;

  // Every machine that bears our deployment's mark. May lag behind launch() and stop().
  virtual Result<std::vector<Machine>> list() = 0;

  // One machine, read where it lives: does not lag. nullopt: it is gone.
  virtual Result<std::optional<Machine>> find(const MachineId& machine) = 0;
};

}  // namespace jitney::core
