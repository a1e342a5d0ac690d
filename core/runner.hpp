// SPDX-License-Identifier: Apache-2.0
// One ephemeral runner and its life as data. docs/lifecycle.md shows this table; a test keeps them
// equal. Pure; immutable values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/job.hpp"
#include "core/pool.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace jitney::core {

using MachineId = std::string;  // an EC2 instance id, or the name of a runner root directory
using BatchId = std::string;    // <deployment>-<pool>-<first launch number>
using ForgeId = std::int64_t;   // GitHub's runner id; 0: unknown

enum class Phase {
  planned,     // claimed; nothing done outside
  launched,    // machine known
  ready,       // machine answers, nothing minted; warm capacity waits here
  starting,    // claimed for minting, for one lease
  registered,  // JIT handed over, forge id known
  busy,        // runs a job
  stopping,    // reason recorded
  gone,        // machine gone, `live` released
};

enum class Event {
  machine_bound,  // facts.machine
  machine_answered,
  start_claimed,     // facts.lease_until; also re-claims a `starting` whose lease has passed
  start_refused,     // the machine was not ready after all; nothing is running on it
  start_done,        // facts.forge_id
  job_started,       // facts.job (0: GitHub says busy, job unknown), facts.forge_id if known
  job_ended,         // GitHub says the job this runner had is completed: proves the end
  command_ended,     // the runner's own process ended: proves the end; facts.exit_code
  machine_gone,      // proves the end
  stop_requested,    // facts.reason; refused while busy
  job_overdue,       // max_job_time is over: the one stop of a busy runner
  found_busy,        // GitHub refused to deregister: a stop must be taken back
  launch_abandoned,  // the batch got no machine for it
};

inline constexpr int kPhases = 8;
inline constexpr int kEvents = 13;

std::string_view to_string(Phase phase);
std::string_view to_string(Event event);
std::optional<Phase> parse_phase(std::string_view text);
std::optional<Event> parse_event(std::string_view text);

struct Edge {
  Phase from;
  Event event;
  Phase to;
};
// The whole life. A pair that is not in it is refused.
std::span<const Edge> lifecycle();
std::optional<Phase> next(Phase from, Event event);

// What an event brings with it.
struct Facts {
  MachineId machine;
  ForgeId forge_id = 0;
  JobId job = 0;
  Time lease_until{};
  std::optional<int> exit_code;
  std::string reason;
};

struct Runner {
  RunnerName name;
  std::string pool;
  std::int64_t number = 0;
  BatchId batch;
  JobId launched_for = 0;  // the job that caused it (0: warm). Blame for a failed launch goes
                           // there; GitHub may give it any other job
  Phase phase = Phase::planned;
  Time created_at{};
  Time phase_since{};
  MachineId machine;
  ForgeId forge_id = 0;
  bool minted = false;  // a registration may exist on GitHub: set by start_claimed, for good
  bool end_proved =
      false;             // job_ended, command_ended or machine_gone was seen: no need to ask GitHub
  bool overdue = false;  // max_job_time is over: stop it although GitHub calls it busy
  Time lease_until{};
  JobId job = 0;  // what GitHub says it took
  bool had_job = false;
  std::optional<int> exit_code;
  std::string reason;        // why it is stopping or gone
  std::int64_t version = 0;  // rises with every change; compare-and-set

  [[nodiscard]] bool live() const { return phase != Phase::gone; }
  // Counts against demand: from planned to registered.
  [[nodiscard]] bool supply() const { return phase <= Phase::registered; }
  friend bool operator==(const Runner&, const Runner&) = default;
};

// The runner after `event`, or a fault: `conflict` for a pair that is not in the table, for a
// `start_claimed` while another's lease runs, and for a second, different machine. Idempotent: an
// event that has already had its effect returns the runner unchanged (same version).
Result<Runner> advance(const Runner& runner, Event event, const Facts& facts, Time now);

}  // namespace jitney::core
