// SPDX-License-Identifier: Apache-2.0
// Rows of the ledger's tables as values of the core. Errors stick to the connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ledger.hpp"
#include "local/sqlite.hpp"

namespace jitney::local {

// Columns in the order in which the readers below take them.
#define JITNEY_JOB_COLUMNS                                                                      \
  "id, status, pool, scope, repository, run_id, run_attempt, name, workflow, labels, ignored, " \
  "runner_name, conclusion, created_at, queued_at, started_at, completed_at, not_before, "      \
  "failures, failure_keys, last_error, dead_cause, dead_permanent, dead_at, redrives, checked_at"
#define JITNEY_RUNNER_COLUMNS                                                             \
  "name, pool, number, batch, launched_for, phase, created_at, phase_since, machine, "    \
  "forge_id, minted, end_proved, overdue, lease_until, job, had_job, exit_code, reason, " \
  "version"
#define JITNEY_BATCH_COLUMNS                                                                 \
  "id, pool, runners, numbers, jobs, rung, request, tries, created_at, deadline, next_try, " \
  "waiting, open, version"

core::Job read_job(Statement& row);
core::Runner read_runner(Statement& row);
core::Batch read_batch(Statement& row);

std::optional<core::Job> find_job(Connection& connection, core::JobId id);
std::optional<core::Runner> find_runner(Connection& connection, const core::RunnerName& name);
std::optional<core::Batch> find_batch(Connection& connection, const core::BatchId& id);
core::PoolState find_pool(Connection& connection, std::string_view pool);  // a fresh one if unknown

void store_job(Connection& connection, const core::Job& job, core::Time changed_at);
void store_runner(Connection& connection, const core::Runner& runner, core::Time changed_at);
void store_batch(Connection& connection, const core::Batch& batch, core::Time changed_at);
void store_pool(Connection& connection, const core::PoolState& pool);

void append_line(Connection& connection, std::string_view subject, core::Time at,
                 std::string_view text);
void append_job_line(Connection& connection, core::JobId job, core::Time at, std::string_view text);
// The job that a "job:<id>" subject names.
std::optional<core::JobId> job_of_subject(std::string_view subject);

}  // namespace jitney::local
