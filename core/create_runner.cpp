// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string>
#include <vector>

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
constexpr int kRounds = 40;
// Rivals have the same list of runners to start. Each begins somewhere else in a long one, and
// looks again after a few: so they seldom want the same runner, and launches never wait for long.
constexpr std::size_t kStartsARound = 8;
constexpr std::size_t kAskedAtOnce = 50;
constexpr Duration kReadinessPoll = std::chrono::seconds(3);
constexpr Duration kSlowReadinessPoll = std::chrono::seconds(15);

// A pool and what stands in its way, as one round sees them.
struct View {
  Snapshot snapshot;
  Conditions conditions;
  std::optional<Time> held;  // launches wait until then
  Time none_answered_at{};   // of many machines, whoever asked

  // Until when nobody was to call GitHub, if nobody has reached it since.
  [[nodiscard]] std::optional<Time> unreachable() const {
    if (conditions.forge_down || conditions.forge_down_until == Time{}) return std::nullopt;
    return conditions.forge_down_until;
  }
};

std::string silence_key(std::string_view pool) { return "silence/" + std::string(pool); }

class CreateRunner {
 public:
  CreateRunner(const Context& context, const Pool& pool) : context_(context), pool_(pool) {}

  Status run() {
    for (int round = 0; round < kRounds && !context_.out_of_time(); ++round) {
      auto view = look();
      if (!view) return std::unexpected(view.error());
      const auto moved = one_round(*view);
      if (!moved) return std::unexpected(moved.error());
      if (!*moved) return finish(*view);
    }
    const auto view = look();
    if (!view) return std::unexpected(view.error());
    interrupted_ = true;
    return finish(*view);
  }

 private:
  Result<View> look() {
    const std::array keys{breaker_key(pool_.scope), hold_key(pool_.name), silence_key(pool_.name)};
    auto snapshot = context_.ledger.snapshot_with(pool_.name, keys);
    if (!snapshot) return std::unexpected(snapshot.error());
    const Note* const breaker = snapshot->note(keys[0]);
    const Note* const hold = snapshot->note(keys[1]);
    const Note* const silence = snapshot->note(keys[2]);
    View view{.snapshot = {},
              .conditions = launch_conditions(context_, breaker),
              .held = std::nullopt,
              .none_answered_at = silence == nullptr ? Time{} : silence->at};
    if (hold != nullptr && hold->expires > context_.clock.now()) view.held = hold->expires;
    view.snapshot = std::move(*snapshot);
    return view;
  }

  Plan plan_of(const View& view) const {
    return plan(pool_, view.snapshot, view.conditions, context_.clock.now());
  }

  // true: something moved, so look again. Launches before starts: a boot takes longest.
  Result<bool> one_round(View& view) {
    const Plan now = plan_of(view);
    auto moved = follow(view.snapshot, now);
    if (!moved) return moved;
    // What was followed may have ended in a hold or in blame: then a claim needs another look.
    if (!*moved && now.deficit > 0) {
      moved = claim(view, now);
      if (!moved) return moved;
    }
    const auto answered = note_answers(view);
    if (!answered) return answered;
    const auto started = start_all(plan_of(view));
    if (!started) return started;
    return *moved || *answered || *started;
  }

  // Some of those that answer become ready; true: there were some.
  Result<bool> note_answers(View& view) {
    const Time last = std::max(view.none_answered_at, none_answered_at_);
    std::vector<MachineId> waiting;
    for (const Runner& runner : view.snapshot.runners) {
      // One that refused its start a moment ago would be minted and taken back again and again.
      if (runner.phase != Phase::launched || tried_.contains(runner.name)) continue;
      const bool just_asked =
          runner.phase_since <= last && context_.clock.now() < last + kReadinessPoll;
      if (!just_asked) waiting.push_back(runner.machine);
    }
    if (waiting.empty()) return false;
    std::ranges::rotate(waiting, waiting.begin() + own_place(waiting.size(), kAskedAtOnce));
    for (std::span<const MachineId> left(waiting); !left.empty();) {
      const auto some = left.first(std::min(left.size(), kAskedAtOnce));
      left = left.subspan(some.size());
      const auto answering = context_.fleet.answering(some);
      if (!answering) return std::unexpected(answering.error());
      if (!answering->empty()) return note_ready(view.snapshot, *answering);
    }
    return note_silence(waiting.size());
  }

  // Into the snapshot too, so that those that answer are started in the same round.
  Result<bool> note_ready(Snapshot& snapshot, const std::vector<MachineId>& answering) {
    for (Runner& runner : snapshot.runners) {
      if (runner.phase != Phase::launched ||
          std::ranges::find(answering, runner.machine) == answering.end()) {
        continue;
      }
      auto moved =
          context_.ledger.advance(runner.name, Event::machine_answered, {}, context_.clock.now());
      if (moved) {
        runner = std::move(*moved);
      } else if (moved.error().fault != Fault::conflict) {
        return std::unexpected(moved.error());
      }
    }
    return true;
  }

  // Rivals need not ask for many at the same time.
  Result<bool> note_silence(std::size_t machines) {
    none_answered_at_ = context_.clock.now();
    if (machines <= kStartsARound) return false;
    const Status noted = context_.ledger.put({.key = silence_key(pool_.name),
                                              .value = std::to_string(machines) + " machines boot",
                                              .at = none_answered_at_,
                                              .expires = none_answered_at_ + kReadinessPoll});
    if (!noted) return std::unexpected(noted.error());
    return false;
  }

  // Where in a list that is longer than `few` this one begins: neighbouring moments lie far apart.
  [[nodiscard]] std::ptrdiff_t own_place(std::size_t size, std::size_t few) const {
    if (size <= few) return 0;
    constexpr std::size_t kScatter = 2'654'435'761;
    const auto moment = static_cast<std::size_t>(context_.clock.now().time_since_epoch().count());
    return static_cast<std::ptrdiff_t>(moment * kScatter % size);
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
    if (now.start.size() > kStartsARound && !called_for_help_) {
      called_for_help_ = true;
      const Status called = context_.queue.push({.kind = MessageKind::create_runner,
                                                 .key = pool_.name,
                                                 .detail = "many runners to start"},
                                                Duration::zero(), context_.clock.now());
      if (!called) return std::unexpected(called.error());
    }
    std::vector<RunnerName> names = now.start;
    std::ranges::rotate(names, names.begin() + own_place(names.size(), kStartsARound));
    if (names.size() > kStartsARound) names.resize(kStartsARound);
    for (const RunnerName& name : names) {
      if (context_.out_of_time()) break;
      tried_.insert(name);
      if (Status started = start(context_, pool_, name); !started) {
        return std::unexpected(started.error());
      }
    }
    return !names.empty();
  }

  Result<bool> claim(const View& view, const Plan& now) {
    const Time at = context_.clock.now();
    if (view.held) {
      wait_ = *view.held - at;
      return false;
    }
    const auto asked = settle_doubts(context_, pool_, view.snapshot, view.unreachable());
    if (!asked) return asked;
    if (*asked) return true;  // GitHub's answers may have changed what is demand
    Batch batch = make_batch(context_.deployment.name, pool_, view.snapshot.state, now, at);
    auto request = context_.fleet.compose(pool_, batch, 0, now.deficit);
    if (!request) return cannot_compose(now, batch, request.error());
    batch.request = std::move(*request);
    const auto claimed = context_.ledger.claim(batch, view.snapshot.state.version, pool_.max);
    if (!claimed) return std::unexpected(claimed.error());
    switch (*claimed) {
      case Claimed::ok: {
        if (Status launched = launch(context_, pool_, batch); !launched) {
          return std::unexpected(launched.error());
        }
        return true;
      }
      case Claimed::mine:
      case Claimed::outrun:
        return true;  // the next round goes on with it, or plans again
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
  Status finish(const View& view) {
    const Plan now = plan_of(view);
    const Time at = context_.clock.now();
    std::optional<Time> next = now.wake_at;
    const auto sooner = [&](Time time) {
      if (!next || time < *next) next = time;
    };
    for (const Runner& runner : view.snapshot.runners) {
      if (runner.phase != Phase::launched) continue;
      // What has taken long may take a little longer.
      sooner(at + std::clamp((at - runner.phase_since) / 8, kReadinessPoll, kSlowReadinessPoll));
    }
    if (wait_) sooner(at + *wait_);
    if (interrupted_ && (now.deficit > 0 || !now.start.empty() || !now.follow.empty())) {
      sooner(at);
    }
    if (!next) return {};
    return wake_at(context_, pool_.name, *next, "follow-up");
  }

  const Context& context_;
  const Pool& pool_;
  std::set<RunnerName> tried_;
  Time none_answered_at_{};
  bool called_for_help_ = false;
  bool interrupted_ = false;  // there may be more to do now
  std::optional<Duration> wait_;
};

}  // namespace

Status create_runner(const Context& context, const std::string& name) {
  const Pool* pool = context.deployment.pool(name);
  if (pool == nullptr) return {};  // no longer configured: the sweep ends what it has
  return CreateRunner(context, *pool).run();
}

}  // namespace jitney::core
