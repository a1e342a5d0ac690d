// SPDX-License-Identifier: Apache-2.0
// GitHub over its REST API: one scope with its credentials. Implements core::Forge. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/clock.hpp"
#include "core/forge.hpp"
#include "github/session.hpp"

namespace jitney::github {

struct ForgeOptions {
  std::string scope;    // [[github]] name: goes into every JobEvent
  std::string url;      // what a person sees: https://github.com/acme
  std::string api_url;  // empty: follows from `url`
  Key credentials;
  std::string ca_file;  // PEM; empty: the system's
  core::Secret proxy;   // "http://[user:password@]host:port"; empty: none
  std::string no_proxy;
  std::string webhook_url;  // names our hook among others; empty: all hooks for workflow_job
  std::string deployment;   // our runners' names begin with it and a dash
  core::Duration write_spacing = kWriteSpacing;
  core::Duration call_time = std::chrono::seconds(10);
  LastMoment last_moment;  // may be empty
  Observer observer;       // may be empty
};

// Makes no call. `clock` must outlive the session. `invalid`: address, key or proxy cannot be; the
// text says which and never quotes a secret.
core::Result<std::unique_ptr<Session>> open_session(const ForgeOptions& options,
                                                    core::Clock& clock);
// The same, for the core.
core::Result<std::unique_ptr<core::Forge>> make_forge(ForgeOptions options, core::Clock& clock);

class RestForge final : public core::Forge {
 public:
  RestForge(ForgeOptions options, std::unique_ptr<Session> session, core::Clock& clock);

  core::Result<core::Minted> mint(const core::RunnerName& name, std::span<const std::string> labels,
                                  std::int64_t runner_group) override;
  core::Result<std::optional<core::Registration>> find(const core::RunnerName& name) override;
  core::Result<core::Removal> remove(core::ForgeId id) override;
  core::Result<std::vector<core::Registration>> runners() override;

  core::Result<core::JobEvent> job(const std::string& repository, core::JobId id) override;
  core::Result<std::vector<core::JobEvent>> run_jobs(const std::string& repository,
                                                     std::int64_t run) override;
  core::Result<std::vector<std::string>> repositories() override;
  core::Result<std::vector<core::JobEvent>> open_jobs(const std::string& repository) override;

  core::Result<core::Deliveries> failed_deliveries(core::Time since) override;
  core::Status redeliver(std::int64_t delivery) override;

  std::optional<core::CallBudget> budget() override { return session_->rest().budget(); }

 private:
  struct Harvest;

  [[nodiscard]] std::string scope_route(std::string_view rest) const;
  [[nodiscard]] std::string scope_path(std::string_view rest) const;
  core::Status each_runner(const std::string& query,
                           const std::function<bool(core::Registration)>& each);
  // Has GitHub shown us this scope lately? Else a 404 may mean that we lost sight of it.
  core::Status confirm_scope();
  void saw_scope() { scope_seen_ = clock_.now(); }

  core::Result<std::vector<core::JobEvent>> jobs_of_run(const std::string& repository,
                                                        std::int64_t run, std::string_view source);
  [[nodiscard]] core::Result<core::JobEvent> read(const boost::json::value& job,
                                                  const std::string& repository,
                                                  std::string_view source) const;

  [[nodiscard]] Call deliveries_call(std::int64_t hook, bool failures_only) const;
  core::Result<bool> may_not_see_hooks(const Call& list);
  core::Result<std::vector<std::int64_t>> hooks();
  core::Status gather(std::int64_t hook, core::Time since, Harvest& harvest);
  core::Result<bool> ask_again(std::int64_t hook, std::int64_t delivery);

  const ForgeOptions options_;
  const std::unique_ptr<Session> session_;
  core::Clock& clock_;
  std::atomic<core::Time> scope_seen_{core::Time{}};
  std::mutex mutex_;  // of `hook_of_`; never held during a call
  std::unordered_map<std::int64_t, std::int64_t> hook_of_;  // failed delivery -> its hook
};

}  // namespace jitney::github
