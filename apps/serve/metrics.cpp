// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <set>

namespace jitney::app {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kSeconds{0.1, 0.25, 0.5, 1,  2.5, 5,   10,  15,
                                           20,  30,   45,  60, 120, 300, 900, 3600};
const Histogram::BucketBoundaries kCommitSeconds{0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01,
                                                 0.02,   0.05,   0.1,   0.25,  1};
const Histogram::BucketBoundaries kSizes{1, 2, 4, 8, 16, 32, 64, 128, 256};

double seconds(core::Duration duration) { return std::chrono::duration<double>(duration).count(); }

Family<Counter>& counters(prometheus::Registry& registry, const std::string& name,
                          const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& gauges(prometheus::Registry& registry, const std::string& name,
                      const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Family<Histogram>& histograms(prometheus::Registry& registry, const std::string& name,
                              const std::string& help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

struct Metrics::Parts {
  prometheus::Registry registry;
  std::set<std::string, std::less<>> pool_names;
  std::array<Counter*, kWebhookResults> webhooks{};

  Family<Counter>& webhook_family =
      counters(registry, "jitney_webhooks_total", "Webhooks answered, by result");
  Histogram& group_size =
      histograms(registry, "jitney_ingress_group_requests", "Webhooks made durable together")
          .Add({}, kSizes);
  Histogram& group_time = histograms(registry, "jitney_ingress_group_seconds",
                                     "Time to make one group of webhooks durable")
                              .Add({}, kCommitSeconds);
  Family<Gauge>& jobs = gauges(registry, "jitney_jobs", "Open jobs by pool and status");
  Family<Counter>& completed =
      counters(registry, "jitney_jobs_completed_total", "Jobs completed, by pool and conclusion");
  Family<Gauge>& demand = gauges(registry, "jitney_pool_demand", "Jobs that want a runner now");
  Family<Gauge>& supply = gauges(registry, "jitney_pool_supply", "Runners on their way or idle");
  Family<Gauge>& live = gauges(registry, "jitney_pool_live", "Runners that are not gone");
  Family<Gauge>& max = gauges(registry, "jitney_pool_max", "Configured cap");
  Family<Histogram>& busy = histograms(registry, "jitney_queue_to_busy_seconds",
                                       "From a job being queued to a runner running it");
  Family<Histogram>& stages =
      histograms(registry, "jitney_stage_seconds",
                 "queued_to_claim counts from the job being queued, the others from the claim");
  Family<Counter>& claims = counters(registry, "jitney_runners_claimed_total", "Runners claimed");
  Family<Counter>& launches =
      counters(registry, "jitney_machines_launched_total", "Machines that a runner was bound to");
  Family<Counter>& launch_faults =
      counters(registry, "jitney_launch_faults_total", "Launch failures and waits, by fault");
  Family<Counter>& forge_calls =
      counters(registry, "jitney_github_operations_total", "Operations asked of GitHub");
  Family<Counter>& github_calls =
      counters(registry, "jitney_github_calls_total", "HTTP calls to GitHub; status 0: no answer");
  Family<Gauge>& forge_limit =
      gauges(registry, "jitney_github_budget_limit", "Calls an hour that GitHub allows");
  Family<Gauge>& forge_remaining =
      gauges(registry, "jitney_github_budget_remaining", "Calls left until the reset");
  Family<Counter>& sweeps = counters(registry, "jitney_sweeps_total", "Sweeps, by outcome");
  Gauge& sweep_age =
      gauges(registry, "jitney_sweep_age_seconds", "Since the last sweep ended; -1 before").Add({});
  Gauge& complete_sweep_age =
      gauges(registry, "jitney_complete_sweep_age_seconds",
             "Since the last sweep that could look at everything; -1 before")
          .Add({});
  Gauge& queue_depth =
      gauges(registry, "jitney_queue_depth", "Messages waiting, due or delayed").Add({});
  Gauge& dead_letters =
      gauges(registry, "jitney_dead_letters", "Dead letters; counted up to 1000").Add({});
  Gauge& quarantined =
      gauges(registry, "jitney_quarantined_roots", "Runner roots that could not be removed")
          .Add({});
  Gauge& free_disk =
      gauges(registry, "jitney_free_disk_bytes", "Free where the runner roots are").Add({});
  Gauge& database =
      gauges(registry, "jitney_database_bytes", "Size of the database and its log").Add({});

  // Totals that the database counts itself; gauges here, because they are set and not added to.
  Gauge& changes =
      gauges(registry, "jitney_database_changes", "Changes asked for since the start").Add({});
  Gauge& commits =
      gauges(registry, "jitney_database_commits", "Transactions since the start").Add({});
  Gauge& commit_failures =
      gauges(registry, "jitney_database_failures", "Transactions that failed").Add({});

  // A pool that left the configuration still has runners to end: one label for all of them.
  std::string pool(std::string_view name) const {
    return pool_names.contains(name) ? std::string(name) : "(other)";
  }
};

Metrics::Metrics(const std::vector<core::Pool>& pools, const std::vector<std::string>& scopes)
    : parts_(std::make_unique<Parts>()) {
  for (int i = 0; i < kWebhookResults; ++i) {
    parts_->webhooks[static_cast<std::size_t>(i)] = &parts_->webhook_family.Add(
        {{"result", std::string(to_string(static_cast<WebhookResult>(i)))}});
  }
  for (const core::Pool& pool : pools) {
    parts_->pool_names.insert(pool.name);
    parts_->claims.Add({{"pool", pool.name}});
    parts_->launches.Add({{"pool", pool.name}});
    parts_->busy.Add({{"pool", pool.name}}, kSeconds);
  }
  for (const std::string& scope : scopes) {
    parts_->forge_calls.Add({{"scope", scope}, {"operation", "mint"}, {"outcome", "ok"}});
  }
  parts_->sweep_age.Set(-1);
  parts_->complete_sweep_age.Set(-1);
}

Metrics::~Metrics() = default;

void Metrics::webhook(WebhookResult result) {
  parts_->webhooks[static_cast<std::size_t>(result)]->Increment();
}

std::uint64_t Metrics::webhooks(WebhookResult result) const {
  return static_cast<std::uint64_t>(parts_->webhooks[static_cast<std::size_t>(result)]->Value());
}

void Metrics::group(std::size_t requests, std::chrono::nanoseconds took) {
  parts_->group_size.Observe(static_cast<double>(requests));
  parts_->group_time.Observe(std::chrono::duration<double>(took).count());
}

void Metrics::job_completed(std::string_view pool, std::string_view conclusion) {
  static constexpr std::array<std::string_view, 7> kKnown{
      "success", "failure", "cancelled", "skipped", "timed_out", "neutral", "action_required"};
  const bool known = std::ranges::find(kKnown, conclusion) != kKnown.end();
  parts_->completed
      .Add(
          {{"pool", parts_->pool(pool)}, {"conclusion", known ? std::string(conclusion) : "other"}})
      .Increment();
}

void Metrics::queue_to_busy(std::string_view pool, core::Duration took) {
  parts_->busy.Add({{"pool", parts_->pool(pool)}}, kSeconds).Observe(seconds(took));
}

void Metrics::stage(std::string_view pool, std::string_view stage, core::Duration took) {
  parts_->stages.Add({{"pool", parts_->pool(pool)}, {"stage", std::string(stage)}}, kSeconds)
      .Observe(seconds(took));
}

void Metrics::machines_launched(std::string_view pool, std::size_t count) {
  parts_->launches.Add({{"pool", parts_->pool(pool)}}).Increment(static_cast<double>(count));
}

void Metrics::launch_fault(core::Fault fault) {
  parts_->launch_faults.Add({{"fault", std::string(core::to_string(fault))}}).Increment();
}

void Metrics::runners_claimed(std::string_view pool, std::size_t count) {
  parts_->claims.Add({{"pool", parts_->pool(pool)}}).Increment(static_cast<double>(count));
}

std::uint64_t Metrics::claimed() const {
  double sum = parts_->claims.Add({{"pool", "(other)"}}).Value();
  for (const std::string& pool : parts_->pool_names) {
    sum += parts_->claims.Add({{"pool", pool}}).Value();
  }
  return static_cast<std::uint64_t>(sum);
}

void Metrics::forge_call(std::string_view scope, std::string_view operation,
                         std::string_view outcome) {
  parts_->forge_calls
      .Add({{"scope", std::string(scope)},
            {"operation", std::string(operation)},
            {"outcome", std::string(outcome)}})
      .Increment();
}

void Metrics::github_call(std::string_view scope, std::string_view method, std::string_view route,
                          int status) {
  parts_->github_calls
      .Add({{"scope", std::string(scope)},
            {"method", std::string(method)},
            {"route", std::string(route)},
            {"status", std::to_string(status)}})
      .Increment();
}

void Metrics::swept(core::Time, bool complete) {
  parts_->sweeps.Add({{"outcome", complete ? "complete" : "incomplete"}}).Increment();
}

void Metrics::set(const Sample& sample) {
  for (const PoolSample& pool : sample.pools) {
    const prometheus::Labels labels{{"pool", pool.pool}};
    const auto open = [&](const char* status, int count) {
      parts_->jobs.Add({{"pool", pool.pool}, {"status", status}}).Set(count);
    };
    open("waiting", pool.waiting);
    open("queued", pool.queued);
    open("in_progress", pool.in_progress);
    parts_->demand.Add(labels).Set(pool.demand);
    parts_->supply.Add(labels).Set(pool.supply);
    parts_->live.Add(labels).Set(pool.live);
    parts_->max.Add(labels).Set(pool.max);
  }
  for (const ScopeSample& scope : sample.scopes) {
    parts_->forge_limit.Add({{"scope", scope.scope}}).Set(static_cast<double>(scope.budget.limit));
    parts_->forge_remaining.Add({{"scope", scope.scope}})
        .Set(static_cast<double>(scope.budget.remaining));
  }
  parts_->queue_depth.Set(sample.queue_depth);
  parts_->dead_letters.Set(sample.dead_letters);
  parts_->sweep_age.Set(sample.sweep_age_seconds);
  parts_->complete_sweep_age.Set(sample.complete_sweep_age_seconds);
  parts_->quarantined.Set(sample.quarantined_roots);
  parts_->free_disk.Set(sample.free_disk_bytes);
  parts_->database.Set(sample.database_bytes);
  parts_->changes.Set(sample.database_changes);
  parts_->commits.Set(sample.database_commits);
  parts_->commit_failures.Set(sample.database_failures);
}

std::string Metrics::render() const {
  return prometheus::TextSerializer().Serialize(parts_->registry.Collect());
}

}  // namespace jitney::app
