// SPDX-License-Identifier: Apache-2.0
// The promises as checks on a simulated world. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/deployment.hpp"
#include "sim/world/faulty.hpp"
#include "sim/world/hub.hpp"
#include "sim/world/machines.hpp"

namespace jitney::sim {

class Invariants final : public Witness {
 public:
  Invariants(const core::Deployment& deployment, core::Ledger& ledger, core::Queue& queue,
             const Hub& hub)
      : deployment_(deployment), ledger_(ledger), queue_(queue), hub_(hub) {}

  // P3, P5: at the moment of a claim.
  void claimed(const core::Batch& batch) override;
  // P8: no JIT configuration where people and jobs can read.
  void wrote(std::string_view where, std::string_view text) override;
  // P1: the webhook was answered 2xx.
  void acknowledged(const core::JobEvent& event);
  // P6: the core asks for this machine to be stopped.
  void stopping(const Box& box);
  // No more faults begin. `waits`: how long the core may still believe that it has to wait.
  void trouble_stopped(core::Duration waits);
  // Every now and then: counters, what grows, and what is older than its deadline.
  void watch(const Machines& machines);
  // Anything of ours left over, anything lost, anything doubled, anything too dear.
  void at_the_end(const Machines& machines, core::Duration lasted);

  [[nodiscard]] bool quiet(const Machines& machines) const;
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }
  [[nodiscard]] core::Duration longest_wait() const { return longest_wait_; }
  [[nodiscard]] std::size_t deepest_queue() const { return deepest_queue_; }

 private:
  // `subjects`: whose timelines tell the story.
  void violated(const std::string& what, const std::vector<std::string>& subjects);
  [[nodiscard]] std::vector<std::string> story_of(core::JobId id, const std::string& pool) const;
  [[nodiscard]] bool ours(const Runner& runner) const;
  [[nodiscard]] bool covered(const Job& job) const;

  // invariants.cpp
  void check_phantoms(const core::Batch& batch, int needless);
  [[nodiscard]] int wanted_on_github(const core::Pool& pool) const;
  [[nodiscard]] bool had_a_job(const core::RunnerName& name) const;
  [[nodiscard]] bool had_no_machine(const core::RunnerName& name) const;
  void check_counters();
  // invariants_ages.cpp
  void check_ages(const Machines& machines);
  void check_age(const Box& box);
  void check_age(const Runner& registration);
  [[nodiscard]] std::optional<core::Time> due(const core::Runner& runner) const;
  void too_old(const std::string& what, core::Time due, const core::RunnerName& runner);
  // invariants_end.cpp
  void check_jobs();
  void check_waits();
  void check_webhooks();
  void check_machines(const Machines& machines);
  void check_registrations();
  void check_pools();
  void check_costs(const Machines& machines, core::Duration lasted);
  void check_rows(const Machines& machines, core::Duration lasted);

  const core::Deployment& deployment_;
  core::Ledger& ledger_;
  core::Queue& queue_;
  const Hub& hub_;
  std::map<core::JobId, std::vector<core::RunnerName>>
      phantoms_;  // needless launches for a job long after GitHub had ended it
  std::map<core::JobId, std::vector<core::RunnerName>> launched_for_;
  std::size_t claimed_ = 0;  // runners, ever
  std::optional<core::Time> calm_since_;
  core::Duration waits_{};
  std::map<std::string, int> open_when_calm_;  // jobs, by pool
  core::Duration longest_wait_{};
  std::size_t deepest_queue_ = 0;
  std::vector<std::string> violations_;
  std::vector<std::string> story_;
};

}  // namespace jitney::sim
