// SPDX-License-Identifier: Apache-2.0
// Writes: read the rows, apply the core's function, write the rows in one transaction, and again if
// another writer was faster. Reads and notes: dynamo_ledger_reads.cpp.
#include "aws/dynamo_ledger.hpp"

#include <algorithm>

#include "aws/backoff.hpp"
#include "core/timeline.hpp"

namespace jitney::aws {

using core::Fault;

namespace {

// A pool's row is the one that many write: when a burst of jobs starts, each takes demand away.
constexpr int kTries = 20;
constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::size_t kEventsRead = 32;  // each needs three rows at most, of the hundred a read has

// Calls `attempt` until no other writer was in its way.
template <class Attempt>
auto settle(const DynamoLedgerOptions& options, Attempt&& attempt) -> decltype(attempt()) {
  Backoff backoff(std::min(kFirstPause, options.longest_pause), options.longest_pause);
  for (int tries = 1;; ++tries) {
    auto answer = attempt();
    if (answer || answer.error().fault != Fault::conflict) return answer;
    if (tries == kTries) {
      return core::fail(Fault::transient, "other writers were faster " + std::to_string(kTries) +
                                              " times; the last: " + answer.error().what);
    }
    backoff.pause();
  }
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

core::Status check_names(const core::Batch& batch, std::string_view deployment) {
  if (batch.runners.size() > kLargestClaim) {
    return core::fail(Fault::invalid,
                      "batch " + batch.id + " claims " + std::to_string(batch.runners.size()) +
                          " runners, and one DynamoDB transaction holds " +
                          std::to_string(kLargestClaim) + "; make [launch] batch_size smaller");
  }
  for (std::size_t slot = 0; slot < batch.runners.size(); ++slot) {
    const auto place = place_of(deployment, batch.runners[slot]);
    const bool fits = place && place->pool == batch.pool && slot < batch.numbers.size() &&
                      place->number == batch.numbers[slot];
    if (!fits) {
      return core::fail(Fault::invalid, "runner " + batch.runners[slot] + " of batch " + batch.id +
                                            " is not named after deployment, pool and number");
    }
  }
  return {};
}

}  // namespace

core::Result<std::vector<core::Recorded>> DynamoLedger::record(
    std::span<const core::JobEvent> events) {
  std::vector<core::Recorded> all;
  all.reserve(events.size());
  while (all.size() < events.size()) {
    auto some = settle(options_, [&] { return record_some(events.subspan(all.size())); });
    if (!some) return std::unexpected(some.error());
    std::ranges::move(*some, std::back_inserter(all));
  }
  return all;
}

core::Result<std::vector<core::Recorded>> DynamoLedger::record_some(
    std::span<const core::JobEvent> events) {
  events = events.first(std::min(events.size(), kEventsRead));
  Change change(table_, options_);
  if (auto loaded = change.load(events); !loaded) return std::unexpected(loaded.error());
  std::vector<core::Recorded> some;
  for (const core::JobEvent& event : events) {
    if (change.rows().actions() + Change::kActionsOfAnEvent > kActionsPerTransaction) break;
    auto recorded = change.apply(event);
    if (!recorded) return std::unexpected(recorded.error());
    some.push_back(std::move(*recorded));
  }
  if (auto stored = commit(change); !stored) return std::unexpected(stored.error());
  return some;
}

core::Result<core::Claimed> DynamoLedger::claim(const core::Batch& batch,
                                                std::int64_t expected_version, int max) {
  if (auto sound = check_names(batch, options_.deployment); !sound) {
    return std::unexpected(sound.error());
  }
  return settle(options_, [&] { return try_claim(batch, expected_version, max); });
}

core::Result<core::Claimed> DynamoLedger::try_claim(const core::Batch& batch,
                                                    std::int64_t expected_version, int max) {
  Change change(table_, options_);
  Transaction& rows = change.rows();
  const std::vector<Key> keys{batch_key(batch.id), pool_key(batch.pool)};
  if (auto loaded = rows.load(keys); !loaded) return std::unexpected(loaded.error());
  if (rows.find(keys[0]) != nullptr) return core::Claimed::mine;
  core::PoolState pool = read_pool(batch.pool, rows.find(keys[1]));
  if (pool.version != expected_version) return core::Claimed::outrun;
  if (auto sound = check_numbers(batch, pool); !sound) return std::unexpected(sound.error());
  const int count = static_cast<int>(batch.runners.size());
  if (pool.live + count > max) return core::Claimed::full;
  for (const std::int64_t number : batch.numbers) {
    pool.next_number = std::max(pool.next_number, number + 1);
  }
  pool.live += count;
  rows.put(pool_item(pool));
  rows.put(batch_item(batch, batch.created_at, core::Time{}));
  if (batch.open) rows.put_copy(open_batch_item(batch));
  rows.append(core::batch_subject(batch.id), batch.created_at, core::claim_text(batch));
  change.plan_runners(batch);
  if (auto stored = commit(change); !stored) return std::unexpected(stored.error());
  return core::Claimed::ok;
}

core::Status DynamoLedger::commit(Change& change) {
  auto stored = change.rows().commit();
  if (stored) recent_.remember(change.rows().written());
  return stored;
}

// A row that was seen before spares the read, if it lets the event move the runner: then the write
// tells whether it still is so. A refusal, or an event that changes nothing, must not be told of a
// row that may be old.
void DynamoLedger::assume(Change& change, const core::RunnerName& name, core::Event event,
                          const core::Facts& facts, core::Time now) {
  const auto place = place_of(options_.deployment, name);
  if (!place) return;
  const auto row = recent_.take(live_runner_key(place->pool, place->number));
  if (!row) return;
  const core::Runner before = read_runner(*row);
  const auto after = core::advance(before, event, facts, now);
  if (after && *after != before) change.assume_runner(*row, facts.machine);
}

core::Result<core::Runner> DynamoLedger::advance(const core::RunnerName& name, core::Event event,
                                                 const core::Facts& facts, core::Time now) {
  auto answer = settle(options_, [&]() -> core::Result<core::Result<core::Runner>> {
    Change change(table_, options_);
    assume(change, name, event, facts, now);
    if (auto loaded = change.load_runner(name, facts.machine); !loaded) {
      return std::unexpected(loaded.error());
    }
    auto advanced = change.advance(name, event, facts, now);
    if (!advanced) return advanced;
    if (auto stored = commit(change); !stored) return std::unexpected(stored.error());
    return advanced;
  });
  if (!answer) return std::unexpected(answer.error());
  return *std::move(answer);
}

core::Result<core::Batch> DynamoLedger::update(const core::Batch& batch, core::Time now,
                                               std::string_view timeline_text) {
  using Answer = core::Result<core::Batch>;
  core::Batch after = batch;
  ++after.version;
  auto answer = settle(options_, [&]() -> core::Result<Answer> {
    Transaction rows(table_, 2 * options_.retention);
    const Key key = batch_key(batch.id);
    rows.expect(key, batch.version + 1);
    rows.put(batch_item(after, now, after.open ? core::Time{} : now + options_.retention));
    after.open ? rows.put_copy(open_batch_item(after))
               : rows.erase_copy(open_batch_key(batch.pool, batch.id));
    if (!timeline_text.empty()) rows.append(core::batch_subject(batch.id), now, timeline_text);
    auto stored = rows.commit();
    if (stored) return Answer(after);
    if (stored.error().fault != Fault::conflict) return std::unexpected(stored.error());
    // Outrun, or only disturbed? Few are, so it is read only then.
    const auto row = table_.get(key);
    if (!row) return std::unexpected(row.error());
    if (!*row) return Answer(core::fail(Fault::not_found, "the ledger knows no batch " + batch.id));
    if (row_version(**row) != batch.version + 1) {
      return Answer(core::fail(Fault::conflict, "batch " + batch.id + " was changed by another"));
    }
    return std::unexpected(stored.error());
  });
  if (!answer) return std::unexpected(answer.error());
  return *std::move(answer);
}

core::Result<core::Job> DynamoLedger::change_job(core::JobId id, core::Time at,
                                                 const JobRule& rule) {
  using Answer = core::Result<core::Job>;
  auto answer = settle(options_, [&]() -> core::Result<Answer> {
    Change change(table_, options_);
    if (auto loaded = change.load_job(id); !loaded) return std::unexpected(loaded.error());
    const std::optional<core::Job> before = change.job(id);
    if (!before) {
      return Answer(core::fail(Fault::not_found, "the ledger knows no job " + std::to_string(id)));
    }
    std::string text;
    const auto after = rule(*before, text);
    if (!after) return Answer(std::unexpected(after.error()));
    if (!*after) return Answer(*before);
    change.store_job(&*before, **after, at, text);
    if (auto stored = change.rows().commit(); !stored) return std::unexpected(stored.error());
    return Answer(**after);
  });
  if (!answer) return std::unexpected(answer.error());
  return *std::move(answer);
}

core::Result<core::Job> DynamoLedger::fail(core::JobId id, const std::string& key,
                                           const core::Error& error,
                                           const core::RetryPolicy& policy, core::Time now) {
  return change_job(id, now, [&](const core::Job& before, std::string& text) {
    auto after = core::after_failure(before, key, error, policy, now);
    if (after) text = core::job_failure(*after);
    return after;
  });
}

core::Result<core::Job> DynamoLedger::bury(core::JobId id, const core::Death& death) {
  return change_job(id, death.at, [&](const core::Job& before, std::string& text) {
    text = core::job_death(death);
    return core::buried(before, death);
  });
}

core::Result<core::Job> DynamoLedger::redrive(core::JobId id, core::Time now) {
  return change_job(
      id, now,
      [&](const core::Job& before, std::string& text) -> core::Result<std::optional<core::Job>> {
        if (!before.dead) {
          return core::fail(Fault::conflict, "job " + std::to_string(id) + " is not dead");
        }
        text = "redriven";
        return core::redriven(before, now);
      });
}

core::Status DynamoLedger::checked(core::JobId id, core::Time now) {
  const auto job = change_job(id, now, [&](const core::Job& before, std::string&) {
    std::optional<core::Job> after;
    if (before.checked_at != now) {
      after = before;
      after->checked_at = now;
    }
    return after;
  });
  if (!job) return std::unexpected(job.error());
  return {};
}

}  // namespace jitney::aws
