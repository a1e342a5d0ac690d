// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <mutex>
#include <thread>

#include "apps/host/aws_client.hpp"
#include "apps/host/ec2_options.hpp"
#include "apps/serve/end_watch.hpp"
#include "apps/serve/wiring_fleet.hpp"

namespace jitney::app {

namespace {

// Two calls a machine: four a second at most, far below what EC2 and Systems Manager allow.
constexpr core::Duration kLook = std::chrono::seconds(5);
constexpr std::size_t kMachinesALook = 10;

class Ec2Host final : public FleetHost {
 public:
  Ec2Host(const Config& config, core::Ledger& ledger, core::Clock& clock)
      : client_(aws_client(config)),
        fleet_(ec2_options(config), *client_, ledger, clock),
        watch_(ledger, fleet_, kMachinesALook) {}

  core::Fleet& fleet() override { return fleet_; }
  void on_runner_end(RunnerEnded listener) override {
    thread_ = std::jthread([this, told = std::move(listener)](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any wake;
      std::unique_lock lock(mutex);
      while (!wake.wait_for(lock, stop, kLook, [&] { return stop.stop_requested(); })) {
        watch_.look(told, stop);
      }
    });
  }
  void add_to_sample(Metrics::Sample&) override {}
  std::string isolation() override { return "EC2: each runner has a machine of its own"; }
  std::string no_namespaces() override { return ""; }

 private:
  std::unique_ptr<aws::Client> client_;
  aws::Ec2Fleet fleet_;
  EndWatch watch_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace

core::Result<std::unique_ptr<FleetHost>> open_ec2_fleet(const Config& config, core::Ledger& ledger,
                                                        core::Clock& clock) {
  return std::make_unique<Ec2Host>(config, ledger, clock);
}

}  // namespace jitney::app
