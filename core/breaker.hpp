// SPDX-License-Identifier: Apache-2.0
// The ledger's memory that GitHub cannot be reached, one a scope, so that every function and every
// Lambda knows it. Open: no launches, nothing is minted, forge-bound deadlines stand still;
// planning goes on.
#pragma once

#include <string>
#include <string_view>

#include "core/deployment.hpp"
#include "core/plan.hpp"

namespace jitney::core {

std::string breaker_key(std::string_view scope);

// Notes an answer of the forge. A `transient` or `throttled` fault opens the breaker (for
// retry_after, else for a minute, renewed by the next failure); anything else closes it. Writes
// only when it changes.
void note_forge(const Context& context, std::string_view scope, const Status& outcome);
template <class T>
void note_forge(const Context& context, std::string_view scope, const Result<T>& answer) {
  note_forge(context, scope, answer ? Status{} : Status(std::unexpected(answer.error())));
}

// The planner's conditions for a scope, read from the ledger.
Result<Conditions> conditions(const Context& context, std::string_view scope);

// What launching and minting need of them, from the note under breaker_key(); nullptr: there is
// none. Observes only: of deadlines it knows nothing.
Conditions launch_conditions(const Context& context, const Note* breaker);

}  // namespace jitney::core
