// SPDX-License-Identifier: Apache-2.0
// "Why is my job waiting?" in one sentence. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/deployment.hpp"

namespace jitney::core {

enum class WaitsFor {
  nothing,      // running, done
  gate,         // a deployment gate on GitHub
  no_pool,      // no pool covers its labels
  dead,         // given up; a person or move_jobs must act
  retry,        // a failed launch: waits until not_before
  github,       // GitHub is unreachable, or refuses our credentials
  cap,          // the pool is full
  capacity,     // the provider has none to give; another try is due
  disk,         // free disk is below the floor
  booting,      // its machine is on the way
  registering,  // the machine answers; the runner is being started
  pickup,       // a runner is registered; GitHub has to hand the job over
  planning,     // about to be planned
  server,       // nobody works on the ledger
};

std::string_view to_string(WaitsFor waits_for);

struct Explanation {
  WaitsFor waits_for = WaitsFor::nothing;
  std::string sentence;       // for people, with ages and times left
  std::optional<Time> until;  // when that will change at the latest, if known
};

// What the ledger remembers about why nothing can be launched now.
struct Reasons {
  std::optional<Note> breaker;  // GitHub cannot be reached
  std::optional<Note> hold;     // launches of the pool wait: free disk, a throttled provider,
                                // credentials that GitHub refuses
};
Result<Reasons> reasons(Ledger& ledger, const Job& job);

// `snapshot` is of the job's pool (empty when it has none).
Explanation explain(const Deployment& deployment, const Job& job, const Snapshot& snapshot,
                    const Reasons& reasons, Time now);

// The same where no server runs: whatever else it waits for, it waits for a server first. What
// needs none stays as it is.
Explanation without_server(Explanation explanation);

}  // namespace jitney::core
