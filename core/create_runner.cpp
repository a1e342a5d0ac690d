// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "core/blame.hpp"
#include "core/breaker.hpp"
#include "core/functions.hpp"
#include "core/launch.hpp"
#include "core/plan.hpp"
#include "core/start.hpp"
#include "core/wake.hpp"

namespace jitney::core {

namespace {

// Each round reads the pool anew, so that a rival's work is seen; what is left after these waits
// for the follow-up that finish() pushes.
constexpr int kRounds = 20;
constexpr Duration kReadinessPoll = std::chrono::seconds(3);

class CreateRunner {
 public:
  CreateRunner(const Context& context, const Pool& pool) : context_(context), pool_(pool) {}

  Status run() {
    for (int round = 0; round < kRounds && !context_.out_of_time(); ++round) {
      const auto progressed = one_round();
      if (!progressed) return std::unexpected(progressed.error());
      if (!*progressed) break;
    }
    return finish();
  }

 private:
  // true: something moved, so look again.
  Result<bool> one_round() {
    auto snapshot = context_.ledger.snapshot(pool_.name);
    if (!snapshot) return std::unexpected(snapshot.error());
    auto facts = conditions(context_, pool_.scope);
    if (!facts) return std::unexpected(facts.error());
    facts->observe_only = true;  // deadlines and surplus are the sweep's

    bool moved = false;
    const auto answered = note_answers(*snapshot);
    if (!answered) return answered;
    moved |= *answered;

    const Plan now = plan(pool_, *snapshot, *facts, context_.clock.now());
    const auto followed = follow(*snapshot, now);
    if (!followed) return followed;
    moved |= *followed;

    const auto started = start_all(now);
    if (!started) return started;
    moved |= *started;

    if (now.deficit > 0) {
      if (Status settled = settle_doubts(context_, pool_, *snapshot); !settled) {
        return std::unexpected(settled.error());
      }
      const auto claimed = claim();
      if (!claimed) return claimed;
      moved |= *claimed;
    }
    return moved;
  }

  Result<bool> note_answers(const Snapshot& snapshot) {
    std::vector<MachineId> asked;
    for (const Runner& runner : snapshot.runners) {
      // One that refused its start a moment ago would be minted and taken back again and again.
      if (runner.phase == Phase::launched && !tried_.contains(runner.name)) {
        asked.push_back(runner.machine);
      }
    }
    if (asked.empty()) return false;
    const auto answering = context_.fleet.answering(asked);
    if (!answering) return std::unexpected(answering.error());
    for (const Runner& runner : snapshot.runners) {
      if (runner.phase != Phase::launched ||
          std::ranges::find(*answering, runner.machine) == answering->end()) {
        continue;
      }
      const auto moved =
          context_.ledger.advance(runner.name, Event::machine_answered, {}, context_.clock.now());
      if (!moved && moved.error().fault != Fault::conflict) {
        return std::unexpected(moved.error());
      }
    }
    return !answering->empty();
  }

  Result<bool> follow(const Snapshot& snapshot, const Plan& now) {
    for (const Batch& batch : snapshot.batches) {
      if (context_.out_of_time()) break;
      if (std::ranges::find(now.follow, batch.id) == now.follow.end()) continue;
      if (Status launched = launch(context_, pool_, batch); !launched) {
        return std::unexpected(launched.error());
      }
    }
    return !now.follow.empty();
  }

  Result<bool> start_all(const Plan& now) {
    bool moved = false;
    for (const RunnerName& name : now.start) {
      if (context_.out_of_time()) break;
      tried_.insert(name);
      if (Status started = start(context_, pool_, name); !started) {
        return std::unexpected(started.error());
      }
      moved = true;
    }
    return moved;
  }

  // A snapshot of its own: GitHub's answers may just have changed what is demand.
  Result<bool> claim() {
    const auto snapshot = context_.ledger.snapshot(pool_.name);
    if (!snapshot) return std::unexpected(snapshot.error());
    auto facts = conditions(context_, pool_.scope);
    if (!facts) return std::unexpected(facts.error());
    const Time at = context_.clock.now();
    const Plan now = plan(pool_, *snapshot, *facts, at);
    const auto held = launches_held(context_, pool_.name);
    if (!held) return std::unexpected(held.error());
    if (*held) wait_ = **held - at;
    if (*held || now.deficit == 0) return false;
    Batch batch = make_batch(context_.deployment.name, pool_, snapshot->state, now, at);
    auto request = context_.fleet.compose(pool_, batch, 0, now.deficit);
    if (!request) return cannot_compose(now, batch, request.error());
    batch.request = std::move(*request);
    const auto claimed = context_.ledger.claim(batch, snapshot->state.version, pool_.max);
    if (!claimed) return std::unexpected(claimed.error());
    switch (*claimed) {
      case Claimed::ok:
      case Claimed::mine:
      case Claimed::outrun:
        return true;  // the next round launches it, or plans again
      case Claimed::full:
        break;
    }
    return false;
  }

  // Nothing was claimed yet. A wait is noted on the pool, for `explain`; what will stay wrong is
  // counted.
  Result<bool> cannot_compose(const Plan& now, const Batch& batch, const Error& error) {
    if (!is_permanent(error.fault)) {
      const Duration pause = error.retry_after.value_or(context_.deployment.sweep_interval);
      const Status held = hold_launches(context_, pool_.name, error, pause);
      if (!held) return std::unexpected(held.error());
      wait_ = pause;
      return false;
    }
    for (const JobId job : now.jobs) {
      if (Status counted = blame(context_, job, batch.id + "/compose", error); !counted) {
        return std::unexpected(counted.error());
      }
    }
    return false;
  }

  // Wakes this pool again when time alone will change its plan.
  Status finish() {
    const auto snapshot = context_.ledger.snapshot(pool_.name);
    if (!snapshot) return std::unexpected(snapshot.error());
    const auto facts = conditions(context_, pool_.scope);
    if (!facts) return std::unexpected(facts.error());
    const Time at = context_.clock.now();
    const Plan now = plan(pool_, *snapshot, *facts, at);
    std::optional<Time> next = now.wake_at;
    const auto sooner = [&](Time time) {
      if (!next || time < *next) next = time;
    };
    const bool booting = std::ranges::any_of(
        snapshot->runners, [](const Runner& runner) { return runner.phase == Phase::launched; });
    if (booting) sooner(at + kReadinessPoll);
    if (wait_) sooner(at + *wait_);
    if (context_.out_of_time() && (now.deficit > 0 || !now.start.empty() || !now.follow.empty())) {
      sooner(at);
    }
    if (!next) return {};
    return wake_at(context_, pool_.name, *next, "follow-up");
  }

  const Context& context_;
  const Pool& pool_;
  std::set<RunnerName> tried_;
  std::optional<Duration> wait_;
};

}  // namespace

Status create_runner(const Context& context, const std::string& name) {
  const Pool* pool = context.deployment.pool(name);
  if (pool == nullptr) return {};  // no longer configured: the sweep ends what it has
  return CreateRunner(context, *pool).run();
}

}  // namespace jitney::core
