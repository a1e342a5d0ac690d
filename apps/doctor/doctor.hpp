// SPDX-License-Identifier: Apache-2.0
// `jitney doctor`: looks at a set-up from the outside, changes nothing, and says what to do. What
// does not depend on each other is looked at side by side, each within bounds of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/config/secrets.hpp"
#include "apps/doctor/finding.hpp"
#include "core/clock.hpp"

namespace jitney::app {

// One thing to look at, apart from the others. `look` is called on a thread of its own; what it
// throws becomes a finding.
struct Look {
  std::string title;
  std::function<std::vector<Area>()> look;
};

// What this configuration asks for: its scopes of GitHub, and this machine or AWS. `load` reads
// secrets; `clock` and `config` outlive the looks.
std::vector<Look> looks_of(const Config& config, const LoadSecret& load, core::Clock& clock);

// Begins them all, and tells each in order, as soon as it and all before it are done. `waiting` is
// called with the title of the one that is waited for, before the wait.
void examine(const std::vector<Look>& looks, const std::function<void(const std::string&)>& waiting,
             const std::function<void(const Area&)>& tell);

// --- the looks; each blocks until it is done, and tells what it could not see
std::vector<Area> look_at_github(const Config& config, const GithubScope& scope,
                                 const LoadSecret& load, core::Clock& clock);
std::vector<Area> look_at_this_machine(const Config& config);
std::vector<Area> look_at_aws(const Config& config, core::Clock& clock);

}  // namespace jitney::app
