// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "apps/host/aws_ledger.hpp"
#include "apps/jitney/commands.hpp"
#include "local/database.hpp"
#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "local/system_clock.hpp"

namespace jitney::app {

core::Result<OpenLedger> OpenLedger::open_file(const Config& config, bool read_only) {
  const std::string path = config.database();
  if (access(path.c_str(), R_OK) != 0) {
    const int why = errno;
    if (why == ENOENT || why == ENOTDIR) {
      return core::fail(core::Fault::not_found, "there is no database at " + path +
                                                    " yet; start the server: jitney serve "
                                                    "--config " +
                                                    config.path +
                                                    " (or choose another state_dir in [server])");
    }
    return core::fail(core::Fault::unauthorized, "cannot read " + path + ": " + std::strerror(why) +
                                                     "; run this as the user that runs the server");
  }
  auto database = local::Database::open({.path = path, .read_only = read_only});
  if (!database) return std::unexpected(database.error());
  std::shared_ptr<local::Database> storage = std::move(*database);
  OpenLedger opened;
  opened.served_ = local::Database::in_use(path);
  opened.ledger_ = std::make_unique<local::SqliteLedger>(*storage);
  opened.queue_ = std::make_unique<local::SqliteQueue>(*storage);
  opened.storage_ = std::move(storage);
  return opened;
}

OpenLedger OpenLedger::open_table(const Config& config) {
  struct Storage {
    local::SystemClock clock;
    std::unique_ptr<aws::Client> client;
  };
  auto storage = std::make_shared<Storage>();
  AwsLedger table = open_aws_ledger(config, storage->clock);
  storage->client = std::move(table.client);
  OpenLedger opened;
  opened.ledger_ = std::move(table.ledger);
  opened.sqs_ = table.queue.get();
  opened.queue_ = std::move(table.queue);
  opened.storage_ = std::move(storage);
  return opened;
}

core::Result<OpenLedger> OpenLedger::read(const Config& config) {
  if (config.ledger == LedgerKind::dynamodb) return open_table(config);
  return open_file(config, true);
}

core::Result<OpenLedger> OpenLedger::write(const Config& config) {
  if (config.ledger == LedgerKind::dynamodb) return open_table(config);
  return open_file(config, false);
}

core::Result<std::size_t> OpenLedger::redrive_given_up() {
  constexpr std::size_t kMost = 1000;
  if (sqs_ == nullptr) return 0;
  return sqs_->redrive(kMost);
}

int complain(int status, std::string_view text) {
  const std::string line = "jitney: " + std::string(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return status;
}

int complain(const core::Error& error) {
  return complain(error.fault == core::Fault::not_found ? kNotFound : kFailed, error.what);
}

int answered(bool printed) {
  return printed ? kOk : complain(kFailed, "cannot write to standard output");
}

void warn_if_unserved(const OpenLedger& opened, const Config& config) {
  if (opened.served()) return;
  complain(kOk, "no server runs: this is what the last one left. Start it: jitney serve --config " +
                    config.path);
}

core::Result<core::JobId> parse_job_id(std::string_view text) {
  std::string_view digits = text.substr(0, text.find_first_of("?#"));
  const std::size_t job = digits.rfind("/job/");
  if (digits.find("://") != std::string_view::npos) {
    if (job == std::string_view::npos) {
      return core::fail(core::Fault::invalid,
                        "this address names no job; open the job on GitHub and copy its address, "
                        "which ends in /actions/runs/RUN/job/JOB");
    }
    digits = digits.substr(job + 5);
    digits = digits.substr(0, digits.find('/'));
  }
  core::JobId id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || end != digits.data() + digits.size() || id <= 0) {
    return core::fail(core::Fault::invalid,
                      "a job is named by its number, or by its address on GitHub "
                      "(https://github.com/OWNER/REPO/actions/runs/RUN/job/JOB)");
  }
  return id;
}

core::Result<core::Job> find_job(core::Ledger& ledger, core::JobId id) {
  auto job = ledger.job(id);
  if (!job) return std::unexpected(job.error());
  if (!*job) {
    return core::fail(
        core::Fault::not_found,
        "job " + std::to_string(id) +
            " is unknown here: no webhook and no poll told of it, or it ended longer "
            "ago than [sweep] retention. If it waits on GitHub, look at the webhook's "
            "recent deliveries there");
  }
  return std::move(**job);
}

}  // namespace jitney::app
