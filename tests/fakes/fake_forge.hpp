// SPDX-License-Identifier: Apache-2.0
// A small GitHub in memory that keeps the whole contract of core/forge.hpp and passes its suite.
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/forge.hpp"

namespace jitney::fakes {

class FakeForge final : public core::Forge {
 public:
  struct Options {
    std::string scope = "acme";
    std::string deployment = "prod";
    std::vector<std::string> repositories{"acme/shop"};
    std::set<std::int64_t> groups{1};
    std::size_t group_size = 10'000;
  };
  FakeForge(Options options, core::Clock& clock);

  // The next `times` calls answer with this fault and change nothing.
  void fail_next(core::Fault fault, int times = 1);
  // Every call answers `transient` until it is over.
  void outage(bool on);
  void group_size(std::size_t size);

  // What happens on GitHub without our doing.
  core::JobEvent queue(const std::string& repository, std::int64_t run,
                       std::vector<std::string> labels);  // run 0: a new one
  void connect(core::ForgeId runner);                     // it is online now
  void take(core::JobId job, core::ForgeId runner);
  // The job ends; the registration of the ephemeral runner that had it is removed.
  void finish(core::JobId job, const std::string& conclusion = "success");
  void forget(core::JobId job);              // GitHub does not know it any more
  std::int64_t fail_delivery();              // a webhook that did not reach us; its id
  void lose_registration(core::ForgeId id);  // GitHub removes it on its own

  [[nodiscard]] std::vector<std::int64_t> redelivered();
  [[nodiscard]] std::vector<core::RunnerName> minted();  // every name, in order
  [[nodiscard]] std::size_t registrations();

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
  std::optional<core::CallBudget> budget() override;

 private:
  struct Delivery {
    core::Time at{};
    bool failed = false;
  };

  // Of each call: counts it against the budget, and refuses it when told to.
  core::Status enter();
  [[nodiscard]] bool knows(const std::string& repository) const;
  [[nodiscard]] core::JobEvent told(core::JobEvent event, const char* source) const;
  [[nodiscard]] std::vector<core::JobEvent> of_run(std::int64_t run, const char* source) const;

  core::Clock& clock_;
  std::mutex mutex_;  // of all below
  Options options_;
  core::Fault fault_ = core::Fault::transient;
  int faults_left_ = 0;
  bool outage_ = false;
  std::int64_t calls_ = 0;
  std::int64_t next_ = 1000;
  std::map<core::ForgeId, core::Registration> registrations_;
  std::vector<core::RunnerName> minted_;
  std::map<core::JobId, core::JobEvent> jobs_;
  std::map<std::int64_t, Delivery> deliveries_;
  std::vector<std::int64_t> redelivered_;
};

}  // namespace jitney::fakes
