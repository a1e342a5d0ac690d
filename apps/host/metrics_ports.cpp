// SPDX-License-Identifier: Apache-2.0
#include "apps/host/metrics_ports.hpp"

namespace jitney::app {

core::Result<std::string> MeteredFleet::compose(const core::Pool& pool, const core::Batch& batch,
                                                int rung, int count) {
  auto request = inner_.compose(pool, batch, rung, count);
  // "There is no such rung" is how a ladder ends, not a failure.
  if (!request && request.error().fault != core::Fault::not_found) {
    meter_.launch_fault(request.error().fault);
  }
  return request;
}

core::Result<core::LaunchOutcome> MeteredFleet::launch(const std::string& request,
                                                       const std::string& token) {
  auto outcome = inner_.launch(request, token);
  if (!outcome) {
    meter_.launch_fault(outcome.error().fault);
    return outcome;
  }
  for (const core::Error& fault : outcome->faults) meter_.launch_fault(fault.fault);
  return outcome;
}

core::Result<std::vector<core::MachineId>> MeteredFleet::answering(
    std::span<const core::MachineId> machines) {
  return inner_.answering(machines);
}

core::Status MeteredFleet::start(const core::MachineId& machine, const core::RunnerName& runner,
                                 const core::Secret& jit) {
  core::Status started = inner_.start(machine, runner, jit);
  if (!started) meter_.launch_fault(started.error().fault);
  return started;
}

core::Result<std::vector<core::MachineId>> MeteredFleet::stop(
    std::span<const core::MachineId> machines) {
  return inner_.stop(machines);
}

core::Result<std::vector<core::Machine>> MeteredFleet::list() { return inner_.list(); }

core::Result<std::optional<core::Machine>> MeteredFleet::find(const core::MachineId& machine) {
  return inner_.find(machine);
}

core::Result<core::Minted> MeteredForge::mint(const core::RunnerName& name,
                                              std::span<const std::string> labels,
                                              std::int64_t runner_group) {
  return counted("mint", inner_.mint(name, labels, runner_group));
}
core::Result<std::optional<core::Registration>> MeteredForge::find(const core::RunnerName& name) {
  return counted("find", inner_.find(name));
}
core::Result<core::Removal> MeteredForge::remove(core::ForgeId id) {
  return counted("remove", inner_.remove(id));
}
core::Result<std::vector<core::Registration>> MeteredForge::runners() {
  return counted("runners", inner_.runners());
}
core::Result<core::JobEvent> MeteredForge::job(const std::string& repository, core::JobId id) {
  return counted("job", inner_.job(repository, id));
}
core::Result<std::vector<core::JobEvent>> MeteredForge::run_jobs(const std::string& repository,
                                                                 std::int64_t run) {
  return counted("run_jobs", inner_.run_jobs(repository, run));
}
core::Result<std::vector<std::string>> MeteredForge::repositories() {
  return counted("repositories", inner_.repositories());
}
core::Result<std::vector<core::JobEvent>> MeteredForge::open_jobs(const std::string& repository) {
  return counted("open_jobs", inner_.open_jobs(repository));
}
core::Result<core::Deliveries> MeteredForge::failed_deliveries(core::Time since) {
  return counted("failed_deliveries", inner_.failed_deliveries(since));
}
core::Status MeteredForge::redeliver(std::int64_t delivery) {
  return counted("redeliver", inner_.redeliver(delivery));
}

core::Result<std::vector<core::Recorded>> MeteredLedger::record(
    std::span<const core::JobEvent> events) {
  auto recorded = inner_.record(events);
  if (!recorded) return recorded;
  for (std::size_t i = 0; i < recorded->size() && i < events.size(); ++i) {
    const core::Recorded& one = (*recorded)[i];
    if (!one.changed || one.job.pool.empty()) continue;
    if (one.job.status == core::JobStatus::completed) {
      meter_.job_completed(one.job.pool, one.job.conclusion);
    }
    // Our own clock on both ends: GitHub's may differ from ours by more than a job waits.
    if (one.was_demand && one.job.status == core::JobStatus::in_progress) {
      const core::Time seen = events[i].seen_at;
      meter_.queue_to_busy(one.job.pool, seen - one.job.queued_at);
      if (one.runner) {
        meter_.stage(one.job.pool, "claim_to_busy", seen - one.runner->created_at);
        if (one.runner->created_at >= one.job.queued_at) {
          meter_.stage(one.job.pool, "queued_to_claim", one.runner->created_at - one.job.queued_at);
        }
      }
    }
  }
  return recorded;
}

core::Result<core::Claimed> MeteredLedger::claim(const core::Batch& batch,
                                                 std::int64_t expected_version, int max) {
  auto claimed = inner_.claim(batch, expected_version, max);
  if (claimed && *claimed == core::Claimed::ok) {
    meter_.runners_claimed(batch.pool, batch.runners.size());
  }
  return claimed;
}

core::Result<core::Runner> MeteredLedger::advance(const core::RunnerName& name, core::Event event,
                                                  const core::Facts& facts, core::Time now) {
  auto runner = inner_.advance(name, event, facts, now);
  if (!runner || runner->phase_since != now) return runner;  // a repeated event changes no phase
  const core::Duration since_claim = now - runner->created_at;
  if (event == core::Event::machine_bound) {
    // Here and not where a launch answers: one that is asked for again answers with them again.
    meter_.machines_launched(runner->pool, 1);
    meter_.stage(runner->pool, "claim_to_launched", since_claim);
  } else if (event == core::Event::machine_answered) {
    meter_.stage(runner->pool, "claim_to_ready", since_claim);
  } else if (event == core::Event::start_done) {
    meter_.stage(runner->pool, "claim_to_registered", since_claim);
  }
  return runner;
}

}  // namespace jitney::app
