// SPDX-License-Identifier: Apache-2.0
// jobs, runners, pools.
#include <algorithm>

#include "apps/jitney/commands.hpp"
#include "apps/serve/render.hpp"
#include "core/launch.hpp"
#include "core/plan.hpp"

namespace jitney::app {

namespace {

namespace json = boost::json;

// Ignored jobs are hidden by default; so many rows are read to find the others.
constexpr std::size_t kMostRows = 100'000;

Cell status_cell(const core::Job& job, core::Time now) {
  if (job.status == core::JobStatus::completed) {
    const std::string text = job.conclusion.empty() ? "completed" : job.conclusion;
    return {text, text == "success" ? Paint::good : text == "failure" ? Paint::bad : Paint::faint};
  }
  if (job.dead) return {"dead", Paint::bad};
  if (job.pool.empty()) return {"ignored", Paint::faint};
  if (job.status == core::JobStatus::in_progress) return {"running", Paint::good};
  if (job.not_before > now) {
    return {"retry in " + core::describe(job.not_before - now), Paint::waiting};
  }
  return {std::string(core::to_string(job.status)), Paint::waiting};
}

// How long it has been what it is now.
core::Time since(const core::Job& job) {
  const auto known = [&](core::Time time) { return time == core::Time{} ? job.queued_at : time; };
  if (job.status == core::JobStatus::completed) return known(job.completed_at);
  if (job.dead) return known(job.dead->at);
  if (job.status == core::JobStatus::in_progress) return known(job.started_at);
  return job.queued_at == core::Time{} ? job.created_at : job.queued_at;
}

Cell phase_cell(core::Phase phase) {
  const std::string text(core::to_string(phase));
  switch (phase) {
    case core::Phase::planned:
    case core::Phase::launched:
    case core::Phase::ready:
    case core::Phase::starting:
    case core::Phase::registered:
      return {text, Paint::waiting};
    case core::Phase::busy:
      return {text, Paint::good};
    case core::Phase::stopping:
    case core::Phase::gone:
      return {text, Paint::faint};
  }
  return {text};
}

core::Result<core::JobFilter> filter_of(const JobsOptions& options) {
  core::JobFilter filter;
  if (!options.pool.empty()) filter.pool = options.pool;
  if (!options.status.empty()) filter.status = core::parse_job_status(options.status);
  filter.open_only = !options.all && options.status.empty();
  const bool hides_ignored = !options.all;
  filter.limit = hides_ignored ? kMostRows : static_cast<std::size_t>(options.limit);
  return filter;
}

core::Status check_pool(const Config& config, const std::string& pool) {
  if (pool.empty() || config.deployment.pool(pool) != nullptr) return {};
  std::string names;
  for (const core::Pool& one : config.deployment.pools) {
    names += (names.empty() ? "" : ", ") + one.name;
  }
  return core::fail(core::Fault::not_found,
                    "no pool is named \"" + printable(pool) + "\"; configured are: " + names);
}

std::string no_jobs(const JobsOptions& options) {
  if (options.all)
    return "No jobs yet. Is the webhook sending \"Workflow jobs\"? See docs/operations.md\n";
  return "No open jobs. Finished and ignored ones: jitney jobs --all\n";
}

// What keeps a pool from launching is a sentence, and no table is wide enough for it.
std::string held_text(const core::Pool& pool, const std::optional<core::Note>& hold,
                      const Asked& asked) {
  if (!hold || hold->expires <= asked.now) return "";
  const std::string text = "Pool " + pool.name + " launches nothing: " + hold->value +
                           ". The next try is in " + core::describe(hold->expires - asked.now) +
                           ".";
  return "\n" + wrapped(printable(text), asked.screen) + "\n";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

int list_jobs(const Asked& asked, const JobsOptions& options) {
  if (auto known = check_pool(asked.config, options.pool); !known) return complain(known.error());
  auto file = OpenLedger::read(asked.config);
  if (!file) return complain(file.error());
  warn_if_unserved(*file, asked.config);
  const auto filter = filter_of(options);
  if (!filter) return complain(filter.error());
  auto jobs = file->ledger().jobs(*filter);
  if (!jobs) return complain(jobs.error());
  if (!options.all) std::erase_if(*jobs, [](const core::Job& job) { return job.pool.empty(); });
  const std::size_t found = jobs->size();
  const auto limit = static_cast<std::size_t>(options.limit);
  if (found > limit) jobs->resize(limit);
  if (asked.json) {
    json::array list;
    for (const core::Job& job : *jobs) list.push_back(job_json(job));
    return answered(print_json(json::object{{"jobs", std::move(list)}}));
  }
  if (jobs->empty()) return answered(print(no_jobs(options)));
  Table table({{"JOB"},
               {"STATUS"},
               {"FOR"},
               {"POOL", 8},
               {"RUNNER", 10},
               {"REPOSITORY", 12},
               {"NAME", 12}});
  for (const core::Job& job : *jobs) {
    table.add({{std::to_string(job.id)},
               status_cell(job, asked.now),
               {age(since(job), asked.now)},
               {job.pool.empty() ? "-" : job.pool},
               {job.runner_name.empty() ? "-" : job.runner_name},
               {job.repository},
               {job.name}});
  }
  std::string text = table.text(asked.screen);
  if (found > limit || (options.all && found == limit)) {
    text += "The newest " + std::to_string(limit) + " are shown; more with --limit\n";
  }
  return answered(print(text));
}

int list_runners(const Asked& asked, const std::string& pool) {
  if (auto known = check_pool(asked.config, pool); !known) return complain(known.error());
  auto file = OpenLedger::read(asked.config);
  if (!file) return complain(file.error());
  warn_if_unserved(*file, asked.config);
  auto runners = file->ledger().live_runners();
  if (!runners) return complain(runners.error());
  if (!pool.empty()) {
    std::erase_if(*runners, [&](const core::Runner& runner) { return runner.pool != pool; });
  }
  if (asked.json) {
    json::array list;
    for (const core::Runner& runner : *runners) list.push_back(runner_json(runner));
    return answered(print_json(json::object{{"runners", std::move(list)}}));
  }
  if (runners->empty()) {
    return answered(print("No runners now. They come with jobs: jitney jobs shows what waits\n"));
  }
  Table table(
      {{"RUNNER"}, {"PHASE"}, {"FOR"}, {"POOL", 8}, {"JOB"}, {"MACHINE", 12}, {"REASON", 12}});
  for (const core::Runner& runner : *runners) {
    table.add({{runner.name},
               phase_cell(runner.phase),
               {age(runner.phase_since, asked.now)},
               {runner.pool},
               {runner.job == 0 ? "-" : std::to_string(runner.job)},
               {runner.machine.empty() ? "-" : runner.machine},
               {runner.reason}});
  }
  return answered(print(table.text(asked.screen)));
}

int list_pools(const Asked& asked) {
  auto file = OpenLedger::read(asked.config);
  if (!file) return complain(file.error());
  warn_if_unserved(*file, asked.config);
  json::array list;
  Table table(
      {{"POOL"}, {"QUEUED"}, {"RUNNING"}, {"RUNNERS"}, {"WARM"}, {"GITHUB", 8}, {"LABELS", 12}});
  std::string held;
  for (const core::Pool& pool : asked.config.deployment.pools) {
    const auto snapshot = file->ledger().snapshot(pool.name);
    if (!snapshot) return complain(snapshot.error());
    const auto hold = file->ledger().note(core::hold_key(pool.name));
    if (!hold) return complain(hold.error());
    list.push_back(pool_json(pool, *snapshot, *hold, asked.now));
    const auto jobs = [&](core::JobStatus status) {
      return std::to_string(std::ranges::count(snapshot->jobs, status, &core::Job::status));
    };
    table.add({{pool.name},
               {jobs(core::JobStatus::queued)},
               {jobs(core::JobStatus::in_progress)},
               {std::to_string(snapshot->runners.size()) + " of " + std::to_string(pool.max)},
               {std::to_string(pool.warm)},
               {pool.scope},
               {joined(pool.labels)}});
    held += held_text(pool, *hold, asked);
  }
  if (asked.json) return answered(print_json(json::object{{"pools", std::move(list)}}));
  return answered(print(table.text(asked.screen) + held));
}

}  // namespace jitney::app
