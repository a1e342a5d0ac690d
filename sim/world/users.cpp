// SPDX-License-Identifier: Apache-2.0
#include "sim/world/users.hpp"

namespace jitney::sim {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr int kMisspelt = 20;  // per mille of jobs: no pool has their labels
const char* const kNobodys = "gpuu";

}  // namespace

WorkflowSpec Users::workflow(int jobs) {
  WorkflowSpec spec;
  spec.repository = choices_.chance(500) ? "acme/widgets" : "acme/gadgets";
  for (int j = 0; j < jobs; ++j) {
    const bool misspelt = choices_.chance(kMisspelt);
    spec.jobs.push_back({.name = "job-" + std::to_string(j),
                         .labels = {"self-hosted", misspelt               ? kNobodys
                                                   : choices_.chance(700) ? "cpu"
                                                                          : "gpu"},
                         .steps = {},
                         .env = {},
                         .waiting = choices_.chance(mix_.gated)});
  }
  return spec;
}

void Users::plan(Duration trouble) {
  const int workflows = choices_.between(1, 8);
  for (int w = 0; w < workflows; ++w) {
    const WorkflowSpec spec = workflow(choices_.between(1, choices_.chance(200) ? 20 : 5));
    scheduler_.after(choices_.between(Duration(0), trouble), [this, spec] { hub_.queue(spec); });
  }
  for (Duration t = 1min; t < trouble; t += 1min) {
    scheduler_.after(t, [this] { meddle(); });
  }
}

void Users::plan_late(Duration span) {
  const int workflows = choices_.between(1, 3);
  for (int w = 0; w < workflows; ++w) {
    const WorkflowSpec spec = workflow(choices_.between(1, 3));
    scheduler_.after(choices_.between(Duration(0), span), [this, spec] { hub_.queue(spec); });
  }
}

void Users::approve_all() {
  std::vector<std::int64_t> waiting;
  for (const auto& [id, job] : std::as_const(hub_).world().jobs()) {
    if (job.status == Status::waiting) waiting.push_back(id);
  }
  for (const std::int64_t id : waiting) hub_.approve(id);
}

void Users::cancel_one() {
  for (const auto& [id, job] : std::as_const(hub_).world().jobs()) {
    if (job.status == Status::completed || !choices_.chance(mix_.cancelled / 10)) continue;
    return hub_.cancel(id);
  }
}

void Users::rerun_one() {
  for (const auto& [id, run] : std::as_const(hub_).world().runs()) {
    if (run.status != Status::completed || run.attempt > 2 || !choices_.chance(mix_.rerun / 10)) {
      continue;
    }
    return hub_.rerun(id);
  }
}

// Once a minute people cancel, re-run and approve, and other deployments' runners come by.
void Users::meddle() {
  cancel_one();
  rerun_one();
  if (choices_.chance(200)) approve_all();
  if (choices_.chance(mix_.stolen)) {
    hub_.add_thief({"self-hosted", choices_.chance(700) ? "cpu" : "gpu"}, 10min);
  }
}

}  // namespace jitney::sim
