// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "core/blame.hpp"
#include "core/breaker.hpp"
#include "core/reconcile.hpp"

namespace jitney::core {

namespace {

class Registrations {
 public:
  Registrations(const Context& context, const std::string& scope, Forge& forge, bool judge,
                Swept& swept)
      : context_(context), scope_(scope), forge_(forge), judge_(judge), swept_(swept) {}

  void look_at(const Registration& registration) {
    const auto row = context_.ledger.runner(registration.name);
    if (!row) return trouble(registration.name, row.error());
    // Unknown to the ledger, and named after no pool of ours: a neighbour's, whose deployment's
    // name begins like ours.
    if (!*row && !context_.deployment.names(registration.name)) return;
    if (!*row || !(*row)->live()) return ghost(registration);
    const Runner& runner = **row;
    if (registration.busy && runner.phase <= Phase::registered) {
      return took_a_job(runner, registration);
    }
    // Minted once, and then its machine was sent back to wait: what it may need later is a new one.
    if (runner.phase <= Phase::ready) return ghost(registration);
    if (runner.phase == Phase::registered && !registration.online) never_online(runner);
  }

  // A live runner of ours that the list does not name.
  void missing(const Runner& runner) {
    const Time now = context_.clock.now();
    if (!judge_ || now < runner.phase_since + context_.deployment.orphan_grace) return;
    const auto found = forge_.find(runner.name);
    if (!found) return trouble(runner.name, found.error());
    if (*found) return;
    if (runner.phase == Phase::registered) return vanished_idle(runner);
    if (runner.phase == Phase::busy) vanished_busy(runner);
  }

 private:
  void trouble(const RunnerName& name, const Error& error) {
    note_trouble(swept_, "registration of " + name, error);
  }

  // No runner of ours stands behind it. GitHub refuses while a job runs on it (P6).
  void ghost(const Registration& registration) {
    if (!judge_ || registration.busy) return;
    if (!seen_for_long(context_, "ghost/" + scope_ + "/" + registration.name)) return;
    const auto removed = forge_.remove(registration.id);
    if (!removed) return trouble(registration.name, removed.error());
    if (*removed == Removal::removed) swept_.ghosts_removed += 1;
  }

  // `in_progress` was lost or is late: GitHub's word that it is busy is enough.
  void took_a_job(const Runner& runner, const Registration& registration) {
    Facts facts;
    facts.forge_id = registration.id;
    const auto moved =
        context_.ledger.advance(runner.name, Event::job_started, facts, context_.clock.now());
    if (!moved && moved.error().fault != Fault::conflict) trouble(runner.name, moved.error());
  }

  void never_online(const Runner& runner) {
    const Pool* pool = context_.deployment.pool(runner.pool);
    if (pool == nullptr || !judge_) return;
    const auto since = conditions(context_, scope_);
    if (!since) return trouble(runner.name, since.error());
    const Time from = std::max(runner.phase_since, since->forge_since);
    if (context_.clock.now() < from + pool->deadlines.online) return;
    end(runner, "GitHub did not see it online within " + describe(pool->deadlines.online));
  }

  void vanished_idle(const Runner& runner) { end(runner, "GitHub removed its registration"); }

  void end(const Runner& runner, const std::string& reason) {
    Status done = remember_idle_end(context_, runner, reason);
    if (done) done = stop_runner(context_, runner.name, reason);
    if (!done) return trouble(runner.name, done.error());
    swept_.runners_stopped += 1;
  }

  // GitHub removes the registration of an ephemeral runner when its job has ended, so `completed`
  // was lost.
  void vanished_busy(const Runner& runner) {
    if (runner.job != 0) {
      if (Status asked = check_job(context_, runner.job); !asked) {
        return trouble(runner.name, asked.error());
      }
    }
    Facts facts;
    facts.reason = "GitHub removed its registration: its job is over";
    const auto ended =
        context_.ledger.advance(runner.name, Event::job_ended, facts, context_.clock.now());
    if (!ended && ended.error().fault != Fault::conflict) trouble(runner.name, ended.error());
  }

  const Context& context_;
  const std::string& scope_;
  Forge& forge_;
  const bool judge_;
  Swept& swept_;
};

}  // namespace

void reconcile_registrations(const Context& context, const World& world,
                             const std::vector<Runner>& live, bool judge, Swept& swept) {
  for (const auto& [scope, registrations] : world.registrations) {
    Forge* forge = context.forge(scope);
    if (forge == nullptr) continue;
    Registrations look(context, scope, *forge, judge, swept);
    std::set<RunnerName> listed;
    for (const Registration& registration : registrations) {
      if (context.out_of_time()) return;
      listed.insert(registration.name);
      look.look_at(registration);
    }
    for (const Runner& runner : live) {
      if (context.out_of_time()) return;
      const Pool* pool = context.deployment.pool(runner.pool);
      const bool here = pool != nullptr && pool->scope == scope;
      if (here && runner.minted && !listed.contains(runner.name)) look.missing(runner);
    }
  }
}

}  // namespace jitney::core
