// SPDX-License-Identifier: Apache-2.0
#include "core/start.hpp"

#include "core/blame.hpp"
#include "core/breaker.hpp"
#include "core/functions.hpp"
#include "core/launch.hpp"

namespace jitney::core {

namespace {

// Credentials that GitHub refuses are refused to every runner: each would cost a machine.
constexpr Duration kUnauthorizedHold = std::chrono::minutes(1);

// One runner's way from `ready` to `registered`.
class Start {
 public:
  Start(const Context& context, const Pool& pool, Forge& forge, Runner runner)
      : context_(context), pool_(pool), forge_(forge), runner_(std::move(runner)) {}

  Status run() {
    auto minted = mint();
    if (!minted && minted.error().fault == Fault::conflict) {
      const auto adopted = adopt_or_clear();
      if (!adopted) return could_not_mint(adopted.error());
      if (*adopted) return {};
      minted = mint();
    }
    if (!minted) return could_not_mint(minted.error());
    return hand_over(*minted);
  }

 private:
  Result<Minted> mint() {
    auto minted = forge_.mint(runner_.name, pool_.labels, pool_.runner_group);
    note_forge(context_, pool_.scope, minted);
    return minted;
  }

  Status advance(Event event, Facts facts = {}) {
    const auto moved = context_.ledger.advance(runner_.name, event, facts, context_.clock.now());
    // A refusal means that a fact was faster (the job ended, the machine went): that fact stands.
    if (!moved && moved.error().fault != Fault::conflict) return std::unexpected(moved.error());
    return {};
  }

  // The name is taken: by an earlier try of ours that died. true: the runner lives, take it as it
  // is.
  Result<bool> adopt_or_clear() {
    const auto found = forge_.find(runner_.name);
    note_forge(context_, pool_.scope, found);
    if (!found) return std::unexpected(found.error());
    if (!*found) return false;
    const Registration& registration = **found;
    const auto machine = context_.fleet.find(runner_.machine);
    const bool started = machine && *machine && (*machine)->started.value_or(false);
    if (registration.online || registration.busy || started) {
      Facts facts;
      facts.forge_id = registration.id;
      if (Status moved = advance(Event::start_done, facts); !moved) {
        return std::unexpected(moved.error());
      }
      return true;
    }
    const auto removed = forge_.remove(registration.id);
    if (!removed) return std::unexpected(removed.error());
    return false;
  }

  Status could_not_mint(const Error& error) {
    switch (error.fault) {
      case Fault::unauthorized: {
        const Error refused{error.fault, std::string(kGithubRefuses) + " [[github]] \"" +
                                             pool_.scope +
                                             "\" (jitney doctor says more): " + error.what};
        if (Status held = hold_launches(context_, pool_.name, refused, kUnauthorizedHold); !held) {
          return held;
        }
        return give_up(refused);
      }
      case Fault::invalid:
      case Fault::not_found:
      case Fault::no_capacity:
        return give_up(error);
      case Fault::conflict:
      case Fault::throttled:
      case Fault::not_ready:
      case Fault::transient:
      case Fault::cancelled:
        break;
    }
    // Nothing runs on the machine: it goes back to wait until GitHub can be asked.
    if (Status moved = advance(Event::start_refused); !moved) return moved;
    return std::unexpected(error);
  }

  Status hand_over(const Minted& minted) {
    const Status started = context_.fleet.start(runner_.machine, runner_.name, minted.jit);
    Facts facts;
    facts.forge_id = minted.id;
    if (started) return advance(Event::start_done, facts);
    switch (started.error().fault) {
      case Fault::not_ready:
      case Fault::throttled:
        // If this removal fails, the next mint finds the name taken and clears it.
        static_cast<void>(forge_.remove(minted.id));
        return advance(Event::start_refused, facts);
      case Fault::transient:
      case Fault::cancelled:
        return {};  // it may run: the lease ends, then the name decides
      case Fault::invalid:
      case Fault::unauthorized:
      case Fault::not_found:
      case Fault::conflict:
      case Fault::no_capacity:
        break;
    }
    static_cast<void>(forge_.remove(minted.id));
    // A machine that is gone is a failed start of this one, no lasting fault of the pool.
    if (started.error().fault == Fault::not_found) {
      return give_up({Fault::transient, started.error().what});
    }
    return give_up(started.error());
  }

  Status give_up(const Error& error) {
    if (Status counted = blame(context_, runner_.launched_for, runner_.name, error); !counted) {
      return counted;
    }
    return stop_runner(context_, runner_.name, error.what);
  }

  const Context& context_;
  const Pool& pool_;
  Forge& forge_;
  const Runner runner_;
};

}  // namespace

Status start(const Context& context, const Pool& pool, const RunnerName& name) {
  Forge* forge = context.forge(pool.scope);
  if (forge == nullptr) {
    return fail(Fault::invalid, "pool " + pool.name + " names [[github]] \"" + pool.scope +
                                    "\", which is not configured");
  }
  Facts facts;
  facts.lease_until = context.clock.now() + pool.deadlines.lease;
  auto claimed = context.ledger.advance(name, Event::start_claimed, facts, context.clock.now());
  if (!claimed) {
    if (claimed.error().fault == Fault::conflict) return {};
    return std::unexpected(claimed.error());
  }
  return Start(context, pool, *forge, std::move(*claimed)).run();
}

}  // namespace jitney::core
