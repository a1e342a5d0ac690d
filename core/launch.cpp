// SPDX-License-Identifier: Apache-2.0
#include "core/launch.hpp"

#include <algorithm>
#include <set>

#include "core/blame.hpp"
#include "core/wake.hpp"

namespace jitney::core {

namespace {

constexpr Duration kFirstRetry = std::chrono::seconds(5);
constexpr Duration kLongestRetry = std::chrono::minutes(1);
constexpr Duration kDefaultWait = std::chrono::seconds(10);

bool is_wait(Fault fault) { return fault == Fault::throttled || fault == Fault::not_ready; }

Result<std::vector<Runner>> runners_of(const Context& context, const Batch& batch) {
  auto runners = context.ledger.runners_named(batch.runners);
  if (runners) std::ranges::sort(*runners, {}, &Runner::number);
  return runners;
}

// Those that an earlier rung left without a machine.
Result<int> count_unfilled(const Context& context, const Batch& batch) {
  const auto runners = runners_of(context, batch);
  if (!runners) return std::unexpected(runners.error());
  return static_cast<int>(std::ranges::count(*runners, Phase::planned, &Runner::phase));
}

// A rival that moved the batch first does the rest.
Status store(const Context& context, const Batch& batch, std::string_view text) {
  const auto stored = context.ledger.update(batch, context.clock.now(), text);
  if (!stored && stored.error().fault != Fault::conflict) return std::unexpected(stored.error());
  return {};
}

Status wait(const Context& context, Batch batch, const Error& error, Duration pause) {
  batch.next_try = context.clock.now() + pause;
  batch.waiting = error.what;
  if (Status stored = store(context, batch, "waits " + describe(pause) + ": " + error.what);
      !stored) {
    return stored;
  }
  return wake_at(context, batch.pool, batch.next_try, "batch " + batch.id);
}

Status next_rung(const Context& context, const Pool& pool, Batch batch, int count,
                 const Error& error) {
  auto request = context.fleet.compose(pool, batch, batch.rung + 1, count);
  if (!request) {
    const Error& refused = request.error();
    if (refused.fault == Fault::not_found) return abandon(context, batch, error, true);
    if (is_permanent(refused.fault)) return abandon(context, batch, refused, true);
    // Not known now. The old request, asked again under its token, leads here again.
    return wait(context, std::move(batch), refused, refused.retry_after.value_or(kDefaultWait));
  }
  batch.rung += 1;
  batch.request = std::move(*request);
  batch.tries = 0;
  batch.waiting.clear();
  batch.next_try = context.clock.now();
  return store(context, batch, "next rung " + std::to_string(batch.rung) + " after: " + error.what);
}

// Holds the pool's launches and says for how long. Who does not tell when to come back is asked
// less and less often, as long as each hold ends in the next one; rivals who were refused together
// count as one.
Result<Duration> hold_after(const Context& context, const std::string& pool, const Error& error) {
  Duration pause = error.retry_after.value_or(kDefaultWait);
  if (!error.retry_after) {
    const auto last = context.ledger.note(hold_key(pool));
    if (!last) return std::unexpected(last.error());
    if (*last) {
      const Time now = context.clock.now();
      const Duration before = (*last)->expires - (*last)->at;
      const bool held = now < (*last)->expires;
      const bool again = !held && now <= (*last)->expires + before;
      if (held || again)
        pause = std::clamp(again ? 2 * before : before, kDefaultWait, kLongestRetry);
    }
  }
  if (Status held = hold_launches(context, pool, error, pause); !held) {
    return std::unexpected(held.error());
  }
  return pause;
}

Status after_error(const Context& context, const Pool& pool, Batch batch, const Error& error,
                   int unfilled) {
  if (is_wait(error.fault)) {
    // It is the pool that must wait, not this batch alone: the others would ask as often each.
    const auto pause = hold_after(context, pool.name, error);
    if (!pause) return std::unexpected(pause.error());
    return wait(context, std::move(batch), error, *pause);
  }
  if (is_permanent(error.fault)) return abandon(context, batch, error, true);
  if (error.fault == Fault::no_capacity) {
    return next_rung(context, pool, std::move(batch), unfilled, error);
  }
  // transient, conflict, cancelled: it may have happened; the same request under the same token
  // again.
  const Duration pause = std::min(kFirstRetry * (1 << std::min(batch.tries, 10)), kLongestRetry);
  batch.tries += 1;
  return wait(context, std::move(batch), error, error.retry_after.value_or(pause));
}

// true: the machine is this runner's now. false: another runner has it.
Result<bool> bind_machine(const Context& context, const RunnerName& name, const Machine& machine) {
  const Time now = context.clock.now();
  Facts facts;
  facts.machine = machine.id;
  const auto bound = context.ledger.advance(name, Event::machine_bound, facts, now);
  if (!bound) {
    if (bound.error().fault == Fault::conflict) return false;
    return std::unexpected(bound.error());
  }
  // It came and went before we knew it: its launch number is used up all the same.
  if (machine.state == MachineState::stopping) {
    const Error error{Fault::transient, "machine " + machine.id + " went away at once"};
    if (Status counted = blame(context, bound->launched_for, name, error); !counted) {
      return std::unexpected(counted.error());
    }
    facts.reason = error.what;
    const auto gone = context.ledger.advance(name, Event::machine_gone, facts, now);
    if (!gone) return std::unexpected(gone.error());
  }
  return true;
}

// Each machine to the lowest planned runner, in the order of machine ids: two callers with the same
// answer bind alike, and the ledger refuses a machine that has a runner.
Result<int> bind_machines(const Context& context, const Batch& batch,
                          std::vector<Machine> machines) {
  const auto runners = runners_of(context, batch);
  if (!runners) return std::unexpected(runners.error());
  std::set<MachineId> bound;
  std::vector<RunnerName> free;
  for (const Runner& runner : *runners) {
    if (!runner.machine.empty()) bound.insert(runner.machine);
    if (runner.phase == Phase::planned) free.push_back(runner.name);
  }
  std::ranges::sort(machines, {}, &Machine::id);
  std::size_t next = 0;
  for (const Machine& machine : machines) {
    if (next == free.size()) break;
    if (bound.contains(machine.id)) continue;
    const auto moved = bind_machine(context, free[next], machine);
    if (!moved) return std::unexpected(moved.error());
    if (*moved) ++next;
  }
  return static_cast<int>(free.size() - next);
}

Error worst(const std::vector<Error>& faults) {
  if (faults.empty()) {
    return {Fault::transient, "fewer machines came than were asked for, and no reason was given"};
  }
  // What can be mended by another rung comes first; what a person must mend comes last.
  const auto rank = [](const Error& error) {
    return error.fault == Fault::no_capacity ? 0 : is_permanent(error.fault) ? 2 : 1;
  };
  return *std::ranges::min_element(faults, {}, rank);
}

// The provider answered, with too few machines: the same request would only be answered the same,
// so what stays unfilled needs another rung.
Status after_partial(const Context& context, const Pool& pool, Batch batch, const Error& error,
                     int unfilled) {
  if (error.fault == Fault::no_capacity) {
    return next_rung(context, pool, std::move(batch), unfilled, error);
  }
  if (!is_wait(error.fault)) return abandon(context, batch, error, true);
  if (const auto pause = hold_after(context, pool.name, error); !pause) {
    return std::unexpected(pause.error());
  }
  return abandon(context, batch, error, false);
}

Status close(const Context& context, Batch batch) {
  batch.open = false;
  batch.waiting.clear();
  return store(context, batch, "all machines known");
}

}  // namespace

Status abandon(const Context& context, const Batch& batch, const Error& error, bool blamed) {
  const auto runners = runners_of(context, batch);
  if (!runners) return std::unexpected(runners.error());
  for (const Runner& runner : *runners) {
    if (runner.phase != Phase::planned) continue;
    // Blame before the runner goes: after a death in between, the next call counts it once all the
    // same.
    if (blamed) {
      if (Status counted = blame(context, runner.launched_for, batch.id, error); !counted) {
        return counted;
      }
    }
    Facts facts;
    facts.reason = error.what;
    const auto gone =
        context.ledger.advance(runner.name, Event::launch_abandoned, facts, context.clock.now());
    if (!gone && gone.error().fault != Fault::conflict) return std::unexpected(gone.error());
  }
  Batch closed = batch;
  closed.open = false;
  closed.waiting.clear();
  return store(context, closed, "abandoned: " + error.what);
}

Status launch(const Context& context, const Pool& pool, Batch batch) {
  const Time now = context.clock.now();
  if (now >= batch.deadline) {
    const std::string last = batch.waiting.empty() ? "no answer" : batch.waiting;
    return abandon(context, batch,
                   {Fault::transient, "no machine within " + describe(pool.deadlines.batch) +
                                          " of the claim; the last: " + last},
                   batch.tries > 0);
  }
  const auto held = launches_held(context, pool.name);
  if (!held) return std::unexpected(held.error());
  if (*held) {
    const std::string why =
        batch.waiting.empty() ? "launches of pool " + pool.name + " are held" : batch.waiting;
    return wait(context, std::move(batch), {Fault::not_ready, why}, **held - now);
  }
  const auto outcome = context.fleet.launch(batch.request, batch.client_token());
  if (!outcome) {
    const auto unfilled = count_unfilled(context, batch);
    if (!unfilled) return std::unexpected(unfilled.error());
    return after_error(context, pool, std::move(batch), outcome.error(), *unfilled);
  }
  const auto unfilled = bind_machines(context, batch, outcome->machines);
  if (!unfilled) return std::unexpected(unfilled.error());
  if (*unfilled == 0) return close(context, std::move(batch));
  return after_partial(context, pool, std::move(batch), worst(outcome->faults), *unfilled);
}

std::string hold_key(std::string_view pool) { return "launch-wait/" + std::string(pool); }

Status hold_launches(const Context& context, const std::string& pool, const Error& error,
                     Duration pause) {
  const Time now = context.clock.now();
  return context.ledger.put(
      {.key = hold_key(pool), .value = error.what, .at = now, .expires = now + pause});
}

Result<std::optional<Time>> launches_held(const Context& context, const std::string& pool) {
  const auto note = context.ledger.note(hold_key(pool));
  if (!note) return std::unexpected(note.error());
  if (!*note || (*note)->expires <= context.clock.now()) return std::nullopt;
  return (*note)->expires;
}

}  // namespace jitney::core
