// SPDX-License-Identifier: Apache-2.0
// GitHub's side of Actions as values: repositories, runs, jobs, registrations, and who gets which
// job. Pure: no I/O, no clock; every call takes `now`. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"

namespace jitney::sim {

using core::Duration;
using core::Time;

enum class ScopeKind { repository, organization, enterprise };
struct Scope {
  ScopeKind kind = ScopeKind::organization;
  std::string name;  // "owner/repo", "org" or "enterprise"
  friend bool operator==(const Scope&, const Scope&) = default;
};

struct Repository {
  std::int64_t id = 0;
  std::string owner;
  std::string name;
  bool is_private = true;
  Time created_at{};
  [[nodiscard]] std::string full_name() const { return owner + "/" + name; }
};

struct Group {
  std::int64_t id = 1;
  std::string name = "Default";
  std::set<std::string> repositories;  // full names; empty: all of the organisation
};

struct Organization {
  std::int64_t id = 0;
  std::string login;
  std::string enterprise;  // may be empty
  std::vector<Group> groups{Group{}};
  Time created_at{};
};

enum class Status { waiting, queued, in_progress, completed };
std::string_view to_string(Status status);

struct Step {
  std::string name;
  std::string run;  // shell command; empty for "Set up job" and the like
  Status status = Status::queued;
  std::string conclusion;
  Time started_at{};
  Time completed_at{};
};

struct Job {
  std::int64_t id = 0;
  std::int64_t run_id = 0;
  int attempt = 1;
  std::int64_t repository = 0;
  std::string name;
  std::vector<std::string> labels;
  std::vector<Step> steps;
  std::map<std::string, std::string> env;
  Status status = Status::queued;
  std::string conclusion;  // success, failure, cancelled
  std::string annotation;  // why, where GitHub says more than the conclusion
  Time created_at{};
  Time queued_at{};  // when it last became available to runners
  Time assigned_at{};
  Time started_at{};
  Time completed_at{};
  std::int64_t runner_id = 0;
  std::string runner_name;
  std::int64_t group_id = 0;
  std::string group_name;
  bool cancel_requested = false;
  int assignments = 0;  // how many runners it was given to, counting those that never answered
};

struct Run {
  std::int64_t id = 0;
  std::int64_t repository = 0;
  std::int64_t workflow_id = 0;
  std::string workflow;
  std::int64_t number = 0;
  int attempt = 1;
  std::string event = "workflow_dispatch";
  std::string branch = "main";
  std::string sha;
  Status status = Status::queued;
  std::string conclusion;
  Time created_at{};
  Time started_at{};
  Time updated_at{};
  std::vector<std::int64_t> jobs;  // of all attempts, in order of creation
};

struct Runner {
  std::int64_t id = 0;
  std::string name;
  Scope scope;
  std::int64_t group_id = 1;
  std::string group_name;
  std::vector<std::string> labels;  // lower case
  std::string client_id;            // of its credential
  bool ephemeral = true;
  bool foreign = false;      // lives in the simulation: takes jobs without any process
  Duration foreign_work{};   // how long a foreign runner works on a job
  std::int64_t session = 0;  // 0: none
  bool polling = false;
  std::string version;
  std::int64_t job = 0;  // busy with it, or 0
  bool told = false;     // the job message was handed to the runner
  Time created_at{};
  Time first_online_at{};  // Time{}: never was
  Time seen_at{};          // last sign of life
  Time idle_since{};
  [[nodiscard]] bool busy() const { return job != 0; }
};

// A registration that is no more, kept for assertions.
struct Departed {
  std::int64_t id = 0;
  std::string name;
  std::string reason;  // deleted, job finished, idle, never online, offline, lost
  Time at{};
};

struct Rules {
  Duration idle{std::chrono::minutes(5)};            // idle JIT runners are removed after this
  Duration never_online{std::chrono::hours(24)};     // and those that never came, or went away
  Duration offline_after{std::chrono::seconds(15)};  // without a poll or heartbeat
  Duration accept_within{
      std::chrono::seconds(30)};                  // job message unanswered: the job is queued again
  Duration lost_after{std::chrono::seconds(60)};  // busy and silent: the job fails
  Duration dispatch_delay{0};                     // between queued and first assignment
  std::size_t group_size = 10'000;                // registrations a runner group may hold
};

struct JobSpec {
  std::string name;
  std::vector<std::string> labels;
  std::vector<std::string> steps;  // shell commands
  std::map<std::string, std::string> env;
  bool waiting = false;  // behind a deployment gate until approved
};
struct WorkflowSpec {
  std::string repository;  // "owner/name"
  std::string name = "CI";
  std::string branch = "main";
  std::string event = "workflow_dispatch";
  std::vector<JobSpec> jobs;
};

struct Registering {
  Scope scope;
  std::string name;
  std::int64_t group_id = 1;
  std::vector<std::string> labels;
  bool ephemeral = true;
};
enum class Refused { no_group, foreign_group, duplicate_name, group_full, no_scope };
enum class Removal { removed, absent, busy };
enum class SessionEnd { gone, conflict };

// What webhooks tell: copies, as things stood when it happened.
struct Event {
  bool of_run = false;
  std::string action;
  Run run;
  Job job;  // unused when of_run
};

class World {
 public:
  World(Rules rules, std::uint64_t seed);

  void add_organization(const std::string& login, const std::string& enterprise, Time now);
  const Repository& add_repository(const std::string& full_name, Time now);  // and its owner
  Group& add_group(const std::string& organization, const std::string& name);

  // `not_found`: no such repository. `invalid`: no jobs, or a job without labels.
  core::Result<std::int64_t> queue(const WorkflowSpec& spec, Time now);
  core::Status approve(std::int64_t job, Time now);
  // A queued job ends at once; a running one when its runner obeys.
  core::Status cancel_job(std::int64_t job, Time now);
  core::Status cancel_run(std::int64_t run, Time now);
  // New job ids, run_attempt + 1. `conflict` while the run is going on.
  core::Status rerun(std::int64_t run, bool failed_only, Time now);

  std::expected<Runner*, Refused> add_runner(const Registering& wish, Time now);
  Runner& add_foreign(const Registering& wish, Duration work, Time now);
  Removal remove_runner(std::int64_t id, Time now);

  // The runner's side. `gone`: the registration is no more.
  std::expected<std::int64_t, SessionEnd> open_session(std::int64_t runner, Time now);
  void close_session(std::int64_t session, Time now);
  bool poll(std::int64_t session, Time now);        // false: gone
  void poll_ended(std::int64_t session, Time now);  // the runner hears nothing until it polls again
  Job* message(std::int64_t session,
               Time now);  // the job given to a polling runner, handed out once
  bool start(std::int64_t session, std::int64_t job, Time now);      // false: the job is not yours
  Job* heartbeat(std::int64_t session, std::int64_t job, Time now);  // null: not yours (any more)
  bool finish(std::int64_t session, std::int64_t job, const std::string& conclusion, Time now);

  // Gives queued jobs to idle runners, and lets time do its work.
  void tick(Time now);

  std::vector<Event> take_events();

  [[nodiscard]] const Repository* repository(const std::string& full_name) const;
  [[nodiscard]] const Repository* repository(std::int64_t id) const;
  [[nodiscard]] const Organization* organization(const std::string& login) const;
  [[nodiscard]] bool has_scope(const Scope& scope) const;
  [[nodiscard]] const Group* group(const Scope& scope, std::int64_t id) const;
  [[nodiscard]] const Run* run(std::int64_t id) const;
  [[nodiscard]] const Job* job(std::int64_t id) const;
  Job* job(std::int64_t id);
  Runner* runner(std::int64_t id);
  Runner* runner_of_session(std::int64_t session);
  [[nodiscard]] const std::vector<Repository>& repositories() const { return repositories_; }
  [[nodiscard]] const std::vector<Organization>& organizations() const { return organizations_; }
  [[nodiscard]] const std::map<std::int64_t, Run>& runs() const { return runs_; }
  [[nodiscard]] const std::map<std::int64_t, Job>& jobs() const { return jobs_; }
  [[nodiscard]] const std::map<std::int64_t, Runner>& runners() const { return runners_; }
  [[nodiscard]] const std::deque<Departed>& departed() const { return departed_; }
  [[nodiscard]] bool online(const Runner& runner) const {
    return runner.foreign || runner.session != 0;
  }
  Rules& rules() { return rules_; }

 private:
  Job make_job(const Run& run, const JobSpec& spec, Time now);
  void enter(Job& job, Time now);  // a new job: waiting or queued, with its event
  void begin(Job& job, Runner& runner, Time now);
  void end(Job& job, const std::string& conclusion, const std::string& annotation, Time now);
  void settle(Run& run, Time now);
  void depart(std::int64_t runner, const std::string& reason, Time now);
  void dispatch(Time now);
  void requeue_or_lose(Runner& runner, Time now);
  bool expire(Runner& runner, Time now);
  [[nodiscard]] bool serves(const Runner& runner, const Job& job) const;
  void tell(const std::string& action, const Job& job);
  void tell(const std::string& action, const Run& run);

  Rules rules_;
  std::mt19937_64 random_;
  std::vector<Organization> organizations_;
  std::vector<Repository> repositories_;
  std::map<std::int64_t, Run> runs_;
  std::map<std::int64_t, Job> jobs_;
  std::set<std::int64_t> queued_;  // job ids
  std::map<std::int64_t, Runner> runners_;
  std::map<std::int64_t, std::int64_t> sessions_;  // session -> runner
  std::deque<Departed> departed_;
  std::vector<Event> events_;
  std::int64_t next_run_ = 19'000'000'001;  // beyond 32 bits, as on github.com
  std::int64_t next_job_ = 54'000'000'001;
  std::int64_t next_runner_ = 21;
  std::int64_t next_session_ = 1;
  std::int64_t next_thing_ = 700'000'001;  // owners, repositories, workflows
};

bool same_name(std::string_view a, std::string_view b);  // GitHub's names compare without case
std::string lower_case(std::string_view text);

}  // namespace jitney::sim
