// SPDX-License-Identifier: Apache-2.0
// What every function of the core is given: the configuration, the ports and a deadline.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/fleet.hpp"
#include "core/forge.hpp"
#include "core/ledger.hpp"
#include "core/pool.hpp"
#include "core/queue.hpp"

namespace jitney::core {

// Immutable after start; shared by all functions.
struct Deployment {
  std::string name;  // [a-z0-9-]{1,20}: the prefix of every runner name, the tag of every machine
  std::vector<Pool> pools;  // in order of preference
  RetryPolicy retry{{std::chrono::minutes(1), std::chrono::minutes(2), std::chrono::minutes(4),
                     std::chrono::minutes(8), std::chrono::minutes(15), std::chrono::minutes(15)}};
  int batch_size = 50;
  int max_redrives = 3;  // of move_jobs, not of people
  Duration sweep_interval = std::chrono::minutes(1);
  Duration settle = std::chrono::seconds(10);  // after a job's end, for the runner to end by itself
  Duration orphan_grace = std::chrono::minutes(3);  // disagreement older than this is acted on
  Duration check_after = std::chrono::minutes(10);  // queued jobs older than this: ask GitHub
  int checks_per_sweep = 20;                        // GitHub calls one sweep may spend on questions
  Duration poll_interval = std::chrono::seconds(30);  // between two questions about one repository
  Duration retention = std::chrono::hours(24 * 14);   // of finished rows

  [[nodiscard]] const Pool* pool(std::string_view name) const;
  // Whether it reads <deployment>-<configured pool>-<launch number>. A common beginning is not
  // enough: beside "prod" there may be a deployment "prod-east".
  [[nodiscard]] bool names(std::string_view runner) const;
};

// Borrowed; everything outlives the call. The ports are thread-safe, so one Context may serve
// several threads at once. `deadline`: no new effect is begun after it; what is left waits for the
// next wake-up.
struct Context {
  const Deployment& deployment;
  Ledger& ledger;
  Queue& queue;
  Fleet& fleet;
  const std::map<std::string, Forge*, std::less<>>& forges;  // by scope name
  Clock& clock;
  Time deadline;

  [[nodiscard]] Forge* forge(std::string_view scope) const;
  [[nodiscard]] bool out_of_time() const { return clock.now() >= deadline; }
};

}  // namespace jitney::core
