// SPDX-License-Identifier: Apache-2.0
// Ports that count what passes through them and change nothing. Thread-safe as what they wrap is.
#pragma once

#include <string>
#include <utility>

#include "apps/host/meter.hpp"
#include "core/fleet.hpp"
#include "core/forge.hpp"
#include "core/ledger.hpp"

namespace jitney::app {

class MeteredFleet : public core::Fleet {
 public:
  MeteredFleet(core::Fleet& inner, Meter& meter) : inner_(inner), meter_(meter) {}

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override;
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override;
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override;
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override;
  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override;
  core::Result<std::vector<core::Machine>> list() override;
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override;

 private:
  core::Fleet& inner_;
  Meter& meter_;
};

class MeteredForge : public core::Forge {
 public:
  MeteredForge(core::Forge& inner, std::string scope, Meter& meter)
      : inner_(inner), scope_(std::move(scope)), meter_(meter) {}

  core::Result<core::Minted> mint(const core::RunnerName& name, std::span<const std::string> labels,
                                  std::int64_t runner_group) override;
  core::Result<std::optional<core::Registration>> find(const core::RunnerName& name) override;
  core::Result<core::Removal> remove(core::ForgeId id) override;
  core::Result<std::vector<core::Registration>> runners() override;
  core::Result<core::JobEvent> job(const std::string& repository, core::JobId id) override;
  core::Result<std::vector<core::JobEvent>> run_jobs(const std::string& repository,
                                                     std::int64_t run) override;
  core::Result<std::vector<std::string>> repositories() override;
  core::Result<std::vector<core::JobEvent>> open_jobs(const std::string& repository) override;
  core::Result<core::Deliveries> failed_deliveries(core::Time since) override;
  core::Status redeliver(std::int64_t delivery) override;
  std::optional<core::CallBudget> budget() override { return inner_.budget(); }

 private:
  template <class T>
  core::Result<T> counted(std::string_view operation, core::Result<T> outcome) {
    meter_.forge_call(scope_, operation, outcome ? "ok" : core::to_string(outcome.error().fault));
    return outcome;
  }

  core::Forge& inner_;
  std::string scope_;
  Meter& meter_;
};

// Sees every change of a job and a runner, so the waiting times are measured here, once, where they
// become true.
class MeteredLedger : public core::Ledger {
 public:
  MeteredLedger(core::Ledger& inner, Meter& meter) : inner_(inner), meter_(meter) {}

  core::Result<std::vector<core::Recorded>> record(std::span<const core::JobEvent> events) override;
  core::Result<core::Claimed> claim(const core::Batch& batch, std::int64_t expected_version,
                                    int max) override;
  core::Result<core::Runner> advance(const core::RunnerName& name, core::Event event,
                                     const core::Facts& facts, core::Time now) override;

  core::Result<core::Batch> update(const core::Batch& batch, core::Time now,
                                   std::string_view timeline_text) override {
    return inner_.update(batch, now, timeline_text);
  }
  core::Result<core::Job> fail(core::JobId job, const std::string& key, const core::Error& error,
                               const core::RetryPolicy& policy, core::Time now) override {
    return inner_.fail(job, key, error, policy, now);
  }
  core::Result<core::Job> bury(core::JobId job, const core::Death& death) override {
    return inner_.bury(job, death);
  }
  core::Result<core::Job> redrive(core::JobId job, core::Time now) override {
    return inner_.redrive(job, now);
  }
  core::Status checked(core::JobId job, core::Time now) override {
    return inner_.checked(job, now);
  }
  core::Result<core::Snapshot> snapshot_with(std::string_view pool,
                                             std::span<const std::string> notes) override {
    return inner_.snapshot_with(pool, notes);
  }
  core::Result<std::optional<core::Job>> job(core::JobId id) override { return inner_.job(id); }
  core::Result<std::vector<core::Job>> jobs(const core::JobFilter& filter) override {
    return inner_.jobs(filter);
  }
  core::Result<std::optional<core::Runner>> runner(const core::RunnerName& name) override {
    return inner_.runner(name);
  }
  core::Result<std::vector<core::Runner>> runners_named(
      std::span<const core::RunnerName> names) override {
    return inner_.runners_named(names);
  }
  core::Result<std::optional<core::Runner>> runner_on(const core::MachineId& machine) override {
    return inner_.runner_on(machine);
  }
  core::Result<std::optional<core::Batch>> batch(const core::BatchId& id) override {
    return inner_.batch(id);
  }
  core::Result<std::vector<core::Runner>> live_runners() override { return inner_.live_runners(); }
  core::Result<std::vector<core::TimelineEntry>> timeline(std::string_view subject) override {
    return inner_.timeline(subject);
  }
  core::Status append(std::span<const core::TimelineEntry> entries) override {
    return inner_.append(entries);
  }
  core::Result<std::optional<core::Note>> note(std::string_view key) override {
    return inner_.note(key);
  }
  core::Result<std::vector<core::Note>> notes(std::string_view prefix) override {
    return inner_.notes(prefix);
  }
  core::Status put(const core::Note& note) override { return inner_.put(note); }
  core::Status erase_note(std::string_view key) override { return inner_.erase_note(key); }
  core::Result<std::size_t> prune(core::Time before, core::Time now) override {
    return inner_.prune(before, now);
  }

 private:
  core::Ledger& inner_;
  Meter& meter_;
};

}  // namespace jitney::app
