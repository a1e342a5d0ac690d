// SPDX-License-Identifier: Apache-2.0
// What the commands do, apart from parsing. Each prints its answer and returns the exit status;
// what went wrong goes to stderr. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/jitney/cli.hpp"
#include "apps/jitney/output.hpp"
#include "core/ledger.hpp"
#include "core/queue.hpp"

namespace jitney::aws {
class SqsQueue;
}

namespace jitney::app {

struct Asked {
  const Config& config;
  bool json = false;
  Screen screen;  // of stdout
  core::Time now{};
};

// The database beside a running server, or without one; or the table of the Lambda functions.
class OpenLedger {
 public:
  // `not_found`: no server has run with this configuration yet. `conflict` when writing and a
  // server runs.
  static core::Result<OpenLedger> read(const Config& config);
  static core::Result<OpenLedger> write(const Config& config);

  // Whether someone works on it: Lambda functions always do, a server while it runs.
  [[nodiscard]] bool served() const { return served_; }
  core::Ledger& ledger() { return *ledger_; }
  core::Queue& queue() { return *queue_; }
  // Sends back the wake-ups that SQS itself gave up; returns how many. A database gives up none.
  core::Result<std::size_t> redrive_given_up();

 private:
  static core::Result<OpenLedger> open_file(const Config& config, bool read_only);
  static OpenLedger open_table(const Config& config);
  std::shared_ptr<void> storage_;  // what both stand on: it goes last
  std::unique_ptr<core::Ledger> ledger_;
  std::unique_ptr<core::Queue> queue_;
  aws::SqsQueue* sqs_ = nullptr;  // queue_, if it is that
  bool served_ = true;
};

struct JobsOptions {
  std::string pool;
  std::string status;
  bool all = false;
  int limit = 200;
};
int list_jobs(const Asked& asked, const JobsOptions& options);
int list_runners(const Asked& asked, const std::string& pool);
int list_pools(const Asked& asked);
int explain(const Asked& asked, const std::string& job);
int list_dead(const Asked& asked);
int show_dead(const Asked& asked, const std::string& id);
int redrive_dead(const Asked& asked, const std::vector<std::string>& ids, bool all);
int doctor(const Asked& asked);
struct WebhookOptions {
  std::string github;     // name of a [[github]]; empty: all
  std::string url;        // empty: webhook_url of the configuration
  std::int64_t hook = 0;  // 0: the one with that URL
  bool secret = false;    // send it though nothing else is to change
  bool yes = false;
  bool dry_run = false;
};
int install_webhook(const Asked& asked, const WebhookOptions& options);
int check_config(const std::string& path, bool json, bool file_only);
int print_version(bool json);

// "jitney: <text>" on stderr; the exit status that goes with the fault.
int complain(const core::Error& error);
int complain(int status, std::string_view text);
// kOk, or kFailed when stdout is broken.
int answered(bool printed);

// On stderr, beside a list, if nobody works on what it shows.
void warn_if_unserved(const OpenLedger& opened, const Config& config);

// A job's id, or the address of its page: https://github.com/o/r/actions/runs/1/job/2.
core::Result<core::JobId> parse_job_id(std::string_view text);
// The row, or `not_found` with what to do.
core::Result<core::Job> find_job(core::Ledger& ledger, core::JobId id);

}  // namespace jitney::app
