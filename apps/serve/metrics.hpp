// SPDX-License-Identifier: Apache-2.0
// Everything /metrics shows. Labels are pools, scopes, faults and other small closed sets: nothing
// that grows with jobs or runners. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/host/meter.hpp"
#include "apps/host/webhook.hpp"
#include "core/deployment.hpp"

namespace jitney::app {

class Metrics final : public Meter {
 public:
  Metrics(const std::vector<core::Pool>& pools, const std::vector<std::string>& scopes);
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void webhook(WebhookResult result);
  [[nodiscard]] std::uint64_t webhooks(WebhookResult result) const;
  // One group of webhooks that became durable together.
  void group(std::size_t requests, std::chrono::nanoseconds took);

  void job_completed(std::string_view pool, std::string_view conclusion) override;
  void queue_to_busy(std::string_view pool, core::Duration took) override;
  void stage(std::string_view pool, std::string_view stage, core::Duration took) override;
  void machines_launched(std::string_view pool, std::size_t count) override;
  void launch_fault(core::Fault fault) override;
  void runners_claimed(std::string_view pool, std::size_t count) override;
  [[nodiscard]] std::uint64_t claimed() const;  // of all pools, since the start of this process
  void forge_call(std::string_view scope, std::string_view operation,
                  std::string_view outcome) override;
  // One HTTP exchange; `route` without names; status 0: no answer.
  void github_call(std::string_view scope, std::string_view method, std::string_view route,
                   int status);
  void swept(core::Time now, bool complete);

  // Set just before each scrape.
  struct PoolSample {
    std::string pool;
    int waiting = 0, queued = 0, in_progress = 0;  // open jobs
    int demand = 0, supply = 0, live = 0, max = 0;
  };
  struct ScopeSample {
    std::string scope;
    core::CallBudget budget;
  };
  struct Sample {
    std::vector<PoolSample> pools;
    std::vector<ScopeSample> scopes;
    double queue_depth = 0;
    double dead_letters = 0;
    double sweep_age_seconds = 0;
    double complete_sweep_age_seconds = 0;
    double quarantined_roots = 0;
    double free_disk_bytes = 0;
    double database_bytes = 0;
    double database_changes = 0;  // asked for
    double database_commits = 0;  // that reached the disk: fewer, because changes share them
    double database_failures = 0;
  };
  void set(const Sample& sample);

  [[nodiscard]] std::string render() const;  // Prometheus text format 0.0.4

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace jitney::app
