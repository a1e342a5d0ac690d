// SPDX-License-Identifier: Apache-2.0
// What the metered ports count. Implemented for Prometheus (Metrics) and for CloudWatch's embedded
// metric format (apps/lambda). Thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/result.hpp"

namespace jitney::app {

class Meter {
 public:
  virtual ~Meter() = default;

  virtual void job_completed(std::string_view pool, std::string_view conclusion) = 0;
  virtual void queue_to_busy(std::string_view pool, core::Duration took) = 0;
  // How long after the job was queued, or the runner was claimed, a stage was reached.
  virtual void stage(std::string_view pool, std::string_view stage, core::Duration took) = 0;
  virtual void machines_launched(std::string_view pool, std::size_t count) = 0;
  virtual void launch_fault(core::Fault fault) = 0;
  virtual void runners_claimed(std::string_view pool, std::size_t count) = 0;
  // `outcome`: "ok" or the fault.
  virtual void forge_call(std::string_view scope, std::string_view operation,
                          std::string_view outcome) = 0;
};

}  // namespace jitney::app
