// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/wiring.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "github/rest_forge.hpp"
#include "local/database.hpp"
#include "local/process_fleet.hpp"
#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "local/system_clock.hpp"

namespace jitney::app {

namespace {

namespace fs = std::filesystem;

// Jobs of another user pass through it to their own root directories, and can list nothing.
constexpr mode_t kStateMode = 0711;

core::Status prepare_state(const std::string& directory) {
  std::error_code error;
  const bool made = fs::create_directories(directory, error);
  if (error) {
    return core::fail(core::Fault::invalid, "cannot make the state directory " + directory + ": " +
                                                error.message() +
                                                "; make it, or set [server] state_dir");
  }
  if (made) chmod(directory.c_str(), kStateMode);
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    return core::fail(core::Fault::invalid, "the state directory " + directory +
                                                " is not writable: " + std::strerror(errno) +
                                                "; give it to the user that runs jitney serve");
  }
  return {};
}

local::Limits limits(const ProcessPool& pool) {
  return {.memory = pool.memory, .cpu = pool.cpu, .tasks = pool.tasks};
}

core::Result<std::unique_ptr<local::ProcessFleet>> open_fleet(const Config& config) {
  local::ProcessFleetOptions options;
  options.state_dir = config.server.state_dir;
  options.runners_dir = config.process.runners_dir;
  options.deployment = config.deployment.name;
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

class LocalWiring final : public Wiring {
 public:
  LocalWiring(const Config& config, std::unique_ptr<local::Database> database,
              std::unique_ptr<local::ProcessFleet> fleet)
      : path_(config.database()),
        database_(std::move(database)),
        ledger_(*database_),
        queue_(*database_),
        fleet_(std::move(fleet)) {}

  core::Status open_forges(const Config& config, const ObserveCall& observe);

  core::Ledger& ledger() override { return ledger_; }
  core::Queue& queue() override { return queue_; }
  core::Fleet& fleet() override { return *fleet_; }
  core::Clock& clock() override { return clock_; }
  core::Forge& forge(const std::string& scope) override { return *forges_.at(scope); }
  void on_runner_end(RunnerEnded listener) override { fleet_->on_runner_end(std::move(listener)); }
  std::string isolation() override { return fleet_->describe_isolation(); }

  void add_to_sample(Metrics::Sample& sample) override {
    sample.quarantined_roots = static_cast<double>(fleet_->quarantined());
    sample.free_disk_bytes = static_cast<double>(fleet_->free_disk());
    for (const char* suffix : {"", "-wal"}) {
      std::error_code error;
      const auto size = fs::file_size(path_ + suffix, error);
      if (!error) sample.database_bytes += static_cast<double>(size);
    }
    const local::Database::Stats stats = database_->stats();
    sample.database_changes = static_cast<double>(stats.changes);
    sample.database_commits = static_cast<double>(stats.commits);
    sample.database_failures = static_cast<double>(stats.failures);
  }

 private:
  const std::string path_;
  local::SystemClock clock_;
  std::unique_ptr<local::Database> database_;
  local::SqliteLedger ledger_;
  local::SqliteQueue queue_;
  std::map<std::string, std::unique_ptr<core::Forge>> forges_;
  std::unique_ptr<local::ProcessFleet> fleet_;
};

core::Result<core::Secret> secret_or_empty(const std::optional<SecretRef>& reference) {
  return reference ? load_secret(*reference) : core::Result<core::Secret>(core::Secret());
}

core::Result<github::Key> credentials(const GithubScope& scope) {
  if (scope.token) {
    auto token = load_secret(*scope.token);
    if (!token) return std::unexpected(token.error());
    return github::TokenKey{.token = std::move(*token)};
  }
  auto key = secret_or_empty(scope.private_key);
  if (!key) return std::unexpected(key.error());
  return github::AppKey{.issuer = scope.app_id,
                        .installation_id = scope.installation_id,
                        .private_key = std::move(*key)};
}

core::Result<std::unique_ptr<core::Forge>> open_forge(const GithubScope& scope,
                                                      const std::string& deployment,
                                                      const ObserveCall& observe,
                                                      core::Clock& clock) {
  auto key = credentials(scope);
  if (!key) return std::unexpected(key.error());
  auto proxy = scope.proxy_secret ? load_secret(*scope.proxy_secret)
                                  : core::Result<core::Secret>(core::Secret(scope.proxy));
  if (!proxy) return std::unexpected(proxy.error());
  github::ForgeOptions options;
  options.scope = scope.name;
  options.url = scope.url;
  options.api_url = scope.api_url;
  options.credentials = std::move(*key);
  options.ca_file = scope.ca_file;
  options.proxy = std::move(*proxy);
  options.no_proxy = scope.no_proxy;
  options.webhook_url = scope.webhook_url;
  options.deployment = deployment;
  options.write_spacing = scope.write_spacing;
  options.observer = [observe, name = scope.name](std::string_view method, std::string_view route,
                                                  int status, core::Duration) {
    observe(name, method, route, status);
  };
  return github::make_forge(std::move(options), clock);
}

core::Status LocalWiring::open_forges(const Config& config, const ObserveCall& observe) {
  for (const GithubScope& scope : config.github) {
    auto forge = open_forge(scope, config.deployment.name, observe, clock_);
    if (!forge) {
      return core::fail(forge.error().fault,
                        "[[github]] " + scope.name + ": " + forge.error().what);
    }
    forges_.emplace(scope.name, std::move(*forge));
  }
  return {};
}

}  // namespace

core::Result<std::unique_ptr<Wiring>> wire(const Config& config, ObserveCall observe) {
  if (core::Status prepared = prepare_state(config.server.state_dir); !prepared) {
    return std::unexpected(prepared.error());
  }
  // The lock comes first: a second server must not touch the machines of the first.
  auto database = local::Database::open({.path = config.database()});
  if (!database) return std::unexpected(database.error());
  auto fleet = open_fleet(config);
  if (!fleet) return std::unexpected(fleet.error());
  auto wiring = std::make_unique<LocalWiring>(config, std::move(*database), std::move(*fleet));
  if (core::Status opened = wiring->open_forges(config, observe); !opened) {
    return std::unexpected(opened.error());
  }
  return wiring;
}

}  // namespace jitney::app
