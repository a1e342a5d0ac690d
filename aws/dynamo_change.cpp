// SPDX-License-Identifier: Apache-2.0
#include "aws/dynamo_change.hpp"

#include "core/timeline.hpp"

namespace jitney::aws {

using core::Fault;

std::vector<Key> Change::runner_keys(std::string_view name) const {
  const auto place = place_of(options_.deployment, name);
  if (!place) return {};
  return {live_runner_key(place->pool, place->number), gone_runner_key(place->pool, place->number)};
}

core::Status Change::load(std::span<const core::JobEvent> events) {
  std::vector<Key> keys;
  for (const core::JobEvent& event : events) {
    keys.push_back(job_key(event.id));
    if (event.status < core::JobStatus::in_progress) continue;
    for (Key& key : runner_keys(event.runner_name)) keys.push_back(std::move(key));
  }
  return rows_.load(keys);
}

core::Status Change::load_job(core::JobId id) {
  const Key key = job_key(id);
  return rows_.load({&key, 1});
}

core::Status Change::load_runners(std::span<const core::RunnerName> names) {
  std::vector<Key> keys;
  for (const core::RunnerName& name : names)
    std::ranges::move(runner_keys(name), std::back_inserter(keys));
  return rows_.load(keys);
}

core::Status Change::load_runner(std::string_view name, const core::MachineId& machine) {
  std::vector<Key> keys = runner_keys(name);
  if (!machine.empty()) keys.push_back(machine_key(machine));
  return rows_.load(keys);
}

void Change::assume_runner(const Item& row, const core::MachineId& machine) {
  const core::Runner runner = read_runner(row);
  rows_.assume(live_runner_key(runner.pool, runner.number), row);
  rows_.assume(gone_runner_key(runner.pool, runner.number), std::nullopt);
  if (!machine.empty()) rows_.assume(machine_key(machine), std::nullopt);
}

std::optional<core::Job> Change::job(core::JobId id) const {
  const Item* row = rows_.find(job_key(id));
  if (row == nullptr) return std::nullopt;
  return read_job(*row);
}

std::optional<core::Runner> Change::runner(std::string_view name) const {
  for (const Key& key : runner_keys(name)) {
    if (const Item* row = rows_.find(key)) return read_runner(*row);
  }
  return std::nullopt;
}

void Change::store_job(const core::Job* before, const core::Job& after, core::Time at,
                       std::string_view text) {
  const bool over = !after.open() && !after.dead;
  const Key key = job_key(after.id);
  rows_.put(job_item(after, at, over ? this->over(at) : core::Time{}));
  if (after.open()) {
    rows_.put_copy(open_job_item(after, rows_.next_version(key)));
  } else if (before != nullptr && before->open()) {
    rows_.erase_copy(open_job_key(before->pool, before->id));
  }
  if (!text.empty()) rows_.append(core::job_subject(after.id), at, text);
  if (core::lowers_demand(before, after)) {
    rows_.raise_pool(after.pool, key, open_job_key(after.pool, after.id), 0);
  }
}

void Change::store_runner(const core::Runner& before, const core::Runner& after, core::Time at) {
  const bool released = before.live() && !after.live();
  if (released) rows_.erase(live_runner_key(before.pool, before.number));
  rows_.put(runner_item(after, at, after.live() ? core::Time{} : over(at)));
  if (before.machine.empty() && !after.machine.empty()) {
    rows_.put(machine_item(after, core::Time{}));
  }
  // Its machine must be known as long as it is itself.
  if (released && !after.machine.empty()) rows_.put_copy(machine_item(after, over(at)));
  if (released || core::lowers_supply(before, after)) {
    const Key key = live_runner_key(before.pool, before.number);
    rows_.raise_pool(before.pool, key, key, released ? 1 : 0);
  }
}

// Said once however often it is tried again, so that no timeline grows without bound.
core::Status Change::note_refusal(const core::RunnerName& name, core::Time now,
                                  const std::string& text) {
  const std::string subject = core::runner_subject(name);
  const auto last =
      table_.query({.pk = subject, .prefix = std::string(kLine), .newest_first = true, .limit = 1});
  if (!last) return std::unexpected(last.error());
  if (!last->empty() && read_line(last->front()).text == text) return {};
  rows_.append(subject, now, text);
  return {};
}

core::Result<core::Result<core::Runner>> Change::advance(const core::RunnerName& name,
                                                         core::Event event,
                                                         const core::Facts& facts, core::Time now) {
  using Answer = core::Result<core::Runner>;
  const std::optional<core::Runner> before = runner(name);
  if (!before) return Answer(core::fail(Fault::not_found, "the ledger knows no runner " + name));
  if (!facts.machine.empty()) {
    const Item* owner = rows_.find(machine_key(facts.machine));
    if (owner != nullptr && text_of(*owner, "runner") != name) {
      const std::string why =
          "machine " + facts.machine + " belongs to runner " + text_of(*owner, "runner");
      if (auto noted = note_refusal(name, now, "refused: " + why); !noted) {
        return std::unexpected(noted.error());
      }
      return Answer(core::fail(Fault::conflict, why));
    }
  }
  Answer after = core::advance(*before, event, facts, now);
  if (!after) {
    if (auto noted = note_refusal(name, now, after.error().what); !noted) {
      return std::unexpected(noted.error());
    }
    return after;
  }
  if (*after == *before) return after;
  store_runner(*before, *after, now);
  rows_.append(core::runner_subject(name), now, core::runner_change(*before, *after, event));
  return after;
}

core::Result<core::Recorded> Change::apply(const core::JobEvent& event) {
  const std::optional<core::Job> before = job(event.id);
  const core::Job* known = before ? &*before : nullptr;
  core::Recorded recorded;
  recorded.was_demand = before && before->demand(event.seen_at);
  recorded.was_dead = before && before->dead;
  const std::optional<core::Job> after = core::apply(known, event);
  recorded.changed = after.has_value();
  recorded.job = after ? *after : *before;
  if (!after) return recorded;
  store_job(known, *after, event.seen_at, core::job_change(known, *after, event));
  if (event.runner_name.empty() || event.status < core::JobStatus::in_progress) return recorded;
  // A late in_progress may be the first to name the runner of a job that is completed already: then
  // the end is what the runner is told.
  core::Facts facts;
  facts.job = event.id;
  facts.forge_id = event.runner_id;
  const bool over = after->status == core::JobStatus::completed;
  auto told = advance(event.runner_name, over ? core::Event::job_ended : core::Event::job_started,
                      facts, event.seen_at);
  if (!told) return std::unexpected(told.error());
  if (*told) recorded.runner = **told;  // else it is not ours, or refused and noted
  return recorded;
}

void Change::plan_runners(const core::Batch& batch) {
  for (std::size_t slot = 0; slot < batch.runners.size(); ++slot) {
    core::Runner runner;
    runner.name = batch.runners[slot];
    runner.pool = batch.pool;
    runner.number = batch.numbers[slot];
    runner.batch = batch.id;
    runner.launched_for = slot < batch.jobs.size() ? batch.jobs[slot] : 0;
    runner.created_at = runner.phase_since = batch.created_at;
    rows_.put(runner_item(runner, batch.created_at, core::Time{}));
    rows_.append(core::runner_subject(runner.name), batch.created_at,
                 "planned in batch " + batch.id);
    if (runner.launched_for != 0) {
      rows_.append(core::job_subject(runner.launched_for), batch.created_at,
                   "runner " + runner.name + " claimed for it");
    }
  }
}

}  // namespace jitney::aws
