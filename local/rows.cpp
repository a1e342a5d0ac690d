// SPDX-License-Identifier: Apache-2.0
#include "local/rows.hpp"

#include <charconv>
#include <utility>

namespace jitney::local {

namespace {

// A line a part; what is a line feed or a backslash in a part is escaped, so that labels and keys
// come back as they went in, whatever GitHub sends.
std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    for (const char c : part) {
      if (c == '\\')
        text += "\\\\";
      else if (c == '\n')
        text += "\\n";
      else
        text += c;
    }
    text += '\n';
  }
  return text;
}

std::string join(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += std::to_string(number) + "\n";
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      parts.push_back(std::exchange(part, {}));
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      part += text[++i] == 'n' ? '\n' : text[i];
    } else {
      part += text[i];
    }
  }
  return parts;
}

std::vector<std::int64_t> split_numbers(std::string_view text) {
  std::vector<std::int64_t> numbers;
  for (const std::string& part : split(text)) {
    std::int64_t number = 0;
    std::from_chars(part.data(), part.data() + part.size(), number);
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

core::Job read_job(Statement& row) {
  core::Job job;
  job.id = row.integer();
  job.status = static_cast<core::JobStatus>(row.number());
  job.pool = row.text();
  job.scope = row.text();
  job.repository = row.text();
  job.run_id = row.integer();
  job.run_attempt = row.integer();
  job.name = row.text();
  job.workflow = row.text();
  job.labels = split(row.text());
  job.ignored = row.text();
  job.runner_name = row.text();
  job.conclusion = row.text();
  job.created_at = row.time();
  job.queued_at = row.time();
  job.started_at = row.time();
  job.completed_at = row.time();
  job.not_before = row.time();
  job.failures = row.number();
  job.failure_keys = split(row.text());
  job.last_error = row.text();
  std::optional<std::string> cause = row.optional_text();
  const bool permanent = row.flag();
  const core::Time dead_at = row.time();
  if (cause) job.dead = core::Death{std::move(*cause), permanent, dead_at};
  job.redrives = row.number();
  job.checked_at = row.time();
  return job;
}

core::Runner read_runner(Statement& row) {
  core::Runner runner;
  runner.name = row.text();
  runner.pool = row.text();
  runner.number = row.integer();
  runner.batch = row.text();
  runner.launched_for = row.integer();
  runner.phase = static_cast<core::Phase>(row.number());
  runner.created_at = row.time();
  runner.phase_since = row.time();
  runner.machine = row.text();
  runner.forge_id = row.integer();
  runner.minted = row.flag();
  runner.end_proved = row.flag();
  runner.overdue = row.flag();
  runner.lease_until = row.time();
  runner.job = row.integer();
  runner.had_job = row.flag();
  runner.exit_code = row.optional_number();
  runner.reason = row.text();
  runner.version = row.integer();
  return runner;
}

core::Batch read_batch(Statement& row) {
  core::Batch batch;
  batch.id = row.text();
  batch.pool = row.text();
  batch.runners = split(row.text());
  batch.numbers = split_numbers(row.text());
  batch.jobs = split_numbers(row.text());
  batch.rung = row.number();
  batch.request = row.text();
  batch.tries = row.number();
  batch.created_at = row.time();
  batch.deadline = row.time();
  batch.next_try = row.time();
  batch.waiting = row.text();
  batch.open = row.flag();
  batch.version = row.integer();
  return batch;
}

std::optional<core::Job> find_job(Connection& connection, core::JobId id) {
  Statement row = connection.prepare("SELECT " JITNEY_JOB_COLUMNS " FROM jobs WHERE id = ?");
  if (!row.bind(id).step()) return std::nullopt;
  return read_job(row);
}

std::optional<core::Runner> find_runner(Connection& connection, const core::RunnerName& name) {
  Statement row =
      connection.prepare("SELECT " JITNEY_RUNNER_COLUMNS " FROM runners WHERE name = ?");
  if (!row.bind(name).step()) return std::nullopt;
  return read_runner(row);
}

std::optional<core::Batch> find_batch(Connection& connection, const core::BatchId& id) {
  Statement row = connection.prepare("SELECT " JITNEY_BATCH_COLUMNS " FROM batches WHERE id = ?");
  if (!row.bind(id).step()) return std::nullopt;
  return read_batch(row);
}

core::PoolState find_pool(Connection& connection, std::string_view pool) {
  core::PoolState state;
  state.pool = pool;
  Statement row = connection.prepare("SELECT version, next_number, live FROM pools WHERE name = ?");
  if (!row.bind(pool).step()) return state;
  state.version = row.integer();
  state.next_number = row.integer();
  state.live = row.number();
  return state;
}

void store_job(Connection& connection, const core::Job& job, core::Time changed_at) {
  Statement row = connection.prepare(
      "INSERT OR REPLACE INTO jobs(" JITNEY_JOB_COLUMNS
      ", changed_at, open) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  row.bind(job.id).bind(static_cast<int>(job.status)).bind(job.pool).bind(job.scope);
  row.bind(job.repository).bind(job.run_id).bind(job.run_attempt).bind(job.name).bind(job.workflow);
  row.bind(join(job.labels)).bind(job.ignored).bind(job.runner_name).bind(job.conclusion);
  row.bind(job.created_at).bind(job.queued_at).bind(job.started_at).bind(job.completed_at);
  row.bind(job.not_before).bind(job.failures).bind(join(job.failure_keys)).bind(job.last_error);
  row.bind(job.dead ? std::optional(job.dead->cause) : std::nullopt);
  row.bind(job.dead && job.dead->permanent).bind(job.dead ? job.dead->at : core::Time{});
  row.bind(job.redrives).bind(job.checked_at).bind(changed_at).bind(job.open());
  row.run();
}

void store_runner(Connection& connection, const core::Runner& runner, core::Time changed_at) {
  Statement row = connection.prepare(
      "INSERT INTO runners(" JITNEY_RUNNER_COLUMNS
      ", changed_at) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(name) DO UPDATE "
      "SET "
      "phase = excluded.phase, phase_since = excluded.phase_since, machine = excluded.machine, "
      "forge_id = excluded.forge_id, minted = excluded.minted, end_proved = excluded.end_proved, "
      "overdue = excluded.overdue, lease_until = excluded.lease_until, job = excluded.job, "
      "had_job = excluded.had_job, exit_code = excluded.exit_code, reason = excluded.reason, "
      "version = excluded.version, changed_at = excluded.changed_at");
  row.bind(runner.name).bind(runner.pool).bind(runner.number).bind(runner.batch);
  row.bind(runner.launched_for).bind(static_cast<int>(runner.phase)).bind(runner.created_at);
  row.bind(runner.phase_since).bind(runner.machine).bind(runner.forge_id).bind(runner.minted);
  row.bind(runner.end_proved).bind(runner.overdue).bind(runner.lease_until).bind(runner.job);
  row.bind(runner.had_job).bind(runner.exit_code).bind(runner.reason).bind(runner.version);
  row.bind(changed_at).run();
}

void store_batch(Connection& connection, const core::Batch& batch, core::Time changed_at) {
  Statement row = connection.prepare("INSERT OR REPLACE INTO batches(" JITNEY_BATCH_COLUMNS
                                     ", changed_at) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  row.bind(batch.id).bind(batch.pool).bind(join(batch.runners)).bind(join(batch.numbers));
  row.bind(join(batch.jobs)).bind(batch.rung).bind(batch.request).bind(batch.tries);
  row.bind(batch.created_at).bind(batch.deadline).bind(batch.next_try).bind(batch.waiting);
  row.bind(batch.open).bind(batch.version).bind(changed_at).run();
}

void store_pool(Connection& connection, const core::PoolState& pool) {
  Statement row = connection.prepare(
      "INSERT OR REPLACE INTO pools(name, version, next_number, live) VALUES(?,?,?,?)");
  row.bind(pool.pool).bind(pool.version).bind(pool.next_number).bind(pool.live).run();
}

std::optional<core::JobId> job_of_subject(std::string_view subject) {
  constexpr std::string_view kPrefix = "job:";
  if (!subject.starts_with(kPrefix)) return std::nullopt;
  core::JobId id = 0;
  const char* end = subject.data() + subject.size();
  if (std::from_chars(subject.data() + kPrefix.size(), end, id).ptr != end) return std::nullopt;
  return id;
}

void append_job_line(Connection& connection, core::JobId job, core::Time at,
                     std::string_view text) {
  Statement row = connection.prepare(
      "INSERT INTO job_timeline(job, seq, at, text) "
      "SELECT ?1, COALESCE(MAX(seq), 0) + 1, ?2, ?3 FROM job_timeline WHERE job = ?1");
  row.bind(job).bind(at).bind(text).run();
}

void append_line(Connection& connection, std::string_view subject, core::Time at,
                 std::string_view text) {
  if (const auto job = job_of_subject(subject)) return append_job_line(connection, *job, at, text);
  Statement row = connection.prepare("INSERT INTO timeline(subject, at, text) VALUES(?,?,?)");
  row.bind(subject).bind(at).bind(text).run();
}

}  // namespace jitney::local
