// SPDX-License-Identifier: Apache-2.0
// GitHub as the core sees it: the Forge port over the same rules (sim/github/world.hpp) that the
// HTTP stand-in serves, plus webhooks, outages, and the runners' side of it. One thread;
// deterministic.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/forge.hpp"
#include "sim/github/world.hpp"
#include "sim/world/call_limits.hpp"
#include "sim/world/mix.hpp"
#include "sim/world/pace.hpp"
#include "sim/world/random.hpp"
#include "sim/world/scheduler.hpp"

namespace jitney::sim {

// What a webhook tells: of a job, or that a run changed.
struct Webhook {
  core::JobEvent job;
  std::string run;  // "<scope> <owner/name> <run id>": it is of a run
};

// In every JIT configuration and nowhere else: where it is found, a secret has leaked.
inline constexpr std::string_view kJitMark = "eyJqaXQiOi";

class Hub final : public core::Forge {
 public:
  struct Hooks {
    // A webhook arrives; answers whether it was accepted (2xx). Runs as a task of its own.
    std::function<void(const Webhook&, std::function<void(bool)> answered)> webhook;
    std::function<void(const core::RunnerName&, std::optional<int> exit_code)> runner_ended;
  };

  Hub(Scheduler& scheduler, Random& random, const Mix& mix, std::string deployment, Hooks hooks,
      const std::vector<std::string>& repositories, const Pace& pace = {});

  // Forge, for organisation "acme".
  core::Result<core::Minted> mint(const core::RunnerName& name, std::span<const std::string> labels,
                                  std::int64_t group) override;
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
  std::optional<core::CallBudget> budget() override { return limits_.budget(); }

  // The machine side: a runner process that was handed a JIT configuration, and its sudden end.
  void run(const core::RunnerName& name, const std::string& jit);
  void power_off(const core::RunnerName& name);

  // The users' side.
  void queue(const WorkflowSpec& spec);
  void cancel(std::int64_t job);
  void rerun(std::int64_t run);
  void add_thief(const std::vector<std::string>& labels, core::Duration lives);
  void approve(std::int64_t job);
  // Registrations of other deployments, with names that look like ours; for jobs of theirs.
  void add_neighbours();
  void set_outage(bool on) { outage_ = on; }
  void lose_next_webhook() { ++losing_; }
  void relieve() { limits_.relieve(); }
  [[nodiscard]] core::Time told_until() const { return limits_.told_until(); }

  // Dispatches, lets time work, sends what there is to tell.
  void tick();

  [[nodiscard]] const World& world() const { return world_; }
  World& world() { return world_; }
  [[nodiscard]] core::Time now() const { return scheduler_.now(); }
  // Deliveries that failed, have no success, and were never redelivered.
  [[nodiscard]] std::vector<std::string> forgotten_deliveries() const;
  [[nodiscard]] std::size_t deliveries() const { return deliveries_.size(); }
  [[nodiscard]] long calls() const { return calls_; }
  [[nodiscard]] bool runs_a_job(const core::RunnerName& name) const;
  [[nodiscard]] std::int64_t foreign_removed() const { return foreign_removed_; }

 private:
  struct Delivery {
    std::int64_t id = 0;
    std::string guid;
    Webhook hook;
    core::Time at{};
    bool ok = false;
  };
  // A runner process somewhere.
  struct Process {
    std::int64_t registration = 0;
    std::int64_t session = 0;
    std::int64_t job = 0;
    core::Time job_ends{};
    std::uint64_t life = 0;  // guards events of an earlier life
  };

  core::Status usable(CallKind kind);
  [[nodiscard]] const Repository* repository(const std::string& name) const;
  [[nodiscard]] core::JobEvent event_of(const Job& job) const;
  void tell_all();
  void send(std::string guid, const Webhook& hook);
  void deliver(std::size_t index);
  void connect(const core::RunnerName& name, std::uint64_t life);
  void step(const core::RunnerName& name, std::uint64_t life);
  void work(const core::RunnerName& name, Process& process);
  void exit(const core::RunnerName& name, std::optional<int> code);
  void plan_end(const core::RunnerName& name, std::uint64_t life, bool at_work);
  void again(const core::RunnerName& name, std::uint64_t life, core::Duration delay);

  Scheduler& scheduler_;
  Random& random_;
  const Mix& mix_;
  const Pace pace_;
  const std::string deployment_;
  Hooks hooks_;
  World world_;
  CallLimits limits_;
  bool outage_ = false;
  int losing_ = 0;
  long calls_ = 0;
  std::int64_t foreign_removed_ = 0;
  std::vector<Delivery> deliveries_;
  std::map<core::RunnerName, Process> processes_;
  std::uint64_t next_life_ = 1;
};

}  // namespace jitney::sim
