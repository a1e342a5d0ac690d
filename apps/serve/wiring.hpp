// SPDX-License-Identifier: Apache-2.0
// From the configuration to adapters: the one place that names SQLite, local processes, EC2 and
// GitHub's REST side by side.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/host/forges.hpp"
#include "apps/serve/end_watch.hpp"
#include "apps/serve/ingress.hpp"
#include "apps/serve/metrics.hpp"
#include "apps/serve/poller.hpp"
#include "apps/serve/workers.hpp"
#include "core/deployment.hpp"
#include "net/http_server.hpp"

namespace jitney::app {

// What Server needs to know of the configuration, in its own words.
struct ServeOptions {
  core::Deployment deployment;
  std::vector<std::string> scopes;
  bool webhook_listener = true;  // false with ingress = "poll"
  net::ServerOptions webhook;
  net::ServerOptions admin;
  std::vector<std::string> own_hosts;  // of the admin listener
  core::Duration drain_deadline = std::chrono::seconds(30);
  WorkerOptions workers;
  PollerOptions poller;
  GroupOptions group;
};
ServeOptions serve_options(const Config& config);

// Owns the adapters of one deployment. Its ports are thread-safe. Destroyed after all who use them.
class Wiring {
 public:
  virtual ~Wiring() = default;

  virtual core::Ledger& ledger() = 0;
  virtual core::Queue& queue() = 0;
  virtual core::Fleet& fleet() = 0;
  virtual core::Clock& clock() = 0;
  virtual core::Forge& forge(const std::string& scope) = 0;

  // From then on the ends of runners are told; at most one listener. When this returns, the last
  // one is not being called any more. A listener must not call it.
  virtual void on_runner_end(RunnerEnded listener) = 0;
  // Quarantined roots, disk, database size.
  virtual void add_to_sample(Metrics::Sample& sample) = 0;
  // What kind of isolation runners get, for the log.
  virtual std::string isolation() = 0;
  // Why runners of one user see each other; empty: they do not.
  virtual std::string no_namespaces() = 0;
};

// Opens and locks the database, reads secrets, checks the fleet's directories. Faults: `invalid` (a
// person must change something), `unauthorized` (a secret is missing or unreadable), `transient`.
core::Result<std::unique_ptr<Wiring>> wire(const Config& config, const LoadSecret& load,
                                           ObserveCall observe);

}  // namespace jitney::app
