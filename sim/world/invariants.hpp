// SPDX-License-Identifier: Apache-2.0
// The promises as checks on a simulated world. One thread.
#pragma once

#include <string>
#include <vector>

#include "core/deployment.hpp"
#include "sim/world/cloud.hpp"
#include "sim/world/faulty.hpp"
#include "sim/world/hub.hpp"

namespace jitney::sim {

class Invariants final : public Witness {
 public:
  Invariants(const core::Deployment& deployment, core::Ledger& ledger)
      : deployment_(deployment), ledger_(ledger) {}

  // P3, P5: at the moment of a claim.
  void claimed(const core::Batch& batch) override;
  // P6: the core asks for this machine to be stopped.
  void stopping(const Cloud::Instance& instance, const Hub& hub);
  // Anything of ours left over, anything lost, anything doubled.
  void at_the_end(const Cloud& cloud, const Hub& hub);

  [[nodiscard]] bool quiet(const Cloud& cloud, const Hub& hub) const;
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

 private:
  void violated(const std::string& what, const std::string& subject);
  void check_jobs(const Hub& hub);
  void check_machines(const Cloud& cloud);
  void check_registrations(const Hub& hub);
  void check_counts();

  const core::Deployment& deployment_;
  core::Ledger& ledger_;
  std::vector<std::string> violations_;
  std::vector<std::string> story_;
};

}  // namespace jitney::sim
