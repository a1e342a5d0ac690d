// SPDX-License-Identifier: Apache-2.0
// Carries one claimed batch to its machines. Part of create_runner; safe to run twice and at once.
#pragma once

#include "core/deployment.hpp"

namespace jitney::core {

// Sends the stored request under its token, binds the machines that came, moves on to the next rung
// or abandons what stays unfilled. ok: the batch was moved on or must wait until its next_try.
Status launch(const Context& context, const Pool& pool, Batch batch);

// Gives up on every runner of the batch that has no machine. With `blamed`, their jobs count a
// failure.
Status abandon(const Context& context, const Batch& batch, const Error& error, bool blamed);

// How a wait begins that is GitHub's doing; followed by the name of the [[github]].
inline constexpr std::string_view kGithubRefuses = "GitHub refuses the credentials of";

// A wait that concerns the whole pool (free disk, a throttled provider): nothing is claimed for it
// until it is over. Kept in the ledger, where `explain` reads it.
std::string hold_key(std::string_view pool);
Status hold_launches(const Context& context, const std::string& pool, const Error& error,
                     Duration pause);
Result<std::optional<Time>> launches_held(const Context& context, const std::string& pool);

}  // namespace jitney::core
