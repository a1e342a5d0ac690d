// SPDX-License-Identifier: Apache-2.0
// Counting failures against jobs, giving jobs up, and remembering runners that ended without having
// had one.
#pragma once

#include <string>

#include "core/deployment.hpp"

namespace jitney::core {

// Counts one failed launch or start against `job` (0: nobody), once a `key`; a job that dies of it
// is put among the dead letters. Idempotent.
Status blame(const Context& context, JobId job, const std::string& key, const Error& error);

// Gives a job up at once and puts it among the dead letters. Idempotent.
Status bury(const Context& context, JobId job, const Death& death);

// Takes a job that is not dead any more from the dead letters. Idempotent.
Status forget_letter(Queue& queue, JobId job);

// A runner that might have been registered ended and had no job. Remembered in the ledger, so that
// the next create_runner asks GitHub about the pool's queued jobs before it launches again: a lost
// `completed` cannot launch for ever. Idempotent.
Status remember_idle_end(const Context& context, const Runner& runner, const std::string& cause);

// Asks GitHub about demand that is in doubt, before anything is launched for it: what
// remember_idle_end left open (and blames the jobs that still wait), and jobs whose last attempt
// failed (one call a retry); and the oldest jobs when GitHub could not be reached until
// `unreachable`, which also shows that it can be reached again. true: something was asked, so read
// the pool again. A fault means that GitHub could not be asked: do not launch yet.
Result<bool> settle_doubts(const Context& context, const Pool& pool, const Snapshot& snapshot,
                           std::optional<Time> unreachable);

}  // namespace jitney::core
