// SPDX-License-Identifier: Apache-2.0
// Counts what one invocation did, as lines of CloudWatch's embedded metric format: CloudWatch makes
// metrics of log lines, no call is made. docs/formats.md lists them. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "apps/host/meter.hpp"
#include "apps/host/webhook.hpp"
#include "core/time.hpp"

namespace jitney::lambda {

class EmbeddedMetrics final : public app::Meter {
 public:
  explicit EmbeddedMetrics(std::string deployment) : deployment_(std::move(deployment)) {}

  void job_completed(std::string_view pool, std::string_view conclusion) override;
  void queue_to_busy(std::string_view pool, core::Duration took) override;
  void stage(std::string_view pool, std::string_view stage, core::Duration took) override;
  void machines_launched(std::string_view pool, std::size_t count) override;
  void launch_fault(core::Fault fault) override;
  void runners_claimed(std::string_view pool, std::size_t count) override;
  void forge_call(std::string_view scope, std::string_view operation,
                  std::string_view outcome) override;
  void webhook(app::WebhookResult result);
  // How many there are now. Zero is said too: an alarm ends by it.
  void dead_letters(std::size_t count);

  // What was counted since the last call, one JSON object a line; empty when nothing was.
  [[nodiscard]] std::string flush(core::Time now);

 private:
  // Values under one name and one set of dimensions, in order.
  struct Key {
    std::vector<std::pair<std::string, std::string>> dimensions;
    std::string metric;
    auto operator<=>(const Key&) const = default;
  };
  enum class Unit { count, milliseconds };
  struct Values {
    Unit unit = Unit::count;
    std::vector<double> values;
  };

  void count(Key key, double amount);
  void measure(Key key, core::Duration took);
  [[nodiscard]] std::string line(const Key& key, const Values& values, core::Time now) const;

  const std::string deployment_;
  std::mutex mutex_;
  std::map<Key, Values> kept_;
};

}  // namespace jitney::lambda
