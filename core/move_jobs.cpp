// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "core/blame.hpp"
#include "core/functions.hpp"

namespace jitney::core {

namespace {

// A dead letter whose job lives again or is done: left over from a death between two writes.
Status forget_stale(const Context& context) {
  const auto letters = context.queue.dead_letters(1000);
  if (!letters) return std::unexpected(letters.error());
  for (const DeadLetter& letter : *letters) {
    if (letter.message.kind != MessageKind::dead_job) continue;
    JobId id = 0;
    const std::string& key = letter.message.key;
    std::from_chars(key.data(), key.data() + key.size(), id);
    const auto job = context.ledger.job(id);
    if (!job) return std::unexpected(job.error());
    if (*job && (*job)->dead) continue;
    if (Status forgotten = forget_letter(context.queue, id); !forgotten) return forgotten;
  }
  return {};
}

Status move(const Context& context, const Job& job, Moved& moved) {
  if (Status asked = check_job(context, job.id); !asked) return asked;
  const auto now = context.ledger.job(job.id);
  if (!now) return std::unexpected(now.error());
  if (!*now || !(*now)->dead) {
    moved.closed += 1;
    return forget_letter(context.queue, job.id);
  }
  const bool hopeless = (*now)->dead->permanent || context.deployment.pool(job.pool) == nullptr;
  if (hopeless || (*now)->redrives >= context.deployment.max_redrives) {
    moved.kept += 1;
    return {};
  }
  const auto alive = redrive(context.ledger, context.queue, job.id, context.clock.now());
  if (!alive) return std::unexpected(alive.error());
  moved.redriven += 1;
  return {};
}

// GitHub is asked first: what is over needs no letter.
Status bury_stray(const Context& context, const Job& job, Moved& moved) {
  if (context.forge(job.scope) != nullptr) {
    if (Status asked = check_job(context, job.id); !asked) return asked;
    const auto now = context.ledger.job(job.id);
    if (!now) return std::unexpected(now.error());
    if (!*now || (*now)->status != JobStatus::queued || (*now)->dead) return {};
  }
  moved.buried += 1;
  return bury(context, job.id,
              {.cause = "pool " + job.pool +
                        " is no longer configured. Put it back and redrive the "
                        "job, or cancel it on GitHub and run it again",
               .permanent = false,
               .at = context.clock.now()});
}

// No function looks at a pool that is not configured, so its jobs would wait for ever.
Status bury_strays(const Context& context, Moved& moved) {
  const auto queued = context.ledger.jobs(
      {.pool = {}, .status = JobStatus::queued, .open_only = true, .limit = 1000});
  if (!queued) return std::unexpected(queued.error());
  for (const Job& job : *queued) {
    if (context.out_of_time()) break;
    if (job.dead || job.pool.empty() || context.deployment.pool(job.pool) != nullptr) continue;
    if (Status done = bury_stray(context, job, moved); !done) return done;
  }
  return {};
}

}  // namespace

Result<Job> redrive(Ledger& ledger, Queue& queue, JobId id, Time now) {
  auto job = ledger.redrive(id, now);
  if (!job) {
    if (job.error().fault == Fault::conflict) static_cast<void>(forget_letter(queue, id));
    return job;
  }
  // The row is what counts: if these are lost, the sweep wakes the pool and the next move_jobs
  // forgets.
  static_cast<void>(forget_letter(queue, id));
  static_cast<void>(queue.push({.kind = MessageKind::create_runner, .key = job->pool, .detail = ""},
                               Duration::zero(), now));
  return job;
}

Result<Moved> move_jobs(const Context& context) {
  Moved moved;
  const auto dead =
      context.ledger.jobs({.pool = {}, .status = {}, .dead_only = true, .limit = 1000});
  if (!dead) return std::unexpected(dead.error());
  std::optional<Error> trouble;
  for (const Job& job : *dead) {
    if (context.out_of_time()) break;
    if (Status done = move(context, job, moved); !done) trouble = done.error();
  }
  if (Status buried = bury_strays(context, moved); !buried) trouble = buried.error();
  if (Status forgotten = forget_stale(context); !forgotten) trouble = forgotten.error();
  if (trouble) return std::unexpected(*trouble);
  return moved;
}

}  // namespace jitney::core
