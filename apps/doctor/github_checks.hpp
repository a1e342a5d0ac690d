// SPDX-License-Identifier: Apache-2.0
// From what GitHub told of a scope to what a person should know: credentials, what they may do,
// clock, runner groups. Pure functions.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/doctor/finding.hpp"
#include "github/standing.hpp"

namespace jitney::app {

// Reached, who we are, that runners may be registered. The first that failed makes the rest of a
// scope senseless: GithubChecks::usable() says whether.
Finding check_credentials(const GithubScope& scope, const github::Standing& standing);
bool usable(const github::Standing& standing);

// What the App was given, or the classic token's scopes; of a fine-grained token what it was let
// see.
Finding check_permissions(const GithubScope& scope, const github::Standing& standing);
// Whether jobs may be asked about: the sweep and polling do.
Finding check_jobs_readable(const github::Standing& standing);
Finding check_clock(const github::Standing& standing);
Finding check_budget(const github::Standing& standing);

// One of the pools' groups, with the pools that use it.
Finding check_group(std::int64_t group, const std::vector<const core::Pool*>& pools,
                    const github::RunnerGroup& seen);
// Repositories that pools name and that do not show themselves. `trials` by "owner/name".
Finding check_repositories(const github::Standing& standing,
                           const std::map<std::string, github::Trial>& trials);

}  // namespace jitney::app
