// SPDX-License-Identifier: Apache-2.0
// The parts of the sweep, one a disagreement. Each looks at lists taken before the ledger was read,
// acts only on what has disagreed for longer than a grace, and confirms absence by id before it
// believes it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/functions.hpp"

namespace jitney::core {

// What the world said, taken first.
struct World {
  bool machines_known = false;
  std::vector<Machine> machines;
  std::map<std::string, std::vector<Registration>> registrations;  // by scope; absent: not known
};

World observe(const Context& context, Swept& swept);

// `judge`: false while the clock cannot be trusted; then only facts are recorded.
void reconcile_machines(const Context& context, const World& world, const std::vector<Runner>& live,
                        bool judge, Swept& swept);
void reconcile_registrations(const Context& context, const World& world,
                             const std::vector<Runner>& live, bool judge, Swept& swept);
// Deadlines, surplus, half-done stops, pools that are no longer configured; wakes pools.
void reconcile_pools(const Context& context, const std::vector<Runner>& live, bool judge,
                     Swept& swept);
// Asks GitHub about jobs that have waited or run for suspiciously long; bounded calls.
void question_jobs(const Context& context, Swept& swept);
void redeliver_webhooks(const Context& context, Swept& swept);

// True once the disagreement `key` has been seen for longer than the orphan grace. The first
// sighting is kept in the ledger, so that a new process does not start to count anew.
bool seen_for_long(const Context& context, const std::string& key);

void note_trouble(Swept& swept, std::string_view where, const Error& error);

}  // namespace jitney::core
