// SPDX-License-Identifier: Apache-2.0
#include "core/blame.hpp"

#include <charconv>

#include "core/functions.hpp"

namespace jitney::core {

namespace {

constexpr int kOldestChecked = 3;  // beside the jobs that the ended runners were launched for

std::string idle_end_prefix(std::string_view pool) { return "idle-end/" + std::string(pool) + "/"; }

struct IdleEnd {
  JobId job = 0;
  std::string cause;
};

// "<job id> <cause>"
IdleEnd parse_idle_end(const std::string& value) {
  IdleEnd end;
  const char* stop = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), stop, end.job);
  if (parsed.ptr != stop) end.cause.assign(parsed.ptr + 1, stop);
  return end;
}

Status add_letter(const Context& context, const Job& job) {
  if (!job.dead) return {};
  return context.queue.bury(
      {.kind = MessageKind::dead_job, .key = std::to_string(job.id), .detail = job.dead->cause},
      job.dead->cause, job.dead->at);
}

// true: GitHub was asked.
Result<bool> check_waiting(const Context& context, JobId id, Time since) {
  const auto job = context.ledger.job(id);
  if (!job) return std::unexpected(job.error());
  if (!*job || (*job)->status != JobStatus::queued || (*job)->dead) return false;
  if ((*job)->checked_at >= since) return false;
  if (Status checked = check_job(context, id); !checked) return std::unexpected(checked.error());
  return true;
}

Status settle(const Context& context, const Note& note, std::string_view prefix) {
  const IdleEnd end = parse_idle_end(note.value);
  const std::string runner = note.key.substr(prefix.size());
  if (end.job != 0) {
    if (const auto asked = check_waiting(context, end.job, note.at); !asked) {
      return std::unexpected(asked.error());
    }
    const Error error{Fault::transient, "runner " + runner + " ended without a job: " + end.cause};
    if (Status counted = blame(context, end.job, runner, error); !counted) return counted;
  }
  return context.ledger.erase_note(note.key);
}

}  // namespace

Status blame(const Context& context, JobId job, const std::string& key, const Error& error) {
  if (job == 0) return {};
  const Time now = context.clock.now();
  const auto after = context.ledger.fail(job, key, error, context.deployment.retry, now);
  if (!after) {
    if (after.error().fault == Fault::not_found) return {};
    return std::unexpected(after.error());
  }
  return add_letter(context, *after);
}

Status bury(const Context& context, JobId id, const Death& death) {
  const auto buried = context.ledger.bury(id, death);
  if (!buried) return std::unexpected(buried.error());
  return add_letter(context, *buried);
}

Status forget_letter(Queue& queue, JobId job) {
  return queue.forget(MessageKind::dead_job, std::to_string(job));
}

Status remember_idle_end(const Context& context, const Runner& runner, const std::string& cause) {
  return context.ledger.put({.key = idle_end_prefix(runner.pool) + runner.name,
                             .value = std::to_string(runner.launched_for) + " " + cause,
                             .at = context.clock.now(),
                             .expires = {}});
}

Result<bool> settle_doubts(const Context& context, const Pool& pool, const Snapshot& snapshot,
                           std::optional<Time> unreachable) {
  const std::string prefix = idle_end_prefix(pool.name);
  const auto notes = context.ledger.notes(prefix);
  if (!notes) return std::unexpected(notes.error());
  bool asked = !notes->empty();
  std::optional<Time> doubted = unreachable;
  for (const Note& note : *notes) doubted = std::max(note.at, doubted.value_or(Time{}));
  int oldest = doubted ? kOldestChecked : 0;
  for (const Job& job : snapshot.jobs) {
    if (!job.demand(context.clock.now())) continue;
    const bool retried = job.failures > 0 && job.checked_at < job.not_before;
    if (!retried && oldest == 0) continue;
    const auto checked = check_waiting(context, job.id, retried ? job.not_before : *doubted);
    if (!checked) return checked;
    asked |= *checked;
    if (oldest > 0) --oldest;
  }
  for (const Note& note : *notes) {
    if (Status settled = settle(context, note, prefix); !settled) {
      return std::unexpected(settled.error());
    }
  }
  return asked;
}

}  // namespace jitney::core
