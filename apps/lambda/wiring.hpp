// SPDX-License-Identifier: Apache-2.0
// From the configuration to the adapters of one Lambda function. Thread-safe once opened.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/host/forges.hpp"
#include "apps/host/metrics_ports.hpp"
#include "apps/lambda/embedded_metrics.hpp"
#include "apps/lambda/function.hpp"
#include "apps/lambda/host.hpp"
#include "aws/client.hpp"
#include "aws/dynamo_ledger.hpp"
#include "aws/ec2_fleet.hpp"
#include "aws/sqs_queue.hpp"
#include "core/deployment.hpp"
#include "local/system_clock.hpp"

namespace jitney::lambda {

class Wiring {
 public:
  // Reads the secrets that the function needs and no others, so that its role need not allow more:
  // those of webhooks for the autoscaler, those of GitHub for the rest. `invalid`: the
  // configuration is not one for Lambda. Faults of secrets as aws_secrets.hpp says; `cancelled`:
  // not done by the deadline.
  static core::Result<std::unique_ptr<Wiring>> open(app::Config config, Function function,
                                                    std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] core::Context context(core::Time deadline);
  // For an invocation that is killed at that moment: when the last call to GitHub, and the last one
  // to AWS, must have ended, those under way included.
  void set_deadline(std::chrono::steady_clock::time_point killed);
  [[nodiscard]] EmbeddedMetrics& metrics() { return metrics_; }
  [[nodiscard]] const HostOptions& host_options() const { return host_options_; }
  // What SQS gave up without a cause gets one: the worker died.
  core::Status note_deaths();

 private:
  explicit Wiring(app::Config config);
  core::Status read_secrets(Function function);

  const app::Config config_;
  local::SystemClock clock_;
  EmbeddedMetrics metrics_;
  const std::unique_ptr<aws::Client> client_;
  std::atomic<std::chrono::steady_clock::time_point> last_of_github_{
      std::chrono::steady_clock::time_point::max()};
  aws::DynamoLedger dynamo_;
  aws::SqsQueue queue_;
  aws::Ec2Fleet ec2_;
  app::MeteredLedger ledger_;
  app::MeteredFleet fleet_;
  app::Forges forges_;
  std::vector<std::unique_ptr<app::MeteredForge>> metered_;
  std::map<std::string, core::Forge*, std::less<>> by_scope_;
  HostOptions host_options_;
};

}  // namespace jitney::lambda
