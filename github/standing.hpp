// SPDX-License-Identifier: Apache-2.0
// Who we are to GitHub and what it lets us see of a scope, by harmless reads: the facts that a
// person needs to know what is wrong with a set-up. Every answer is kept, refusals too; nothing is
// changed. Thread-safe as Session is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "github/session.hpp"

namespace jitney::github {

// GitHub's answer to a read that may be refused.
struct Trial {
  int status = 0;       // 0: no answer came
  std::string message;  // GitHub's own words, or why there was no answer; empty for a success
  core::Fault fault = core::Fault::transient;  // of a refusal
  [[nodiscard]] bool succeeded() const { return status >= 200 && status < 300; }
};

struct AppStanding {
  Trial app;           // is it known, with this key?
  std::string name;    // its slug
  Trial installation;  // is it the App's?
  std::string account;
  bool suspended = false;
  bool all_repositories = true;
  std::map<std::string, std::string> permissions;  // "actions": "read"
  std::vector<std::string> events;
};

struct RunnerVersion {
  std::string runner;
  std::string version;
};

struct Standing {
  std::optional<AppStanding> app;                  // nullopt: a token
  std::optional<std::vector<std::string>> scopes;  // of a classic token
  std::optional<core::Duration> skew;              // our clock less GitHub's; nullopt: not told
  Trial runners;                                   // listing our scope's runners
  std::vector<RunnerVersion> versions;             // of those that say theirs
  std::string newest_runner;                       // "2.336.0", as GitHub offers it; empty: unknown
  Trial repositories;                              // listing them; not asked of enterprises
  std::vector<std::string> visible;                // the first of them
  std::int64_t visible_count = 0;                  // at least so many
  std::string tried;  // the repository whose runs were asked for; empty: none
  Trial runs;
  std::optional<core::CallBudget> budget;
};

// A dozen calls at most, each within the session's call time.
Standing look_at_standing(Session& session, core::Clock& clock);

struct RunnerGroup {
  Trial shown;
  std::string name;
  std::string visibility;  // "all", "private", "selected"
  bool allows_public = false;
  bool limited_to_workflows = false;
  // Of a group for selected repositories; nullopt: not asked, or more than are looked at.
  std::optional<std::vector<std::string>> repositories;
};

// Of an organisation or an enterprise; a repository has the default group alone.
RunnerGroup look_at_group(Session& session, std::int64_t group);

// Whether this repository ("owner/name") shows itself to us.
Trial look_at_repository(Session& session, const std::string& repository);

}  // namespace jitney::github
