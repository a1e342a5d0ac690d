// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/wiring.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "apps/serve/wiring_fleet.hpp"
#include "local/database.hpp"
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

class LocalWiring final : public Wiring {
 public:
  LocalWiring(const Config& config, std::unique_ptr<local::Database> database)
      : path_(config.database()),
        database_(std::move(database)),
        ledger_(*database_),
        queue_(*database_) {}

  core::Status open(const Config& config, const LoadSecret& load, const ObserveCall& observe);

  core::Ledger& ledger() override { return ledger_; }
  core::Queue& queue() override { return queue_; }
  core::Fleet& fleet() override { return fleet_->fleet(); }
  core::Clock& clock() override { return clock_; }
  core::Forge& forge(const std::string& scope) override { return *forges_.find(scope)->second; }
  void on_runner_end(RunnerEnded listener) override { fleet_->on_runner_end(std::move(listener)); }
  std::string isolation() override { return fleet_->isolation(); }
  std::string no_namespaces() override { return fleet_->no_namespaces(); }

  void add_to_sample(Metrics::Sample& sample) override {
    fleet_->add_to_sample(sample);
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
  std::unique_ptr<FleetHost> fleet_;  // last: it may use the ledger
};

core::Status LocalWiring::open(const Config& config, const LoadSecret& load,
                               const ObserveCall& observe) {
  auto fleet = config.fleet == FleetKind::ec2 ? open_ec2_fleet(config, ledger_, clock_)
                                              : open_process_fleet(config);
  if (!fleet) return std::unexpected(fleet.error());
  fleet_ = *std::move(fleet);
  ForgeSettings settings;
  settings.load = load;
  settings.observe = observe;
  auto opened = open_forges(config, settings, clock_);
  if (!opened) return std::unexpected(opened.error());
  forges_ = std::move(*opened);
  return {};
}

}  // namespace

core::Result<std::unique_ptr<Wiring>> wire(const Config& config, const LoadSecret& load,
                                           ObserveCall observe) {
  if (config.ledger != LedgerKind::sqlite) {
    return core::fail(
        core::Fault::invalid,
        config.path +
            ": ledger = \"dynamodb\" is kept by the Lambda functions, and its queues hold what "
            "only they understand; a server beside them would take it away. Nothing has to be "
            "served there: `tofu apply` put up all that runs (docs/aws.md). For one server that "
            "keeps its own ledger and runs jobs on EC2, write ledger = \"sqlite\" and keep "
            "fleet = \"ec2\"");
  }
  if (core::Status prepared = prepare_state(config.server.state_dir); !prepared) {
    return std::unexpected(prepared.error());
  }
  // The lock comes first: a second server must not touch the machines of the first.
  auto database = local::Database::open({.path = config.database()});
  if (!database) return std::unexpected(database.error());
  auto wiring = std::make_unique<LocalWiring>(config, std::move(*database));
  if (core::Status opened = wiring->open(config, load, observe); !opened) {
    return std::unexpected(opened.error());
  }
  return wiring;
}

}  // namespace jitney::app
