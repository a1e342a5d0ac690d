// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/end_watch.hpp"

#include <algorithm>
#include <vector>

#include "net/log.hpp"

namespace jitney::app {

namespace {

// Before `starting` nothing was handed over; `stopping` is somebody else's work already.
bool may_have_ended(const core::Runner& runner) {
  switch (runner.phase) {
    case core::Phase::starting:
    case core::Phase::registered:
    case core::Phase::busy:
      return !runner.machine.empty();
    case core::Phase::planned:
    case core::Phase::launched:
    case core::Phase::ready:
    case core::Phase::stopping:
    case core::Phase::gone:
      return false;
  }
  return false;
}

}  // namespace

void EndWatch::look(const RunnerEnded& listener, const std::stop_token& stop) {
  auto runners = ledger_.live_runners();
  if (!runners) return;
  std::erase_if(*runners, [](const core::Runner& runner) { return !may_have_ended(runner); });
  std::ranges::sort(*runners, {}, &core::Runner::name);
  const auto next = std::ranges::upper_bound(*runners, last_, {}, &core::Runner::name);
  std::ranges::rotate(*runners, next);
  const std::size_t count = std::min(machines_, runners->size());
  for (std::size_t i = 0; i < count && !stop.stop_requested(); ++i) {
    const core::Runner& runner = (*runners)[i];
    last_ = runner.name;
    const auto found = fleet_.find(runner.machine);
    if (!found) {
      net::log(net::LogLevel::debug, "cannot ask how a runner is",
               {{"runner", runner.name}, {"error", found.error().what}});
      continue;
    }
    // A machine that is gone is the sweep's to judge.
    if (!*found || (*found)->state != core::MachineState::ended) continue;
    listener(runner.machine, (*found)->exit_code);
  }
}

}  // namespace jitney::app
