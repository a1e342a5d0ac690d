// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/wiring.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

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

  core::Status open(const Config& config, const ObserveCall& observe);

  core::Ledger& ledger() override { return ledger_; }
  core::Queue& queue() override { return queue_; }
  core::Fleet& fleet() override { return *fleet_; }
  core::Clock& clock() override { return clock_; }
  core::Forge& forge(const std::string& scope) override { return *forges_.find(scope)->second; }
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
  Forges forges_;
  std::unique_ptr<local::ProcessFleet> fleet_;
};

core::Status LocalWiring::open(const Config& config, const ObserveCall& observe) {
  ForgeSettings settings;
  settings.observe = observe;
  auto opened = open_forges(config, settings, clock_);
  if (!opened) return std::unexpected(opened.error());
  forges_ = std::move(*opened);
  return {};
}

}  // namespace

core::Result<std::unique_ptr<Wiring>> wire(const Config& config, ObserveCall observe) {
  if (config.ledger != LedgerKind::sqlite) {
    return core::fail(
        core::Fault::invalid,
        config.path +
            ": ledger = \"dynamodb\" is kept by the Lambda functions, not by a server; "
            "write ledger = \"sqlite\" for jitney serve");
  }
  if (core::Status prepared = prepare_state(config.server.state_dir); !prepared) {
    return std::unexpected(prepared.error());
  }
  // The lock comes first: a second server must not touch the machines of the first.
  auto database = local::Database::open({.path = config.database()});
  if (!database) return std::unexpected(database.error());
  auto fleet = open_fleet(config);
  if (!fleet) return std::unexpected(fleet.error());
  auto wiring = std::make_unique<LocalWiring>(config, std::move(*database), std::move(*fleet));
  if (core::Status opened = wiring->open(config, observe); !opened) {
    return std::unexpected(opened.error());
  }
  return wiring;
}

}  // namespace jitney::app
