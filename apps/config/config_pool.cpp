// SPDX-License-Identifier: Apache-2.0
// [[pool]] and [process]: what runners there are, and how this machine runs them. EC2's part is in
// config_ec2.cpp.
#include <algorithm>

#include "apps/config/config_reader.hpp"
#include "apps/config/config_text.hpp"

namespace jitney::app {

namespace {

using namespace std::chrono_literals;

constexpr Bounds<core::Duration> kDeadline{1ms, 24h * 35};
constexpr std::size_t kMostLabels = 100;    // GitHub's bound for one runner
constexpr std::size_t kLongestRunner = 64;  // GitHub's bound for a runner's name
constexpr std::size_t kNumberDigits = 8;    // of a launch number, for a long time

void read_name(Section& section, core::Pool& pool, const Config& config) {
  section.read("name", pool.name);
  if (!section.has("name")) {
    section.missing("name", "name = \"linux\": jobs ask for it as a label");
    return;
  }
  if (section.told("name")) return;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (pool.name.empty() || pool.name.size() > 40 || !std::ranges::all_of(pool.name, fits)) {
    section.wrong("name", "is " + quoted(pool.name) + "; write 1 to 40 of a-z, 0-9, - and _");
    return;
  }
  const std::size_t length = config.deployment.name.size() + pool.name.size() + 2 + kNumberDigits;
  if (length > kLongestRunner) {
    section.wrong("name",
                  "is too long beside the deployment's: GitHub takes runner names of 64 "
                  "characters; write one of at most " +
                      std::to_string(pool.name.size() - (length - kLongestRunner)));
  }
  if (config.deployment.pool(pool.name) != nullptr) {
    section.wrong("name",
                  "is " + quoted(pool.name) + ", as another pool is named; write another name");
  }
}

void read_labels(Section& section, core::Pool& pool) {
  std::vector<std::string> labels = {"self-hosted"};
  section.read("labels", labels);
  labels.push_back(pool.name);
  for (std::string& label : labels) {
    const bool bad = label.empty() || label.size() > 256 || label.front() == ' ' ||
                     label.back() == ' ' || std::ranges::any_of(label, [](char c) {
                       return c == ',' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                     });
    // The pool's own name is checked where it is read.
    if (bad && &label != &labels.back()) {
      section.wrong("labels", "has " + quoted(label) +
                                  "; write labels of 1 to 256 characters without commas or outer "
                                  "spaces, each in quotes of its own");
    }
    label = core::lower(label);
  }
  std::ranges::sort(labels);
  const auto repeated = std::ranges::unique(labels);
  labels.erase(repeated.begin(), repeated.end());
  if (labels.size() > kMostLabels)
    section.wrong("labels", "are more than 100, GitHub's bound; remove some");
  pool.labels = std::move(labels);
}

const GithubScope* read_scope(Section& section, core::Pool& pool, const Config& config) {
  section.read("github", pool.scope);
  if (!section.has("github")) {
    if (config.github.size() == 1) pool.scope = config.github.front().name;
    if (config.github.size() > 1) {
      section.missing("github", "the name of the [[github]] entry that the pool registers with");
    }
    return config.github.size() == 1 ? &config.github.front() : nullptr;
  }
  // Of scopes whose names are mistakes themselves it cannot be said that it is none.
  const bool known = !config.github.empty() &&
                     std::ranges::none_of(config.github, &std::string::empty, &GithubScope::name);
  const GithubScope* scope = config.scope(pool.scope);
  if (scope == nullptr && known && !section.told("github")) {
    std::string names;
    for (const GithubScope& one : config.github)
      names += (names.empty() ? "" : ", ") + quoted(one.name);
    section.wrong("github", "is " + quoted(pool.scope) +
                                ", which no [[github]] is named; write one of " + names);
  }
  return scope;
}

bool is_repository(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && slash > 0 && slash + 1 < text.size() &&
         text.find('/', slash + 1) == std::string_view::npos &&
         std::ranges::none_of(text, [](char c) { return c == ' ' || c == ':' || c == ','; });
}

// Whether no job of the scope can be of that repository, which may be a pattern.
bool never_in(const GithubScope& scope, const std::string& repository) {
  switch (scope.kind) {
    case GithubScope::Kind::repository: {
      core::Pool pool;
      pool.repositories = {repository};
      return !core::serves(pool, scope.owner + "/" + scope.repository);
    }
    case GithubScope::Kind::organization: {
      const std::string owner = repository.substr(0, repository.find('/'));
      return owner.find('*') == std::string::npos && core::lower(owner) != core::lower(scope.owner);
    }
    case GithubScope::Kind::enterprise:
      return false;
  }
  return false;
}

void read_repositories(Section& section, core::Pool& pool, const GithubScope* scope) {
  section.read("repositories", pool.repositories);
  if (scope != nullptr && scope->owner.empty()) scope = nullptr;  // its URL is a mistake
  for (const std::string& repository : pool.repositories) {
    if (!is_repository(repository)) {
      section.wrong("repositories", "has " + quoted(repository) +
                                        "; write \"owner/name\", or with * as in \"owner/*\"");
      continue;
    }
    if (scope != nullptr && never_in(*scope, repository)) {
      const bool one = scope->kind == GithubScope::Kind::repository;
      section.wrong("repositories",
                    "has " + quoted(repository) + ", but [[github]] " + quoted(scope->name) +
                        " is " + scope->url + "; " +
                        (one ? "leave the line out" : "write repositories of " + scope->owner));
    }
  }
  if (scope != nullptr && scope->kind == GithubScope::Kind::repository &&
      pool.repositories.empty()) {
    pool.repositories = {scope->owner + "/" + scope->repository};
  }
}

void read_deadlines(Section& section, core::Deadlines& into) {
  Section deadlines = section.table("deadlines");
  deadlines.read("batch", into.batch, kDeadline);
  deadlines.read("boot", into.boot, kDeadline);
  deadlines.read("start", into.start, kDeadline);
  deadlines.read("lease", into.lease, kDeadline);
  deadlines.read("online", into.online, kDeadline);
  deadlines.read("idle", into.idle, kDeadline);
  deadlines.read("surplus", into.surplus, kDeadline);
  deadlines.read("max_job_time", into.max_job_time, kDeadline);
  deadlines.finish();
}

void read_counts(Section& section, core::Pool& pool, const GithubScope* scope) {
  section.read("max", pool.max, {0, 10'000});
  section.read("warm", pool.warm, {0, 10'000});
  if (pool.warm > pool.max && !section.told("max")) {
    section.wrong(section.has("warm") ? "warm" : "max",
                  "makes warm = " + std::to_string(pool.warm) + " more than max = " +
                      std::to_string(pool.max) + "; write warm of at most max");
  }
  section.read("runner_group", pool.runner_group, Bounds<std::int64_t>{1, 1'000'000'000});
  if (scope != nullptr && scope->kind == GithubScope::Kind::repository && pool.runner_group != 1) {
    section.wrong("runner_group", "is " + std::to_string(pool.runner_group) +
                                      ", but a repository has no groups; leave the line out");
  }
}

void check_env(Section& section, const ProcessPool& process) {
  for (const auto& [name, value] : process.env) {
    const bool fits = !name.empty() && (name.front() < '0' || name.front() > '9') &&
                      std::ranges::all_of(name, [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '_';
                      });
    if (!fits) {
      section.wrong("env", "has " + quoted(name) + "; write names of a-z, A-Z, 0-9 and _");
    } else if (name.starts_with("ACTIONS_RUNNER_INPUT_")) {
      section.wrong("env", "has " + quoted(name) +
                               ", which would override what Jitney hands to the runner; remove it");
    } else if (value.find('\0') != std::string::npos) {
      section.wrong("env", "has a NUL byte in " + quoted(name) + "; remove it");
    }
  }
}

ProcessPool read_process(Section& pool, const ProcessPool& defaults, bool needs_dir) {
  Section section = pool.table("process");
  ProcessPool process = defaults;
  section.read_path("runner_dir", process.runner_dir);
  if (needs_dir && !section.has("runner_dir")) {
    section.missing("runner_dir",
                    "runner_dir = \"/opt/actions-runner\", the directory that has "
                    "bin/Runner.Listener, here or in [process] for all pools");
  }
  section.read("runner_user", process.runner_user);
  section.read_size("memory", process.memory);
  section.read("cpu", process.cpu, Bounds<double>{0, 4096});
  section.read("tasks", process.tasks, {0, 4'000'000});
  section.read("env", process.env);
  check_env(section, process);
  section.finish();
  return process;
}

void read_pool(Section& section, Config& config, const ProcessPool& defaults, bool needs_dir) {
  core::Pool pool;
  read_name(section, pool, config);
  read_labels(section, pool);
  const GithubScope* scope = read_scope(section, pool, config);
  read_repositories(section, pool, scope);
  read_counts(section, pool, scope);
  read_deadlines(section, pool.deadlines);
  ProcessPool process = read_process(section, defaults, needs_dir);
  Ec2Pool ec2 = read_ec2_pool(section, pool.name, config);
  section.finish();
  if (config.deployment.pool(pool.name) != nullptr) return;
  config.process_pools.emplace(pool.name, std::move(process));
  config.ec2_pools.emplace(pool.name, std::move(ec2));
  config.deployment.pools.push_back(std::move(pool));
}

ProcessPool read_fleet(Section& section, Config& config) {
  ProcessPool defaults;
  section.read_path("runner_dir", defaults.runner_dir);
  section.read("runner_user", defaults.runner_user);
  config.process.runners_dir = config.server.state_dir + "/runners";
  section.read_path("runners_dir", config.process.runners_dir);
  section.read_size("min_free_disk", config.process.min_free_disk);
  section.read("stop_grace", config.process.stop_grace, {0ms, 1h});
  section.read("keep_logs", config.process.keep_logs, {0ms, 24h * 365});
  section.finish();
  return defaults;
}

}  // namespace

void read_pools(Section& root, Config& config) {
  Section fleet = root.table("process");
  const ProcessPool defaults = read_fleet(fleet, config);
  // A wrong one for all pools was told there, and not once more for each pool.
  const bool needs_dir =
      config.fleet == FleetKind::process && !root.told("fleet") && !fleet.has("runner_dir");
  std::vector<Section> sections = root.tables("pool");
  for (Section& section : sections) read_pool(section, config, defaults, needs_dir);
  if (sections.empty() && (!root.has("pool") || root.get("pool")->is_array())) {
    root.missing("[[pool]]", "[[pool]] with name and max: a kind of runner");
  }
}

}  // namespace jitney::app
