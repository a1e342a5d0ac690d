// SPDX-License-Identifier: Apache-2.0
// From the webhooks of a scope to what a person should know: is ours there, does it bring jobs, and
// how were its last deliveries answered. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/doctor/finding.hpp"
#include "github/hooks.hpp"

namespace jitney::app {

// Jobs come by the first; the second only makes a job's checks sooner.
inline constexpr std::string_view kNeededEvent = "workflow_job";
inline constexpr std::string_view kUsefulEvent = "workflow_run";

struct SeenHooks {
  core::Result<std::vector<github::Hook>> hooks;
  // Of the hook that is ours, newest first.
  std::optional<core::Result<std::vector<github::HookDelivery>>> deliveries;
};

// The one with our URL; without a configured URL the first that brings jobs. Null: none.
const github::Hook* our_hook(const GithubScope& scope, const std::vector<github::Hook>& hooks);
bool brings(const github::Hook& hook, std::string_view event);

// What is wrong with a hook, a part each ("content type is form, not json"); empty: nothing.
// `wanted_url` empty: any will do.
std::vector<std::string> faults_of(const github::Hook& hook, const std::string& wanted_url);

// Is it there and as it should be? `app`: the scope belongs to an App.
std::vector<Finding> check_hook(const GithubScope& scope, bool app, const SeenHooks& seen);
// What its last deliveries were answered with, and what that means.
Finding check_deliveries(const SeenHooks& seen, core::Time now);
// Why an answer was given, and what to do about it.
std::string meaning_of(int answer, const std::string& status);

// How long a job waits whose webhook was lost, by this configuration.
Finding check_missed_webhooks(const Config& config, bool hooks_visible, std::int64_t repositories);

}  // namespace jitney::app
