// SPDX-License-Identifier: Apache-2.0
// The admin listener's answers: /healthz, /metrics and /api/v1. Requests are answered one after
// another on a thread of its own, because they read the ledger; the I/O thread only hands them
// over.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "apps/serve/metrics.hpp"
#include "apps/serve/workers.hpp"
#include "net/http_server.hpp"

namespace jitney::app {

struct AdminOptions {
  NewContext context;
  // Names this listener is reached by beside loopback ones: a browser that was lured to another
  // name by DNS rebinding is refused.
  std::vector<std::string> own_hosts;
  // Each nullopt when well, else why not.
  std::vector<std::pair<std::string, std::function<std::optional<std::string>()>>> checks;
  // For /healthz: what works without GitHub or the provider only for a while. No illness: another
  // start of the server would not mend it.
  std::function<std::vector<std::string>()> warnings = [] { return std::vector<std::string>{}; };
  // For /healthz: why runners of one user see each other; empty: they do not.
  std::string no_namespaces;
  // What only the server knows: sweep age, quarantined roots, disk, database size.
  std::function<void(Metrics::Sample&)> add_to_sample = [](Metrics::Sample&) {};
  std::size_t waiting = 64;  // beyond: 503
};

// Thread-safe. The destructor answers what waits and joins.
class Admin {
 public:
  Admin(AdminOptions options, Metrics& metrics);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // The handler of the listener. Never blocks.
  void handle(net::Request request, net::Responder respond);
  // Answers what waits; later requests get 503. Idempotent.
  void drain();

  // The answer itself, on the calling thread.
  net::Response answer(const net::Request& request);

 private:
  struct Waiting {
    net::Request request;
    net::Responder respond;
  };
  void run();
  net::Response health();
  net::Response metrics();
  std::optional<std::string> ledger_trouble(const core::Context& context);

  const AdminOptions options_;
  Metrics& metrics_;
  std::mutex mutex_;  // of `waiting_`, `ending_`
  std::condition_variable arrived_;
  std::deque<Waiting> waiting_;
  bool ending_ = false;
  std::mutex probe_mutex_;  // of the two below
  std::chrono::steady_clock::time_point probed_at_{};
  std::optional<std::string> probed_;
  std::jthread thread_;
};

// {"error":{"status":404,"message":"..."}}
net::Response admin_error(int status, std::string_view message);
// Is this the Host header of a loopback name or of one of `own_hosts`, with any port?
bool is_own_host(std::string_view host, const std::vector<std::string>& own_hosts);
// Everything below /api/v1/.
net::Response answer_api(const core::Context& context, const net::Request& request);
// What the gauges show, read from the ledger, queue and forges.
core::Result<Metrics::Sample> sample(const core::Context& context);

}  // namespace jitney::app
