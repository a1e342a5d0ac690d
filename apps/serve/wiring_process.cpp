// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>

#include "apps/serve/wiring_fleet.hpp"
#include "local/process_fleet.hpp"

namespace jitney::app {

namespace {

local::Limits limits(const ProcessPool& pool) {
  return {.memory = pool.memory, .cpu = pool.cpu, .tasks = pool.tasks};
}

core::Result<std::unique_ptr<local::ProcessFleet>> open_fleet(const Config& config) {
  local::ProcessFleetOptions options;
  options.state_dir = config.server.state_dir;
  options.runners_dir = config.process.runners_dir;
  options.deployment = config.deployment.name;
  // As the systemd unit says: a group that outlives this server.
  if (const char* group = std::getenv("JITNEY_RUNNERS_CGROUP")) options.cgroup_parent = group;
  options.min_free_disk = config.process.min_free_disk;
  options.stop_grace = config.process.stop_grace;
  options.keep_logs = config.process.keep_logs;
  for (const auto& [name, pool] : config.process_pools) {
    if (access((pool.runner_dir + "/bin/Runner.Listener").c_str(), X_OK) != 0) {
      return core::fail(core::Fault::invalid,
                        "pool " + name + ": " + pool.runner_dir +
                            " has no bin/Runner.Listener that can be executed; unpack GitHub's "
                            "actions-runner there, or correct runner_dir");
    }
    local::ProcessPoolOptions made;
    made.runner_dir = pool.runner_dir;
    made.runner_user = pool.runner_user;
    made.limits = limits(pool);
    made.environment = pool.env;
    options.pools.emplace(name, std::move(made));
  }
  return local::ProcessFleet::open(std::move(options));
}

class ProcessHost final : public FleetHost {
 public:
  explicit ProcessHost(std::unique_ptr<local::ProcessFleet> fleet) : fleet_(std::move(fleet)) {}

  core::Fleet& fleet() override { return *fleet_; }
  void on_runner_end(RunnerEnded listener) override { fleet_->on_runner_end(std::move(listener)); }
  void add_to_sample(Metrics::Sample& sample) override {
    sample.quarantined_roots = static_cast<double>(fleet_->quarantined());
    sample.free_disk_bytes = static_cast<double>(fleet_->free_disk());
  }
  std::string isolation() override { return fleet_->describe_isolation(); }
  std::string no_namespaces() override { return fleet_->no_namespaces(); }

 private:
  std::unique_ptr<local::ProcessFleet> fleet_;
};

}  // namespace

core::Result<std::unique_ptr<FleetHost>> open_process_fleet(const Config& config) {
  auto fleet = open_fleet(config);
  if (!fleet) return std::unexpected(fleet.error());
  return std::make_unique<ProcessHost>(*std::move(fleet));
}

}  // namespace jitney::app
