// SPDX-License-Identifier: Apache-2.0
#include "local/test_ledger_steps.hpp"

#include <algorithm>

namespace jitney::local {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPool = "template_cpu";
constexpr int kMax = 1000;
constexpr core::JobId kJobs = 25;  // few, so that steps meet
constexpr std::int64_t kRunners = 25;

core::JobId job_of(std::uint64_t number) { return 1 + static_cast<core::JobId>(number % kJobs); }
core::RunnerName name_of(std::int64_t number) {
  return "ci-template_cpu-" + std::to_string(number);
}
core::BatchId batch_of(std::int64_t first) { return "batch-" + std::to_string(first); }
core::RunnerName runner_of(std::uint64_t number) {
  return name_of(1 + static_cast<std::int64_t>(number % kRunners));
}

template <class T>
core::Status storage(const core::Result<T>& answer) {
  if (answer || answer.error().fault != core::Fault::transient) return {};
  return std::unexpected(answer.error());
}

// Several events are one transaction: rows of several jobs, their timelines, the pool, a runner.
core::Status record(const LedgerStep& step, core::Ledger& ledger) {
  std::vector<core::JobEvent> events;
  for (std::uint64_t i = 0; i <= step.c % 3; ++i) {
    core::JobEvent event;
    event.id = job_of(step.a + i);
    event.status = static_cast<core::JobStatus>((step.b + i) % 4);
    event.labels = {"self-hosted", kPool};
    event.pool = kPool;
    event.seen_at = event.completed_at = step.now;
    event.name = std::string(step.b % 300, 'x');  // rows of many sizes
    if (event.status >= core::JobStatus::in_progress) event.runner_name = runner_of(step.b);
    events.push_back(event);
  }
  return storage(ledger.record(events));
}

core::Status claim(const LedgerStep& step, core::Ledger& ledger) {
  const auto seen = ledger.snapshot(kPool);
  if (!seen) return std::unexpected(seen.error());
  core::Batch batch;
  batch.id = batch_of(seen->state.next_number);
  batch.pool = kPool;
  for (std::uint64_t i = 0; i <= step.b % 3; ++i) {
    batch.numbers.push_back(seen->state.next_number + static_cast<std::int64_t>(i));
    batch.runners.push_back(name_of(batch.numbers.back()));
    batch.jobs.push_back(job_of(step.a + i));
  }
  batch.request = std::string(step.c % 3000, 'r');
  batch.created_at = step.now;
  batch.deadline = step.now + 5min;
  return storage(ledger.claim(batch, seen->state.version, kMax));
}

core::Status advance(const LedgerStep& step, core::Ledger& ledger) {
  core::Facts facts;
  facts.machine = "m" + std::to_string(step.a % kRunners);
  facts.forge_id = 1 + static_cast<std::int64_t>(step.a % kRunners);
  facts.job = job_of(step.c);
  facts.lease_until = step.now + 1min;
  facts.reason = "a test";
  const auto event = static_cast<core::Event>(step.b % core::kEvents);
  return storage(ledger.advance(runner_of(step.a), event, facts, step.now));
}

core::Status update(const LedgerStep& step, core::Ledger& ledger) {
  const auto batch = ledger.batch(batch_of(1 + static_cast<std::int64_t>(step.a % kRunners)));
  if (!batch) return std::unexpected(batch.error());
  if (!*batch) return {};
  core::Batch changed = **batch;
  changed.tries += 1;
  changed.open = step.b % 4 != 0;
  changed.request.resize(step.c % 2000, 'u');
  return storage(ledger.update(changed, step.now, "tried"));
}

core::Status fail(const LedgerStep& step, core::Ledger& ledger) {
  const core::Error error{.fault = core::Fault::no_capacity, .what = "none left"};
  return storage(ledger.fail(job_of(step.a), std::to_string(step.b % 5), error,
                             {.delays = {1min, 2min}}, step.now));
}

}  // namespace

LedgerStep random_step(std::mt19937_64& random, core::Time now) {
  LedgerStep step;
  step.kind = static_cast<LedgerStep::Kind>(random() % kLedgerSteps);
  step.a = random();
  step.b = random();
  step.c = random();
  step.now = now;
  return step;
}

core::Status apply(const LedgerStep& step, core::Ledger& ledger) {
  const core::JobId job = job_of(step.a);
  const std::string key = "note-" + std::to_string(step.a % 7);
  switch (step.kind) {
    case LedgerStep::Kind::record:
      return record(step, ledger);
    case LedgerStep::Kind::claim:
      return claim(step, ledger);
    case LedgerStep::Kind::advance:
      return advance(step, ledger);
    case LedgerStep::Kind::update:
      return update(step, ledger);
    case LedgerStep::Kind::fail:
      return fail(step, ledger);
    case LedgerStep::Kind::bury:
      return storage(ledger.bury(job, {.cause = "a test", .permanent = false, .at = step.now}));
    case LedgerStep::Kind::redrive:
      return storage(ledger.redrive(job, step.now));
    case LedgerStep::Kind::checked:
      return storage(ledger.checked(job, step.now));
    case LedgerStep::Kind::put:
      return ledger.put(
          {.key = key, .value = std::to_string(step.b), .at = step.now, .expires = {}});
    case LedgerStep::Kind::erase:
      return ledger.erase_note(key);
  }
  return {};
}

core::Result<LedgerState> state_of(core::Ledger& ledger) {
  LedgerState state;
  const auto snapshot = ledger.snapshot(kPool);
  if (!snapshot) return std::unexpected(snapshot.error());
  state.pool = snapshot->state;
  auto jobs = ledger.jobs({.limit = 1'000'000});
  if (!jobs) return std::unexpected(jobs.error());
  state.jobs = *std::move(jobs);
  std::ranges::sort(state.jobs, {}, &core::Job::id);
  std::vector<std::string> subjects;
  for (const core::Job& job : state.jobs) subjects.push_back(core::job_subject(job.id));
  for (std::int64_t number = 1; number < state.pool.next_number; ++number) {
    const auto runner = ledger.runner(name_of(number));
    const auto batch = ledger.batch(batch_of(number));
    if (!runner) return std::unexpected(runner.error());
    if (!batch) return std::unexpected(batch.error());
    if (*runner) state.runners.push_back(**runner);
    if (*batch) state.batches.push_back(**batch);
    subjects.push_back(core::runner_subject(name_of(number)));
    subjects.push_back(core::batch_subject(batch_of(number)));
  }
  auto notes = ledger.notes("");
  if (!notes) return std::unexpected(notes.error());
  state.notes = *std::move(notes);
  for (const std::string& subject : subjects) {
    const auto lines = ledger.timeline(subject);
    if (!lines) return std::unexpected(lines.error());
    state.lines.push_back(lines->size());
  }
  return state;
}

}  // namespace jitney::local
