// SPDX-License-Identifier: Apache-2.0
// A fleet of either kind, with what a server wants of it beside the port. Private to the wiring.
#pragma once

#include <memory>
#include <string>

#include "apps/serve/wiring.hpp"

namespace jitney::app {

class FleetHost {
 public:
  virtual ~FleetHost() = default;
  virtual core::Fleet& fleet() = 0;
  // As of Wiring.
  virtual void on_runner_end(RunnerEnded listener) = 0;
  virtual void add_to_sample(Metrics::Sample& sample) = 0;
  virtual std::string isolation() = 0;
  virtual std::string no_namespaces() = 0;
};

core::Result<std::unique_ptr<FleetHost>> open_process_fleet(const Config& config);
// Ledger and clock are borrowed and outlive it. Calls nothing yet: whether templates and subnets
// are there is seen with the first launch.
core::Result<std::unique_ptr<FleetHost>> open_ec2_fleet(const Config& config, core::Ledger& ledger,
                                                        core::Clock& clock);

}  // namespace jitney::app
