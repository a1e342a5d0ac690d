// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/embedded_metrics.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace jitney::lambda {

namespace {

namespace json = boost::json;

constexpr const char* kNamespace = "Jitney";
// The format allows no more values of one metric in a line.
constexpr std::size_t kValuesPerLine = 100;

}  // namespace

void EmbeddedMetrics::count(Key key, double amount) {
  const std::lock_guard lock(mutex_);
  Values& kept = kept_[std::move(key)];
  // One sum a line, however many there were.
  if (kept.values.empty()) kept.values.push_back(0);
  kept.values.front() += amount;
}

void EmbeddedMetrics::measure(Key key, core::Duration took) {
  const std::lock_guard lock(mutex_);
  Values& kept = kept_[std::move(key)];
  kept.unit = Unit::milliseconds;
  kept.values.push_back(static_cast<double>(std::max(core::Duration::zero(), took).count()));
}

void EmbeddedMetrics::job_completed(std::string_view pool, std::string_view conclusion) {
  count({{{"pool", std::string(pool)}, {"conclusion", std::string(conclusion)}}, "JobsCompleted"},
        1);
}

void EmbeddedMetrics::queue_to_busy(std::string_view pool, core::Duration took) {
  measure({{{"pool", std::string(pool)}}, "QueueToBusy"}, took);
}

void EmbeddedMetrics::stage(std::string_view pool, std::string_view stage, core::Duration took) {
  measure({{{"pool", std::string(pool)}, {"stage", std::string(stage)}}, "Stage"}, took);
}

void EmbeddedMetrics::machines_launched(std::string_view pool, std::size_t amount) {
  count({{{"pool", std::string(pool)}}, "MachinesLaunched"}, static_cast<double>(amount));
}

void EmbeddedMetrics::launch_fault(core::Fault fault) {
  count({{{"fault", std::string(core::to_string(fault))}}, "LaunchFaults"}, 1);
}

void EmbeddedMetrics::runners_claimed(std::string_view pool, std::size_t amount) {
  count({{{"pool", std::string(pool)}}, "RunnersClaimed"}, static_cast<double>(amount));
}

void EmbeddedMetrics::forge_call(std::string_view scope, std::string_view operation,
                                 std::string_view outcome) {
  count({{{"github", std::string(scope)},
          {"operation", std::string(operation)},
          {"outcome", std::string(outcome)}},
         "GithubCalls"},
        1);
}

void EmbeddedMetrics::webhook(app::WebhookResult result) {
  count({{{"result", std::string(app::to_string(result))}}, "Webhooks"}, 1);
}

void EmbeddedMetrics::dead_letters(std::size_t amount) {
  count({{}, "DeadLetters"}, static_cast<double>(amount));
}

std::string EmbeddedMetrics::line(const Key& key, const Values& values, core::Time now) const {
  json::array names{"deployment"};
  json::object out;
  out["deployment"] = deployment_;
  for (const auto& [name, value] : key.dimensions) {
    names.emplace_back(name);
    // An empty dimension makes CloudWatch drop the whole line.
    out[name] = value.empty() ? "none" : value;
  }
  json::array dimensions;  // json::array{names} is a copy to clang and a list of one to g++
  dimensions.emplace_back(std::move(names));
  const json::object metric{{"Name", key.metric},
                            {"Unit", values.unit == Unit::count ? "Count" : "Milliseconds"}};
  out["_aws"] = json::object{
      {"Timestamp", now.time_since_epoch().count()},
      {"CloudWatchMetrics", json::array{json::object{{"Namespace", kNamespace},
                                                     {"Dimensions", dimensions},
                                                     {"Metrics", json::array{metric}}}}}};
  out[key.metric] = json::array(values.values.begin(), values.values.end());
  return json::serialize(out) + "\n";
}

std::string EmbeddedMetrics::flush(core::Time now) {
  std::map<Key, Values> kept;
  {
    const std::lock_guard lock(mutex_);
    kept.swap(kept_);
  }
  std::string out;
  for (const auto& [key, all] : kept) {
    for (std::size_t at = 0; at < all.values.size(); at += kValuesPerLine) {
      const auto begin = all.values.begin() + static_cast<std::ptrdiff_t>(at);
      const auto end = all.values.begin() + static_cast<std::ptrdiff_t>(
                                                std::min(at + kValuesPerLine, all.values.size()));
      out += line(key, {.unit = all.unit, .values = {begin, end}}, now);
    }
  }
  return out;
}

}  // namespace jitney::lambda
