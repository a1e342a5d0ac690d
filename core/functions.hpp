// SPDX-License-Identifier: Apache-2.0
// The five functions, and what wakes them. Each is safe to run twice, at once with any other, and
// to die between any two lines: what is true stands in the ledger, and the sweep finds what was
// left half done. They hold no state and no thread. An error means "wake me again": nothing
// acknowledged was lost.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/deployment.hpp"

namespace jitney::core {

// --- autoscaler: what GitHub says of jobs becomes rows; pools with new demand are woken

struct Accepted {
  std::size_t changed = 0;  // rows written
  std::size_t ignored = 0;  // jobs that no pool covers
};
// Durable on return; an error means that none of it is. The webhook is answered after this.
Result<Accepted> autoscaler(const Context& context, std::span<const JobEvent> events);

// --- create_runner: the only one that claims, launches, mints and starts

Status create_runner(const Context& context, const std::string& pool);

// --- stop_runner: ends one runner and its machine

// Deregisters (unless the end is proved), stops the machine, releases `live`, wakes the pool. `ok`
// also when GitHub says busy and the stop was taken back. `not_ready`: the machine is not gone yet,
// try again soon.
Status stop_runner(const Context& context, const RunnerName& runner, const std::string& reason);

// The runner's own process on `machine` ended: proof of the end. Unknown machines are left to the
// sweep.
Status runner_ended(const Context& context, const MachineId& machine, std::optional<int> exit_code);

// --- move_jobs: dead letters whose job GitHub still calls queued get another life

struct Moved {
  std::size_t redriven = 0;
  std::size_t closed = 0;
  std::size_t kept = 0;
  std::size_t buried = 0;  // of pools that are no longer configured
};
// Also makes dead letters of jobs whose pool a person took out of the configuration.
Result<Moved> move_jobs(const Context& context);

// A person's redrive of one job: clears the death, forgets the dead letter, wakes the pool. Of a
// job that is not dead any more it forgets the letter, and is `conflict`. Needs no server: whoever
// has the storage can do it.
Result<Job> redrive(Ledger& ledger, Queue& queue, JobId job, Time now);

// --- sweep: makes ledger, fleet and GitHub agree

struct Swept {
  std::size_t machines = 0;       // listed
  std::size_t registrations = 0;  // listed
  std::size_t orphans_stopped = 0;
  std::size_t ghosts_removed = 0;  // registrations of ours that no live runner owns
  std::size_t runners_stopped = 0;
  std::size_t jobs_checked = 0;
  std::size_t redelivered = 0;
  std::size_t pruned = 0;
  std::vector<std::string> troubles;  // what could not be looked at, for logs
};
Result<Swept> sweep(const Context& context);

// --- questions to GitHub

// Asks about one job and records the answer. A job that GitHub does not know any more is buried for
// good.
Status check_job(const Context& context, JobId job);
// key: "<scope> <owner/name> <run id>"
Status check_run(const Context& context, std::string_view key);
// Asks for the open jobs of the next repositories in turn, spending at most `calls`; used by
// `ingress = "poll"` and by the sweep's audit. Returns how many events were recorded.
Result<std::size_t> poll(const Context& context, int calls);

// Calls the function that `message` wakes. `ok`: acknowledge it; an error says whether and when to
// retry.
Status handle(const Context& context, const Message& message);

}  // namespace jitney::core
