// SPDX-License-Identifier: Apache-2.0
// Writes: load the row, apply the core's function, store the row, one transaction. Reads and notes:
// sqlite_ledger_reads.cpp.
#include "local/sqlite_ledger.hpp"

#include <algorithm>

#include "core/timeline.hpp"
#include "local/rows.hpp"

namespace jitney::local {

using core::Fault;

namespace {

void raise_version(Connection& connection, std::string_view pool) {
  core::PoolState state = find_pool(connection, pool);
  ++state.version;
  store_pool(connection, state);
}

void store_change(Connection& connection, const core::Job* before, const core::Job& after,
                  core::Time at, std::string_view text) {
  store_job(connection, after, at);
  append_job_line(connection, after.id, at, text);
  if (core::lowers_demand(before, after)) raise_version(connection, after.pool);
}

std::optional<core::RunnerName> owner_of(Connection& connection, const core::MachineId& machine) {
  Statement row =
      connection.prepare("SELECT name FROM runners WHERE machine = ? AND machine <> ''");
  if (!row.bind(machine).step()) return std::nullopt;
  return row.text();
}

// Said once however often it is tried again, so that no timeline grows without bound.
void note_refusal(Connection& connection, const core::RunnerName& name, core::Time now,
                  const std::string& text) {
  const std::string subject = core::runner_subject(name);
  {
    Statement last =
        connection.prepare("SELECT text FROM timeline WHERE subject = ? ORDER BY id DESC LIMIT 1");
    if (last.bind(subject).step() && last.text() == text) return;
  }
  append_line(connection, subject, now, text);
}

// A refusal is an answer, and its line in the timeline is to be kept: it is no error of the
// transaction.
core::Result<core::Runner> move(Connection& connection, const core::RunnerName& name,
                                core::Event event, const core::Facts& facts, core::Time now) {
  const std::optional<core::Runner> before = find_runner(connection, name);
  if (!before) return core::fail(Fault::not_found, "the ledger knows no runner " + name);
  if (!facts.machine.empty()) {
    const auto owner = owner_of(connection, facts.machine);
    if (owner && *owner != name) {
      const std::string why = "machine " + facts.machine + " belongs to runner " + *owner;
      note_refusal(connection, name, now, "refused: " + why);
      return core::fail(Fault::conflict, why);
    }
  }
  auto after = core::advance(*before, event, facts, now);
  if (!after) {
    note_refusal(connection, name, now, after.error().what);
    return after;
  }
  if (*after == *before) return after;
  store_runner(connection, *after, now);
  append_line(connection, core::runner_subject(name), now,
              core::runner_change(*before, *after, event));
  const bool released = before->live() && !after->live();
  if (released || core::lowers_supply(*before, *after)) {
    core::PoolState pool = find_pool(connection, before->pool);
    ++pool.version;
    pool.live -= released ? 1 : 0;
    store_pool(connection, pool);
  }
  return after;
}

// A late in_progress may be the first to name the runner of a job that is completed already: then
// the end is what the runner is told.
std::optional<core::Runner> tell_runner(Connection& connection, const core::Job& job,
                                        const core::JobEvent& event) {
  if (event.runner_name.empty() || event.status < core::JobStatus::in_progress) return std::nullopt;
  core::Facts facts;
  facts.job = event.id;
  facts.forge_id = event.runner_id;
  const bool over = job.status == core::JobStatus::completed;
  auto moved = move(connection, event.runner_name,
                    over ? core::Event::job_ended : core::Event::job_started, facts, event.seen_at);
  if (!moved) return std::nullopt;  // not ours, or refused and noted
  return *moved;
}

core::Recorded apply(Connection& connection, const core::JobEvent& event) {
  const std::optional<core::Job> before = find_job(connection, event.id);
  const core::Job* known = before ? &*before : nullptr;
  core::Recorded recorded;
  recorded.was_demand = before && before->demand(event.seen_at);
  recorded.was_dead = before && before->dead;
  const std::optional<core::Job> after = core::apply(known, event);
  recorded.changed = after.has_value();
  recorded.job = after ? *after : *before;
  if (!after) return recorded;
  store_change(connection, known, *after, event.seen_at, core::job_change(known, *after, event));
  recorded.runner = tell_runner(connection, *after, event);
  return recorded;
}

// A launch number is used once: a runner's name must never come back.
core::Status check_numbers(const core::Batch& batch, const core::PoolState& pool) {
  std::int64_t lowest = pool.next_number;
  bool rising = batch.numbers.size() == batch.runners.size();
  for (const std::int64_t number : batch.numbers) {
    rising = rising && number >= lowest;
    lowest = number + 1;
  }
  if (rising) return {};
  return core::fail(Fault::invalid, "batch " + batch.id + " claims launch numbers of pool " +
                                        batch.pool + " that were used before");
}

void plan_runner(Connection& connection, const core::Batch& batch, std::size_t slot) {
  core::Runner runner;
  runner.name = batch.runners[slot];
  runner.pool = batch.pool;
  runner.number = batch.numbers[slot];
  runner.batch = batch.id;
  runner.launched_for = slot < batch.jobs.size() ? batch.jobs[slot] : 0;
  runner.created_at = runner.phase_since = batch.created_at;
  store_runner(connection, runner, batch.created_at);
  append_line(connection, core::runner_subject(runner.name), batch.created_at,
              "planned in batch " + batch.id);
  if (runner.launched_for != 0) {
    append_job_line(connection, runner.launched_for, batch.created_at,
                    "runner " + runner.name + " claimed for it");
  }
}

// Loads the job, lets `rule` change it, stores the change. `rule` answers nullopt for "no change".
template <class Rule>
core::Result<core::Job> change_job(Connection& connection, core::JobId id, core::Time at,
                                   Rule&& rule) {
  const std::optional<core::Job> before = find_job(connection, id);
  if (!before) return core::fail(Fault::not_found, "the ledger knows no job " + std::to_string(id));
  std::string text;
  const std::optional<core::Job> after = rule(*before, text);
  if (!after) return *before;
  store_change(connection, &*before, *after, at, text);
  return *after;
}

}  // namespace

core::Result<std::vector<core::Recorded>> SqliteLedger::record(
    std::span<const core::JobEvent> events) {
  return database_.write([&](Connection& connection) -> core::Result<std::vector<core::Recorded>> {
    std::vector<core::Recorded> all;
    all.reserve(events.size());
    for (const core::JobEvent& event : events) all.push_back(apply(connection, event));
    return all;
  });
}

core::Result<core::Claimed> SqliteLedger::claim(const core::Batch& batch,
                                                std::int64_t expected_version, int max) {
  return database_.write([&](Connection& connection) -> core::Result<core::Claimed> {
    if (find_batch(connection, batch.id)) return core::Claimed::mine;
    core::PoolState pool = find_pool(connection, batch.pool);
    if (pool.version != expected_version) return core::Claimed::outrun;
    if (auto sound = check_numbers(batch, pool); !sound) return std::unexpected(sound.error());
    const int count = static_cast<int>(batch.runners.size());
    if (pool.live + count > max) return core::Claimed::full;
    for (std::size_t slot = 0; slot < batch.runners.size(); ++slot) {
      plan_runner(connection, batch, slot);
      pool.next_number = std::max(pool.next_number, batch.numbers[slot] + 1);
    }
    pool.live += count;
    ++pool.version;
    store_pool(connection, pool);
    store_batch(connection, batch, batch.created_at);
    append_line(connection, core::batch_subject(batch.id), batch.created_at,
                core::claim_text(batch));
    return core::Claimed::ok;
  });
}

core::Result<core::Runner> SqliteLedger::advance(const core::RunnerName& name, core::Event event,
                                                 const core::Facts& facts, core::Time now) {
  core::Result<core::Runner> answer = core::fail(Fault::transient, "");
  const core::Status stored = database_.write([&](Connection& connection) -> core::Status {
    answer = move(connection, name, event, facts, now);
    return {};
  });
  if (!stored) return std::unexpected(stored.error());
  return answer;
}

core::Result<core::Batch> SqliteLedger::update(const core::Batch& batch, core::Time now,
                                               std::string_view timeline_text) {
  return database_.write([&](Connection& connection) -> core::Result<core::Batch> {
    const std::optional<core::Batch> stored = find_batch(connection, batch.id);
    if (!stored) return core::fail(Fault::not_found, "the ledger knows no batch " + batch.id);
    if (stored->version != batch.version) {
      return core::fail(Fault::conflict, "batch " + batch.id + " was changed by another");
    }
    core::Batch after = batch;
    ++after.version;
    store_batch(connection, after, now);
    if (!timeline_text.empty()) {
      append_line(connection, core::batch_subject(batch.id), now, timeline_text);
    }
    return after;
  });
}

core::Result<core::Job> SqliteLedger::fail(core::JobId id, const std::string& key,
                                           const core::Error& error,
                                           const core::RetryPolicy& policy, core::Time now) {
  return database_.write([&](Connection& connection) {
    return change_job(connection, id, now, [&](const core::Job& before, std::string& text) {
      auto after = core::after_failure(before, key, error, policy, now);
      if (after) text = core::job_failure(*after);
      return after;
    });
  });
}

core::Result<core::Job> SqliteLedger::bury(core::JobId id, const core::Death& death) {
  return database_.write([&](Connection& connection) {
    return change_job(connection, id, death.at, [&](const core::Job& before, std::string& text) {
      text = core::job_death(death);
      return core::buried(before, death);
    });
  });
}

core::Result<core::Job> SqliteLedger::redrive(core::JobId id, core::Time now) {
  return database_.write([&](Connection& connection) -> core::Result<core::Job> {
    const std::optional<core::Job> job = find_job(connection, id);
    if (job && !job->dead) {
      return core::fail(Fault::conflict, "job " + std::to_string(id) + " is not dead");
    }
    return change_job(connection, id, now, [&](const core::Job& before, std::string& text) {
      text = "redriven";
      return core::redriven(before, now);
    });
  });
}

core::Status SqliteLedger::checked(core::JobId id, core::Time now) {
  return database_.write([&](Connection& connection) -> core::Status {
    Statement row = connection.prepare("UPDATE jobs SET checked_at = ? WHERE id = ?");
    row.bind(now).bind(id).run();
    if (!connection.failed() && connection.changed_rows() == 0) {
      return core::fail(Fault::not_found, "the ledger knows no job " + std::to_string(id));
    }
    return {};
  });
}

}  // namespace jitney::local
