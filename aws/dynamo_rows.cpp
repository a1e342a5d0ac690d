// SPDX-License-Identifier: Apache-2.0
#include "aws/dynamo_rows.hpp"

#include <algorithm>

namespace jitney::aws {

namespace {

void set_key(Item& item, const Key& key) {
  item["pk"] = string_value(key.pk);
  item["sk"] = string_value(key.sk);
}

// Puts a row into one of the lists. `id` makes places of one moment differ, and orders them.
void enlist(Item& item, std::string_view list, std::string place) {
  item["list"] = string_value(list);
  item["list_at"] = string_value(place);
}

// DynamoDB removes an item some time after `ttl`, in seconds.
void set_expiry(Item& item, core::Time expires) {
  set_number(item, "ttl",
             std::chrono::floor<std::chrono::seconds>(expires).time_since_epoch().count());
}

void set_job(Item& item, const core::Job& job) {
  set_number(item, "id", job.id);
  set_text(item, "status", core::to_string(job.status));
  set_text(item, "scope", job.scope);
  set_text(item, "repository", job.repository);
  set_number(item, "run_id", job.run_id);
  set_number(item, "run_attempt", job.run_attempt);
  set_text(item, "name", job.name);
  set_text(item, "workflow", job.workflow);
  set_texts(item, "labels", job.labels);
  set_text(item, "pool", job.pool);
  set_text(item, "ignored", job.ignored);
  set_text(item, "runner_name", job.runner_name);
  set_text(item, "conclusion", job.conclusion);
  set_time(item, "created_at", job.created_at);
  set_time(item, "queued_at", job.queued_at);
  set_time(item, "started_at", job.started_at);
  set_time(item, "completed_at", job.completed_at);
  set_time(item, "not_before", job.not_before);
  set_number(item, "failures", job.failures);
  set_texts(item, "failure_keys", job.failure_keys);
  set_text(item, "last_error", job.last_error);
  if (job.dead) {
    set_flag(item, "dead", true);
    set_text(item, "dead_cause", job.dead->cause);
    set_flag(item, "dead_permanent", job.dead->permanent);
    set_time(item, "dead_at", job.dead->at);
  }
  set_number(item, "redrives", job.redrives);
  set_time(item, "checked_at", job.checked_at);
}

void set_batch(Item& item, const core::Batch& batch) {
  set_text(item, "id", batch.id);
  set_text(item, "pool", batch.pool);
  set_texts(item, "runners", batch.runners);
  set_numbers(item, "numbers", batch.numbers);
  set_numbers(item, "jobs", batch.jobs);
  set_number(item, "rung", batch.rung);
  set_text(item, "request", batch.request);
  set_number(item, "tries", batch.tries);
  set_time(item, "created_at", batch.created_at);
  set_time(item, "deadline", batch.deadline);
  set_time(item, "next_try", batch.next_try);
  set_text(item, "waiting", batch.waiting);
  set_flag(item, "open", batch.open);
}

int int_of(const Item& item, std::string_view name) {
  return static_cast<int>(number_of(item, name));
}

std::string id_order(core::JobId id) { return list_time(core::Time{core::Duration{id}}); }

}  // namespace

Item job_item(const core::Job& job, core::Time changed, core::Time expires) {
  Item item;
  set_key(item, job_key(job.id));
  set_job(item, job);
  set_time(item, "changed_at", changed);
  set_expiry(item, expires);
  const std::string by_change = list_time(changed) + "#" + id_order(job.id);
  if (job.status == core::JobStatus::completed) {
    enlist(item, kOverJobs, by_change);
  } else if (job.dead) {
    enlist(item, kDeadJobs, id_order(job.id));
  } else if (job.pool.empty()) {
    enlist(item, kIgnoredJobs, by_change);
  } else {
    enlist(item, kOpenJobs, id_order(job.id));
  }
  return item;
}

Item open_job_item(const core::Job& job, std::int64_t v) {
  Item item;
  set_key(item, open_job_key(job.pool, job.id));
  set_job(item, job);
  set_number(item, "v", v);
  return item;
}

Item runner_item(const core::Runner& runner, core::Time changed, core::Time expires) {
  Item item;
  set_key(item, runner.live() ? live_runner_key(runner.pool, runner.number)
                              : gone_runner_key(runner.pool, runner.number));
  if (!runner.live()) enlist(item, kGoneRunners, list_time(changed) + "#" + runner.name);
  set_expiry(item, expires);
  set_text(item, "name", runner.name);
  set_text(item, "pool", runner.pool);
  set_number(item, "number", runner.number);
  set_text(item, "batch", runner.batch);
  set_number(item, "launched_for", runner.launched_for);
  set_text(item, "phase", core::to_string(runner.phase));
  set_time(item, "created_at", runner.created_at);
  set_time(item, "phase_since", runner.phase_since);
  set_text(item, "machine", runner.machine);
  set_number(item, "forge_id", runner.forge_id);
  set_flag(item, "minted", runner.minted);
  set_flag(item, "end_proved", runner.end_proved);
  set_flag(item, "overdue", runner.overdue);
  set_time(item, "lease_until", runner.lease_until);
  set_number(item, "job", runner.job);
  set_flag(item, "had_job", runner.had_job);
  if (runner.exit_code) item["exit_code"] = number_value(*runner.exit_code);
  set_text(item, "reason", runner.reason);
  set_number(item, "version", runner.version);
  set_time(item, "changed_at", changed);
  return item;
}

Item machine_item(const core::Runner& runner, core::Time expires) {
  Item item;
  set_key(item, machine_key(runner.machine));
  set_text(item, "runner", runner.name);
  set_expiry(item, expires);
  return item;
}

Item batch_item(const core::Batch& batch, core::Time changed, core::Time expires) {
  Item item;
  set_key(item, batch_key(batch.id));
  set_batch(item, batch);
  set_time(item, "changed_at", changed);
  set_expiry(item, expires);
  if (!batch.open) enlist(item, kClosedBatches, list_time(changed) + "#" + batch.id);
  return item;
}

Item open_batch_item(const core::Batch& batch) {
  Item item;
  set_key(item, open_batch_key(batch.pool, batch.id));
  set_batch(item, batch);
  set_number(item, "v", batch.version + 1);
  return item;
}

Item pool_item(const core::PoolState& state) {
  Item item;
  set_key(item, pool_key(state.pool));
  item["next_number"] = number_value(state.next_number);
  item["live"] = number_value(state.live);
  return item;
}

Item note_item(const core::Note& note, core::Duration keep) {
  Item item;
  set_key(item, note_key(note.key));
  set_text(item, "value", note.value);
  set_time(item, "at", note.at);
  set_time(item, "expires", note.expires);
  if (note.expires != core::Time{}) set_expiry(item, std::max(note.expires, note.at) + keep);
  return item;
}

Item line_item(const core::TimelineEntry& entry, std::string_view place, core::Time expires) {
  Item item;
  set_key(item, {entry.subject, std::string(kLine).append(place)});
  set_text(item, "text", entry.text);
  set_time(item, "at", entry.at);
  set_expiry(item, expires);
  // A pool never ends, so its lines go by their own age.
  if (entry.subject.starts_with("pool:")) {
    enlist(item, kPoolLines, list_time(entry.at) + "#" + std::string(place));
  }
  return item;
}

Item dead_letter_item(const core::Message& message, const std::string& cause, core::Time at) {
  Item item;
  set_key(item, dead_letter_key(core::to_string(message.kind), message.key));
  set_text(item, "kind", core::to_string(message.kind));
  set_text(item, "key", message.key);
  set_text(item, "detail", message.detail);
  set_text(item, "cause", cause);
  set_time(item, "at", at);
  return item;
}

core::Job read_job(const Item& item) {
  core::Job job;
  job.id = number_of(item, "id");
  job.status = core::parse_job_status(text_of(item, "status")).value_or(core::JobStatus::waiting);
  job.scope = text_of(item, "scope");
  job.repository = text_of(item, "repository");
  job.run_id = number_of(item, "run_id");
  job.run_attempt = number_of(item, "run_attempt");
  job.name = text_of(item, "name");
  job.workflow = text_of(item, "workflow");
  job.labels = texts_of(item, "labels");
  job.pool = text_of(item, "pool");
  job.ignored = text_of(item, "ignored");
  job.runner_name = text_of(item, "runner_name");
  job.conclusion = text_of(item, "conclusion");
  job.created_at = time_of(item, "created_at");
  job.queued_at = time_of(item, "queued_at");
  job.started_at = time_of(item, "started_at");
  job.completed_at = time_of(item, "completed_at");
  job.not_before = time_of(item, "not_before");
  job.failures = int_of(item, "failures");
  job.failure_keys = texts_of(item, "failure_keys");
  job.last_error = text_of(item, "last_error");
  if (flag_of(item, "dead")) {
    job.dead = core::Death{.cause = text_of(item, "dead_cause"),
                           .permanent = flag_of(item, "dead_permanent"),
                           .at = time_of(item, "dead_at")};
  }
  job.redrives = int_of(item, "redrives");
  job.checked_at = time_of(item, "checked_at");
  return job;
}

core::Runner read_runner(const Item& item) {
  core::Runner runner;
  runner.name = text_of(item, "name");
  runner.pool = text_of(item, "pool");
  runner.number = number_of(item, "number");
  runner.batch = text_of(item, "batch");
  runner.launched_for = number_of(item, "launched_for");
  runner.phase = core::parse_phase(text_of(item, "phase")).value_or(core::Phase::gone);
  runner.created_at = time_of(item, "created_at");
  runner.phase_since = time_of(item, "phase_since");
  runner.machine = text_of(item, "machine");
  runner.forge_id = number_of(item, "forge_id");
  runner.minted = flag_of(item, "minted");
  runner.end_proved = flag_of(item, "end_proved");
  runner.overdue = flag_of(item, "overdue");
  runner.lease_until = time_of(item, "lease_until");
  runner.job = number_of(item, "job");
  runner.had_job = flag_of(item, "had_job");
  if (const auto code = maybe_number_of(item, "exit_code")) {
    runner.exit_code = static_cast<int>(*code);
  }
  runner.reason = text_of(item, "reason");
  runner.version = number_of(item, "version");
  return runner;
}

core::Batch read_batch(const Item& item) {
  core::Batch batch;
  batch.id = text_of(item, "id");
  batch.pool = text_of(item, "pool");
  batch.runners = texts_of(item, "runners");
  batch.numbers = numbers_of(item, "numbers");
  batch.jobs = numbers_of(item, "jobs");
  batch.rung = int_of(item, "rung");
  batch.request = text_of(item, "request");
  batch.tries = int_of(item, "tries");
  batch.created_at = time_of(item, "created_at");
  batch.deadline = time_of(item, "deadline");
  batch.next_try = time_of(item, "next_try");
  batch.waiting = text_of(item, "waiting");
  batch.open = flag_of(item, "open");
  batch.version = std::max<std::int64_t>(0, row_version(item)) - 1;
  return batch;
}

core::PoolState read_pool(std::string_view pool, const Item* item) {
  core::PoolState state;
  state.pool = pool;
  if (item == nullptr) return state;
  state.version = row_version(*item);
  state.next_number = number_of(*item, "next_number", 1);
  state.live = int_of(*item, "live");
  return state;
}

boost::json::value touched_value(const Touched& touched) {
  boost::json::object rows;
  for (const auto& [sk, v] : touched) rows[sk] = number_value(v);
  return boost::json::object{{"M", std::move(rows)}};
}

Touched touched_of(const Item& pool) {
  Touched touched;
  const boost::json::value* attribute = pool.if_contains("touched");
  const boost::json::value* rows = attribute != nullptr && attribute->is_object()
                                       ? attribute->get_object().if_contains("M")
                                       : nullptr;
  if (rows == nullptr || !rows->is_object()) return touched;
  for (const auto& [sk, v] : rows->get_object()) {
    touched[std::string(sk)] = number_of(rows->get_object(), sk);
  }
  return touched;
}

core::Note read_note(const Item& item) {
  core::Note note;
  const std::string place = text_of(item, "sk");
  note.key = place.substr(std::min(place.size(), note_key("").sk.size()));
  note.value = text_of(item, "value");
  note.at = time_of(item, "at");
  note.expires = time_of(item, "expires");
  return note;
}

core::TimelineEntry read_line(const Item& item) {
  return {.at = time_of(item, "at"), .subject = text_of(item, "pk"), .text = text_of(item, "text")};
}

std::optional<core::DeadLetter> read_dead_letter(const Item& item) {
  const auto kind = core::parse_message_kind(text_of(item, "kind"));
  if (!kind) return std::nullopt;
  return core::DeadLetter{
      .id = "",
      .message = {.kind = *kind, .key = text_of(item, "key"), .detail = text_of(item, "detail")},
      .cause = text_of(item, "cause"),
      .at = time_of(item, "at")};
}

std::int64_t row_version(const Item& item) { return number_of(item, "v"); }

}  // namespace jitney::aws
