// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/serve.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <thread>

#include "apps/host/aws_secrets.hpp"
#include "apps/host/exit_status.hpp"
#include "apps/host/metrics_ports.hpp"
#include "apps/host/version.hpp"
#include "apps/serve/admin.hpp"
#include "apps/serve/ingress.hpp"
#include "apps/serve/poller.hpp"
#include "apps/serve/serve_signals.hpp"
#include "apps/serve/wiring.hpp"
#include "apps/serve/workers.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

using Steady = std::chrono::steady_clock;

// What counts at night: which settings this process really runs with. Never a secret.
void log_settings(const Config& config, const ServeOptions& options, const std::string& isolation) {
  net::log(net::LogLevel::info, "settings",
           {{"version", version()},
            {"config", config.path},
            {"deployment", options.deployment.name},
            {"ingress", options.webhook_listener ? "webhook" : "poll"},
            {"database", config.database()},
            {"workers", options.workers.threads},
            {"function_time", core::describe(options.workers.function_time)},
            {"drain", core::describe(options.drain_deadline)},
            {"sweep_interval", core::describe(options.poller.sweep_interval)},
            {"questions_per_minute", options.poller.calls_per_minute}});
  for (const GithubScope& scope : config.github) {
    net::log(net::LogLevel::info, "github",
             {{"name", scope.name},
              {"url", scope.url},
              {"api_url", scope.api_url},
              {"credentials", scope.token ? "token" : "app"},
              {"write_spacing_ms", scope.write_spacing.count()}});
  }
  for (const core::Pool& pool : options.deployment.pools) {
    const auto process = config.process_pools.find(pool.name);
    const bool known = process != config.process_pools.end();
    net::log(net::LogLevel::info, "pool",
             {{"name", pool.name},
              {"github", pool.scope},
              {"max", pool.max},
              {"warm", pool.warm},
              {"runner_dir", known ? process->second.runner_dir : ""},
              {"runner_user", known ? process->second.runner_user : ""}});
  }
  const bool apart = !isolation.starts_with("none");
  net::log(apart ? net::LogLevel::info : net::LogLevel::warning,
           apart ? "how runners are kept apart" : "nothing keeps jobs from this server",
           {{"isolation", isolation}});
  for (const std::string& warning : config.warnings) {
    net::log(net::LogLevel::warning, "configuration", {{"warning", warning}});
  }
}

// The drain may take its deadline; a second signal must not wait for it.
int drain_or_end(Server& server, Signals& signals) {
  const int ended = eventfd(0, EFD_CLOEXEC);
  bool in_time = false;
  std::jthread drainer([&] {
    in_time = server.drain();
    const std::uint64_t one = 1;
    static_cast<void>(!write(ended, &one, sizeof one));
  });
  if (const auto signal = signals.wait(std::nullopt, ended)) {
    net::log(net::LogLevel::warning, "a second signal: ending at once", {{"signal", *signal}});
    std::_Exit(128 + *signal);
  }
  drainer.join();
  close(ended);
  if (in_time) return 0;
  // A thread hangs in a call. What it began is found by the next start, as after a crash.
  net::log(net::LogLevel::warning, "the drain deadline has passed; ending with work under way");
  std::_Exit(0);
}

}  // namespace

// In order of use: what stands below uses what stands above, and dies first.
struct Server::Parts {
  Parts(ServeOptions o, std::unique_ptr<Metrics> m, std::unique_ptr<Wiring> w)
      : options(std::move(o)),
        counted(std::move(m)),
        metrics(*counted),
        wiring(std::move(w)),
        ledger(wiring->ledger(), metrics),
        queue(wiring->queue(), bell),
        fleet(wiring->fleet(), metrics) {
    for (const std::string& scope : options.scopes) {
      metered.push_back(std::make_unique<MeteredForge>(wiring->forge(scope), scope, metrics));
      forges.emplace(scope, metered.back().get());
    }
  }
  ~Parts() {
    // Runners end at any moment: nobody may listen any more when workers are gone.
    wiring->on_runner_end([](const core::MachineId&, std::optional<int>) {});
  }

  core::Context context(core::Duration time) {
    core::Clock& clock = wiring->clock();
    return {options.deployment, ledger, queue, fleet, forges, clock, clock.now() + time};
  }
  NewContext new_context() {
    return [this](core::Duration time) { return context(time); };
  }

  void prepare();
  core::Status listen(std::vector<WebhookScope> scopes);
  void begin();
  AdminOptions admin_options();
  bool drain();

  const ServeOptions options;
  const std::unique_ptr<Metrics> counted;
  Metrics& metrics;
  const std::unique_ptr<Wiring> wiring;
  Doorbell bell;
  MeteredLedger ledger;
  NotifyingQueue queue;
  MeteredFleet fleet;
  std::vector<std::unique_ptr<MeteredForge>> metered;
  std::map<std::string, core::Forge*, std::less<>> forges;

  std::unique_ptr<Workers> workers;
  std::unique_ptr<Poller> poller;
  std::unique_ptr<IngressGroup> group;
  std::unique_ptr<Ingress> ingress;
  std::unique_ptr<Admin> admin;
  std::unique_ptr<net::HttpServer> webhook_server;
  std::unique_ptr<net::HttpServer> admin_server;
  bool drained = false;
  bool drained_in_time = true;
};

core::Status Server::Parts::listen(std::vector<WebhookScope> scopes) {
  if (options.webhook_listener) {
    group = std::make_unique<IngressGroup>(options.group, new_context(), metrics);
    ingress = std::make_unique<Ingress>(std::move(scopes), *group, wiring->clock(), metrics);
    auto server = net::HttpServer::listen(options.webhook,
                                          [this](net::Request request, net::Responder respond) {
                                            ingress->handle(std::move(request), std::move(respond));
                                          });
    if (!server) return std::unexpected(server.error());
    webhook_server = std::move(*server);
  }
  admin = std::make_unique<Admin>(admin_options(), metrics);
  auto server =
      net::HttpServer::listen(options.admin, [this](net::Request request, net::Responder respond) {
        admin->handle(std::move(request), std::move(respond));
      });
  if (!server) return std::unexpected(server.error());
  admin_server = std::move(*server);
  return {};
}

AdminOptions Server::Parts::admin_options() {
  AdminOptions made;
  made.context = new_context();
  made.own_hosts = options.own_hosts;
  made.checks = {{"workers", [this] { return workers->trouble(); }},
                 {"sweep", [this] { return poller->trouble(); }}};
  made.warnings = [this] { return poller->missed(); };
  made.no_namespaces = wiring->no_namespaces();
  made.add_to_sample = [this](Metrics::Sample& sample) {
    wiring->add_to_sample(sample);
    const auto seconds = [](std::optional<core::Duration> age) {
      return age ? std::chrono::duration<double>(*age).count() : -1;
    };
    sample.sweep_age_seconds = seconds(poller->sweep_age());
    sample.complete_sweep_age_seconds = seconds(poller->complete_sweep_age());
  };
  return made;
}

void Server::Parts::prepare() {
  workers = std::make_unique<Workers>(options.workers, new_context(), bell);
  PollerOptions timed = options.poller;
  // What an earlier process left is adopted before anything is launched.
  timed.after_first_sweep = [this] { workers->start(); };
  poller = std::make_unique<Poller>(std::move(timed), new_context(), metrics);
}

void Server::Parts::begin() {
  wiring->on_runner_end([this](core::MachineId machine, std::optional<int> exit_code) {
    workers->runner_ended(std::move(machine), exit_code);
  });
  poller->start();
}

bool Server::Parts::drain() {
  if (drained) return drained_in_time;
  drained = true;
  const Steady::time_point until = Steady::now() + options.drain_deadline;
  const auto left = [&] {
    return std::max(core::Duration(1),
                    std::chrono::duration_cast<core::Duration>(until - Steady::now()));
  };
  if (poller) poller->stop();
  if (workers) workers->stop();  // and its start, if the first sweep is still under way
  // The servers first: what they have accepted still gets its answer from a running group.
  if (webhook_server) webhook_server->drain(left());
  if (group) group->drain();
  if (admin_server) admin_server->drain(left());
  if (admin) admin->drain();
  drained_in_time =
      (!workers || workers->wait_stopped(left())) && (!poller || poller->wait_stopped(left()));
  return drained_in_time;
}

core::Result<std::unique_ptr<Server>> Server::start(const Config& config) {
  const LoadSecret load = secret_loader(config);
  auto scopes = webhook_scopes(config, load);
  if (!scopes) return std::unexpected(scopes.error());
  ServeOptions options = serve_options(config);
  auto metrics = std::make_unique<Metrics>(options.deployment.pools, options.scopes);
  auto wiring = wire(config, load,
                     [counted = metrics.get()](const std::string& scope, std::string_view method,
                                               std::string_view route, int status) {
                       counted->github_call(scope, method, route, status);
                     });
  if (!wiring) return std::unexpected(wiring.error());
  log_settings(config, options, (*wiring)->isolation());
  auto parts = std::make_unique<Parts>(std::move(options), std::move(metrics), std::move(*wiring));
  parts->prepare();
  // Listeners come before the first sweep: a webhook must not be lost because GitHub answers
  // slowly.
  if (core::Status listening = parts->listen(std::move(*scopes)); !listening) {
    return std::unexpected(listening.error());
  }
  parts->begin();
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { parts_->drain(); }

std::uint16_t Server::webhook_port() const {
  return parts_->webhook_server ? parts_->webhook_server->port() : std::uint16_t{0};
}

std::uint16_t Server::admin_port() const { return parts_->admin_server->port(); }

bool Server::drain() { return parts_->drain(); }

core::Context Server::context(core::Duration time) { return parts_->context(time); }

const Metrics& Server::metrics() const { return parts_->metrics; }

int serve(const Config& config) {
  Signals signals;  // first, so that an early one is not lost
  auto server = Server::start(config);
  if (!server) {
    const core::Error& error = server.error();
    net::log(net::LogLevel::error, "cannot start",
             {{"fault", core::to_string(error.fault)}, {"error", error.what}});
    return core::is_permanent(error.fault) ? kConfiguration : kFailed;
  }
  net::log(net::LogLevel::info, "serving",
           {{"webhook_port", (*server)->webhook_port()}, {"admin_port", (*server)->admin_port()}});
  notify_systemd("READY=1\nSTATUS=serving");
  std::optional<int> signal;
  while (!signal) signal = signals.wait(std::nullopt);
  notify_systemd("STOPPING=1\nSTATUS=draining");
  net::log(net::LogLevel::info, "draining; running jobs go on", {{"signal", *signal}});
  return drain_or_end(**server, signals);
}

}  // namespace jitney::app
