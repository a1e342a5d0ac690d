// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "core/blame.hpp"
#include "core/breaker.hpp"
#include "core/launch.hpp"
#include "core/plan.hpp"
#include "core/reconcile.hpp"

namespace jitney::core {

namespace {

Status carry_out(const Context& context, const Snapshot& snapshot, const Plan::Stop& stop) {
  if (stop.failure) {
    const auto runner = std::ranges::find(snapshot.runners, stop.name, &Runner::name);
    const Error error{Fault::transient, "runner " + stop.name + ": " + stop.reason};
    if (Status counted = blame(context, runner->launched_for, stop.name, error); !counted) {
      return counted;
    }
  }
  if (stop.event == Event::job_overdue) {
    Facts facts;
    facts.reason = stop.reason;
    const auto overdue =
        context.ledger.advance(stop.name, Event::job_overdue, facts, context.clock.now());
    if (!overdue) return std::unexpected(overdue.error());
  }
  return stop_runner(context, stop.name, stop.reason);
}

void wake(const Context& context, const std::string& pool) {
  static_cast<void>(
      context.queue.push({.kind = MessageKind::create_runner, .key = pool, .detail = "sweep"},
                         Duration::zero(), context.clock.now()));
}

bool has_work(const Snapshot& snapshot, const Plan& plan) {
  const bool booting = std::ranges::any_of(snapshot.runners, [](const Runner& runner) {
    return runner.phase == Phase::launched || runner.phase == Phase::starting;
  });
  return booting || plan.deficit > 0 || !plan.start.empty() || !plan.follow.empty();
}

void reconcile_pool(const Context& context, const Pool& pool, bool judge, Swept& swept) {
  const auto snapshot = context.ledger.snapshot(pool.name);
  if (!snapshot) return note_trouble(swept, "pool " + pool.name, snapshot.error());
  auto facts = conditions(context, pool.scope);
  if (!facts) return note_trouble(swept, "pool " + pool.name, facts.error());
  facts->observe_only = !judge;
  const Plan now = plan(pool, *snapshot, *facts, context.clock.now());
  for (const Plan::Stop& stop : now.stop) {
    if (context.out_of_time()) return;
    if (Status stopped = carry_out(context, *snapshot, stop); !stopped) {
      note_trouble(swept, "stop " + stop.name, stopped.error());
    } else {
      swept.runners_stopped += 1;
    }
  }
  if (has_work(*snapshot, now)) wake(context, pool.name);
}

// What a person took out of the configuration ends as soon as it is idle.
void retire(const Context& context, const std::string& pool, Swept& swept) {
  const auto snapshot = context.ledger.snapshot(pool);
  if (!snapshot) return note_trouble(swept, "pool " + pool, snapshot.error());
  const Error reason{Fault::cancelled, "pool " + pool + " is no longer configured"};
  for (const Batch& batch : snapshot->batches) {
    if (Status done = abandon(context, batch, reason, false); !done) {
      note_trouble(swept, "batch " + batch.id, done.error());
    }
  }
  for (const Runner& runner : snapshot->runners) {
    if (runner.phase == Phase::planned || runner.phase >= Phase::busy) continue;
    if (Status done = stop_runner(context, runner.name, reason.what); !done) {
      note_trouble(swept, "stop " + runner.name, done.error());
    }
  }
}

}  // namespace

void reconcile_pools(const Context& context, const std::vector<Runner>& live, bool judge,
                     Swept& swept) {
  std::set<std::string> retired;
  for (const Runner& runner : live) {
    if (context.out_of_time()) return;
    if (context.deployment.pool(runner.pool) == nullptr) retired.insert(runner.pool);
    if (runner.phase != Phase::stopping) continue;
    if (Status stopped = stop_runner(context, runner.name, runner.reason); !stopped) {
      note_trouble(swept, "stop " + runner.name, stopped.error());
    }
  }
  for (const std::string& pool : retired) retire(context, pool, swept);
  for (const Pool& pool : context.deployment.pools) {
    if (context.out_of_time()) return;
    reconcile_pool(context, pool, judge, swept);
  }
}

}  // namespace jitney::core
