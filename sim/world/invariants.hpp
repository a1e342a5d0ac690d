// SPDX-License-Identifier: Apache-2.0
// The promises as checks on a simulated world. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/deployment.hpp"
#include "sim/world/cloud.hpp"
#include "sim/world/faulty.hpp"
#include "sim/world/hub.hpp"

namespace jitney::sim {

class Invariants final : public Witness {
 public:
  Invariants(const core::Deployment& deployment, core::Ledger& ledger, const Hub& hub)
      : deployment_(deployment), ledger_(ledger), hub_(hub) {}

  // P3, P5: at the moment of a claim.
  void claimed(const core::Batch& batch) override;
  // P1: the webhook was answered 2xx.
  void acknowledged(const core::JobEvent& event);
  // P6: the core asks for this machine to be stopped.
  void stopping(const Cloud::Instance& instance);
  // Anything of ours left over, anything lost, anything doubled.
  void at_the_end(const Cloud& cloud);

  [[nodiscard]] bool quiet(const Cloud& cloud) const;
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

 private:
  // `subjects`: whose timelines tell the story.
  void violated(const std::string& what, const std::vector<std::string>& subjects);
  [[nodiscard]] std::vector<std::string> story_of(core::JobId id, const std::string& pool) const;
  void check_jobs();
  void check_webhooks();
  void check_phantoms(const core::Batch& batch, int needless);
  [[nodiscard]] int wanted_on_github(const core::Pool& pool) const;
  [[nodiscard]] bool had_a_job(const core::RunnerName& name) const;
  void check_machines(const Cloud& cloud);
  void check_registrations();
  void check_counts();

  const core::Deployment& deployment_;
  core::Ledger& ledger_;
  const Hub& hub_;
  std::map<core::JobId, std::vector<core::RunnerName>>
      phantoms_;  // needless launches for a job long after GitHub had ended it
  std::map<core::JobId, std::vector<core::RunnerName>> launched_for_;
  std::vector<std::string> violations_;
  std::vector<std::string> story_;
};

}  // namespace jitney::sim
